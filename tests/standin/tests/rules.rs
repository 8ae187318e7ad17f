//! The rules of chains, codes and tokens, without a network: any sequence of what customers, an OEM and Invantive
//! Cloud may do, with the invariants checked after every step.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests, which clippy does not see"
)]

use handover_standin::{
    App, Limits, User,
    books::{Exchange, ExchangeOutcome, Grant, Peer},
    exact::{error::Refusal, grants::TokenRequest, login::AuthRequest},
    random::Randomness,
    settings::OldTokenDies,
    world::World,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const REDIRECT: &str = "https://connect.example.com/cb";
const USERS: [&str; 2] = ["anna", "bram"];
const APPS: [&str; 2] = ["app-1", "app-2"];

#[derive(Clone, Debug)]
enum Step {
    /// A user consents for an app; the code waits.
    Consent(usize, usize),
    /// Somebody presents one of the codes.
    Code(prop::sample::Index),
    /// Somebody presents one of the refresh tokens.
    Refresh(prop::sample::Index, bool),
    /// Somebody presents the newest refresh token.
    RefreshNewest,
    /// A user withdraws.
    Withdraw(usize),
    /// Time passes.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..USERS.len(), 0..APPS.len()).prop_map(|(user, app)| Step::Consent(user, app)),
        4 => any::<prop::sample::Index>().prop_map(Step::Code),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(index, oem)| Step::Refresh(index, oem)),
        4 => Just(Step::RefreshNewest),
        1 => (0..USERS.len()).prop_map(Step::Withdraw),
        4 => prop_oneof![1..180_i64, 560..600_i64, 86_400..(31 * 86_400_i64)].prop_map(Step::Wait),
    ]
}

struct Model {
    world: World,
    now: Timestamp,
}

impl Model {
    fn new(old_token_dies: OldTokenDies) -> Self {
        let mut world = World::new(Randomness::seeded(7));
        let unlimited = Limits {
            token_calls_a_day: u32::MAX,
            errors_an_hour: u32::MAX,
            ..Limits::default()
        };
        for app in APPS {
            let redirect_uris = vec![REDIRECT.to_owned()];
            let app_settings = App {
                redirect_uris,
                old_token_dies,
                limits: unlimited.clone(),
                ..App::default()
            };
            world.exact.apps.insert(app.to_owned(), app_settings);
        }
        for user in USERS {
            world.exact.put_user(user, User::default(), &mut world.random);
        }
        Self {
            world,
            now: Timestamp::from_second(1_750_000_000).unwrap(),
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Consent(user, app) => self.consent(USERS[*user], APPS[*app]),
            Step::Code(index) => {
                let codes = self.world.exact.codes.all();
                if !codes.is_empty() {
                    let code = index.get(codes);
                    let request = code_request(&code.client_id, &code.value);
                    drop(self.present(&request, Peer::Oem));
                }
            }
            Step::Refresh(index, oem) => {
                let tokens = self.world.exact.refresh_tokens.all();
                if !tokens.is_empty() {
                    let token = index.get(tokens);
                    let request = refresh_request(&token.client_id, &token.value);
                    drop(self.present(&request, if *oem { Peer::Oem } else { Peer::Invantive }));
                }
            }
            Step::RefreshNewest => {
                if let Some(token) = self.world.exact.refresh_tokens.all().last() {
                    let request = refresh_request(&token.client_id, &token.value);
                    drop(self.present(&request, Peer::Oem));
                }
            }
            Step::Withdraw(user) => self.world.exact.withdraw(USERS[*user], self.now),
            Step::Wait(seconds) => self.now = self.now.checked_add(SignedDuration::from_secs(*seconds)).unwrap(),
        }
    }

    fn consent(&mut self, user: &str, app: &str) {
        let World { exact, random, .. } = &mut self.world;
        let request = AuthRequest {
            client_id: app.to_owned(),
            redirect_uri: REDIRECT.to_owned(),
            state: None,
            challenge: None,
        };
        let id = exact.begin(request, random).unwrap();
        exact.log_in(&id, user, "", random).unwrap();
        exact.decide(&id, true, self.now, random).unwrap();
    }

    fn present(&mut self, request: &TokenRequest, by: Peer) -> Result<(), Refusal> {
        self.world
            .exact
            .token(request, by, self.now, &mut self.world.random)
            .map(drop)
    }

    /// Which refresh tokens would be accepted if nothing were ever too early, each tried in a world of its own.
    fn acceptable(&self) -> Vec<(String, String, usize)> {
        let tokens = self.world.exact.refresh_tokens.all();
        let accepted = tokens.iter().enumerate().filter(|(_, token)| {
            let mut world = self.world.clone();
            for app in world.exact.apps.values_mut() {
                app.lifetimes.earliest_refresh_seconds = 0;
                app.lifetimes.refresh_seconds = i64::from(u32::MAX);
            }
            let request = refresh_request(&token.client_id, &token.value);
            world
                .exact
                .token(&request, Peer::Oem, self.now, &mut world.random)
                .is_ok()
        });
        accepted
            .map(|(place, token)| (token.client_id.clone(), token.user.clone(), place))
            .collect()
    }

    fn accepted(&self) -> impl Iterator<Item = &Exchange> {
        self.world.exact.exchanges.iter().filter(|exchange| exchange.accepted())
    }
}

fn code_request(client_id: &str, code: &str) -> TokenRequest {
    TokenRequest {
        grant_type: "authorization_code".to_owned(),
        client_id: client_id.to_owned(),
        code: code.to_owned(),
        redirect_uri: REDIRECT.to_owned(),
        ..TokenRequest::default()
    }
}

fn refresh_request(client_id: &str, token: &str) -> TokenRequest {
    TokenRequest {
        grant_type: "refresh_token".to_owned(),
        client_id: client_id.to_owned(),
        refresh_token: token.to_owned(),
        ..TokenRequest::default()
    }
}

fn invariant_one_live_token_per_app_and_user(model: &Model) {
    let acceptable = model.acceptable();
    let mut owners: Vec<_> = acceptable.iter().map(|(app, user, _)| (app, user)).collect();
    owners.sort_unstable();
    let all = owners.len();
    owners.dedup();
    assert_eq!(all, owners.len(), "two live tokens of one app and user");
}

fn invariant_the_live_token_is_the_newest_of_its_owner(model: &Model) {
    let tokens = model.world.exact.refresh_tokens.all();
    for (app, user, place) in model.acceptable() {
        let newest = tokens
            .iter()
            .rposition(|token| token.client_id == app && token.user == user);
        assert_eq!(Some(place), newest);
    }
}

fn invariant_everything_is_exchanged_at_most_once(model: &Model) {
    let exact = &model.world.exact;
    assert!(exact.codes.all().iter().all(|code| code.presented.accepted <= 1));
    assert!(
        exact
            .refresh_tokens
            .all()
            .iter()
            .all(|token| token.presented.accepted <= 1)
    );
}

fn invariant_codes_are_exchanged_at_most_once(model: &Model) {
    assert!(
        model
            .world
            .exact
            .codes
            .all()
            .iter()
            .all(|code| code.presented.accepted <= 1)
    );
}

fn invariant_nothing_is_accepted_out_of_its_time(model: &Model) {
    for exchange in model.accepted() {
        let (issued_at, earliest, latest) = match exchange.grant {
            Grant::AuthorizationCode => (
                model.world.exact.codes.get(&exchange.presented).unwrap().issued_at,
                0,
                180,
            ),
            _ => {
                let token = model.world.exact.refresh_tokens.get(&exchange.presented).unwrap();
                (token.issued_at, 570, 30 * 86_400)
            }
        };
        let age = exchange.at.duration_since(issued_at).as_secs();
        assert!(age >= earliest && age < latest, "accepted at {age} s");
    }
}

fn invariant_the_books_add_up(model: &Model) {
    let exact = &model.world.exact;
    let presented: u32 = exact.codes.all().iter().map(|code| code.presented.times()).sum::<u32>()
        + exact
            .refresh_tokens
            .all()
            .iter()
            .map(|token| token.presented.times())
            .sum::<u32>();
    assert_eq!(usize::try_from(presented).unwrap(), exact.exchanges.len());
    for token in exact.refresh_tokens.all() {
        assert_eq!(
            token.presented_by.len(),
            usize::try_from(token.presented.times()).unwrap()
        );
        assert_eq!(
            token.exchanged_by.len(),
            usize::try_from(token.presented.accepted).unwrap()
        );
    }
    assert_eq!(exact.refresh_tokens.all().len(), model.accepted().count());
    let refused = exact
        .exchanges
        .iter()
        .filter(|one| matches!(one.outcome, ExchangeOutcome::Refused { .. }));
    assert_eq!(refused.count(), exact.errors.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn chains_keep_their_rules(steps in prop::collection::vec(step(), 1..40)) {
        let mut model = Model::new(OldTokenDies::AtExchange);
        for step in &steps {
            model.apply(step);
            invariant_everything_is_exchanged_at_most_once(&model);
            invariant_nothing_is_accepted_out_of_its_time(&model);
            invariant_the_books_add_up(&model);
        }
        invariant_one_live_token_per_app_and_user(&model);
        invariant_the_live_token_is_the_newest_of_its_owner(&model);
    }

    #[test]
    fn a_late_death_leaves_at_most_the_newest_and_its_predecessor(steps in prop::collection::vec(step(), 1..40)) {
        let mut model = Model::new(OldTokenDies::WhenNewIsUsed);
        for step in &steps {
            model.apply(step);
            invariant_codes_are_exchanged_at_most_once(&model);
            invariant_nothing_is_accepted_out_of_its_time(&model);
            invariant_the_books_add_up(&model);
        }
        for app in APPS {
            for user in USERS {
                let live = model.acceptable().iter().filter(|(a, u, _)| a == app && u == user).count();
                assert!(live <= 2, "{live} live tokens");
            }
        }
    }
}
