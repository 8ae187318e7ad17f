//! A deployment in memory, and a person with their answers ready.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use clap::Parser;
use handover_cli::{
    args::Arguments,
    commands::House,
    console::Console,
    failure::Failure,
    output::{Format, Printed},
    terminal::{Left, Screen, Sheet, View, frame},
    time::Zone,
};
use handover_core::{
    application::PlatformKind,
    apply::{Along, Desk},
    connection::{Connection, Identity, PairKey},
    event::{Actor, Brought, Event},
    ids::{AuthorisationId, ConnectionId, EffectId},
    plaintext,
    ports::{Clock, DataKey, Place, Randomness, Received, Store, Vault},
    registration::later,
};
use handover_simulation::{Chance, ManualClock, MemoryQueue, MemoryStore, MemoryVault, received};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use zeroize::Zeroizing;

/// What must turn up in no output: the client secret, the tokens, the channel's secret.
pub const SECRETS: [&str; 4] = [
    "client-secret-hush",
    "stampNL001.access-",
    "stampNL001.refresh-",
    "api-key-hush",
];
pub const PERSON: &str = "jan (acme-Operator)";
pub const START: &str = "2026-12-01T08:00:00Z";

/// Everything lives as long as the process: tests are short.
#[derive(Clone, Copy)]
pub struct World {
    pub clock: &'static ManualClock,
    pub store: &'static MemoryStore,
    pub vault: &'static MemoryVault,
    pub queue: &'static MemoryQueue<'static>,
    pub chance: &'static Chance,
    pub zone: &'static Zone,
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl World {
    pub fn new() -> Self {
        let clock = leak(ManualClock::at(at(START)));
        Self {
            clock,
            store: leak(MemoryStore::default()),
            vault: leak(MemoryVault),
            queue: leak(MemoryQueue::new(clock)),
            chance: leak(Chance::seeded(7)),
            zone: leak(Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())),
        }
    }

    /// With an app registration `exact-nl` and an assisted channel `by-hand`.
    pub async fn furnished() -> Self {
        let world = Self::new();
        let app = "app add exact-nl --country nl --client-id 4711 --display-name Acme --return-origin https://app.acme.example";
        world
            .run_with(app, &mut Person::piping("client-secret-hush\n"))
            .await
            .unwrap();
        world.run("channel add by-hand --assisted").await.unwrap();
        world
    }

    /// Runs a command line; blanks within an argument are written as `_`.
    pub async fn run(&self, line: &str) -> Result<Printed, Failure> {
        self.run_with(line, &mut Person::piping("")).await
    }

    pub async fn run_with(&self, line: &str, person: &mut Person) -> Result<Printed, Failure> {
        let words = line.split_whitespace().map(|word| word.replace('_', " "));
        let words: Vec<String> = words
            .map(|word| {
                word.replace("conn ", "conn_")
                    .replace("eff ", "eff_")
                    .replace("awaiting ", "awaiting_")
            })
            .collect();
        let arguments = Arguments::try_parse_from(std::iter::once("handover".to_owned()).chain(words))
            .unwrap_or_else(|error| panic!("{error}"));
        let format = if arguments.common.json {
            Format::Json
        } else {
            Format::People
        };
        let house = House {
            store: self.store,
            vault: self.vault,
            queue: self.queue,
            clock: self.clock,
            randomness: self.chance,
            person: person.name.unwrap_or(PERSON),
            public_url: "https://connect.acme.example",
            link_days: 7,
            allow_http: arguments.common.allow_http,
            zone: self.zone,
        };
        let result = house.perform(arguments.command, person, format, false).await;
        // Whatever a test is about: nothing secret in what is printed, nor in what a debugger would print.
        let told = match &result {
            Ok(printed) => format!("{}{:?}", printed.text, printed.warnings),
            Err(failure) => format!("{failure}{failure:?}"),
        };
        assert!(!format!("{result:?}").contains("/connect/"), "a link is only printed");
        for secret in SECRETS {
            assert!(!told.contains(secret), "{secret} in {told}");
            assert!(!person.said.join("\n").contains(secret), "{secret} was said");
        }
        result
    }

    pub async fn json(&self, line: &str) -> Value {
        self.json_with(line, &mut Person::piping("")).await
    }

    pub async fn json_with(&self, line: &str, person: &mut Person) -> Value {
        let printed = self.run_with(&format!("{line} --json"), person).await.unwrap();
        assert_eq!(printed.warnings, Vec::<String>::new());
        serde_json::from_str(&printed.text).unwrap()
    }

    pub async fn text(&self, line: &str) -> String {
        self.run(line).await.unwrap().text
    }

    pub async fn run_as(&self, name: &'static str, line: &str) -> Result<Printed, Failure> {
        let mut person = Person {
            name: Some(name),
            ..Person::piping("")
        };
        self.run_with(line, &mut person).await
    }

    pub async fn refusal(&self, line: &str) -> Failure {
        self.run(line).await.unwrap_err()
    }

    pub fn desk(&self) -> Desk<'static, MemoryStore, MemoryQueue<'static>, ManualClock, Chance> {
        Desk {
            store: self.store,
            queue: self.queue,
            clock: self.clock,
            randomness: self.chance,
        }
    }

    pub async fn connection(&self, id: ConnectionId) -> Connection {
        self.store.connection(id).await.unwrap().unwrap()
    }

    pub async fn feed(&self, id: ConnectionId, event: Event) -> Connection {
        self.desk()
            .apply(id, &event, &Actor::Worker, &Along::default())
            .await
            .unwrap()
    }

    /// A new connection, due so long after the consent.
    pub async fn connect(&self, due: &str) -> ConnectionId {
        self.connect_over("by-hand", due).await
    }

    pub async fn connect_over(&self, channel: &str, due: &str) -> ConnectionId {
        let line =
            format!("connect --app exact-nl --channel {channel} --reference Jansen_BV --database jansen-bv {due}");
        let made = self.json(&line).await;
        made["connection"]["id"].as_str().unwrap().parse().unwrap()
    }

    /// The customer consents, over the open link.
    pub async fn consent(&self, id: ConnectionId) -> PairKey {
        self.consent_with(id, &received(1)).await
    }

    /// The same, with the tokens that the platform answers with.
    pub async fn consent_with(&self, id: ConnectionId, tokens: &Received) -> PairKey {
        let link = self.connection(id).await.link.unwrap();
        let now = self.clock.now();
        let effect = EffectId::new(now, self.chance.id());
        let authorisation = AuthorisationId::from_digest(&self.chance.secret());
        let key = PairKey {
            authorisation: authorisation.clone(),
            generation: 1,
        };
        let arrived = Event::ConsentArrived {
            effect,
            authorisation: authorisation.clone(),
            link: link.hash,
            lease_ends_at: later(now, Duration::from_secs(180)),
        };
        self.desk()
            .apply(id, &arrived, &Actor::Callback, &Along::default())
            .await
            .unwrap();
        self.bring(id, effect, &key, tokens, &Actor::Callback).await;
        key
    }

    /// An exchange or a rotation that is under way brings a pair.
    pub async fn bring(&self, id: ConnectionId, effect: EffectId, key: &PairKey, tokens: &Received, by: &Actor) {
        let now = self.clock.now();
        let client_id = "4711".parse().unwrap();
        let data_key = self.vault.data_key(&Place::Pair(key.clone())).await.unwrap();
        let along = Along {
            pair: Some(data_key.seal(&plaintext::of_pair(tokens, id, &client_id)).unwrap()),
            ..Along::default()
        };
        let brought = Event::Received(Brought {
            effect,
            pair: key.clone(),
            sent_at: now,
            answered_at: now,
            expires_in: tokens.expires_in,
            platform: PlatformKind::ExactOnline,
            client_id,
        });
        self.desk().apply(id, &brought, by, &along).await.unwrap();
    }

    /// A rotation that is due begins; its lease is three minutes.
    pub async fn rotate(&self, id: ConnectionId) -> EffectId {
        let now = self.clock.now();
        let effect = EffectId::new(now, self.chance.id());
        let begun = Event::RotationBegun {
            effect,
            into: self.connection(id).await.next_pair().unwrap(),
            lease_ends_at: later(now, Duration::from_secs(180)),
        };
        self.feed(id, begun).await;
        effect
    }

    /// Each connection is another user's.
    pub async fn identify(&self, id: ConnectionId, key: &PairKey) {
        let known = self.store.connections();
        let user = known.iter().filter(|other| other.chain.is_some()).count();
        self.identify_as(user, id, key).await;
    }

    pub async fn identify_as(&self, user: usize, id: ConnectionId, key: &PairKey) {
        let identity = Identity {
            user: format!("0a1b2c3d-0000-4000-8000-{user:012}"),
            name: "A. Customer".into(),
        };
        self.desk()
            .identify(id, &key.authorisation, &identity, &Actor::Worker)
            .await
            .unwrap();
    }

    /// What has come meanwhile is passed on to other connections.
    pub async fn tell(&self, id: ConnectionId) {
        let connection = self.connection(id).await;
        self.desk().tell(&connection, &Actor::Worker).await.unwrap();
    }

    /// An app registration like `exact-nl`, with more said of it.
    pub async fn app(&self, name: &str, more: &str) {
        let add = format!("app add {name} --country nl --client-id 4711 --display-name Acme {more}");
        self.run_with(&add, &mut Person::piping("client-secret-hush"))
            .await
            .unwrap();
    }

    /// A connection that is due and was handed to nobody yet.
    pub async fn due(&self) -> ConnectionId {
        let id = self.connect("--register-now").await;
        let key = self.consent(id).await;
        self.identify(id, &key).await;
        id
    }

    pub fn holds_a_pair(&self) -> bool {
        self.store
            .sealed_places()
            .iter()
            .any(|place| matches!(place, Place::Pair(_)))
    }
}

/// Somebody with their answers ready.
#[derive(Default)]
pub struct Person {
    /// Who it is, if not [`PERSON`].
    pub name: Option<&'static str>,
    pub interactive: bool,
    pub input: String,
    pub secrets: VecDeque<&'static str>,
    pub answers: VecDeque<&'static str>,
    pub said: Vec<String>,
    pub screen: Option<Paper>,
}

impl Person {
    pub fn piping(input: &str) -> Self {
        Self {
            input: input.to_owned(),
            ..Self::default()
        }
    }

    pub fn typing(secrets: &[&'static str], answers: &[&'static str]) -> Self {
        Self {
            interactive: true,
            secrets: secrets.iter().copied().collect(),
            answers: answers.iter().copied().collect(),
            ..Self::default()
        }
    }

    pub fn looking(paper: &Paper, answers: &[&'static str]) -> Self {
        Self {
            screen: Some(paper.clone()),
            ..Self::typing(&[], answers)
        }
    }
}

impl Console for Person {
    type Screen = Paper;

    fn is_interactive(&self) -> bool {
        self.interactive
    }

    fn secret(&mut self, prompt: &str) -> Result<Zeroizing<String>, Failure> {
        self.said.push(prompt.to_owned());
        Ok(Zeroizing::new(self.secrets.pop_front().unwrap().to_owned()))
    }

    fn input(&mut self) -> Result<Zeroizing<String>, Failure> {
        Ok(Zeroizing::new(std::mem::take(&mut self.input)))
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }

    fn ask(&mut self, question: &str) -> Result<Option<String>, Failure> {
        self.said.push(question.to_owned());
        Ok(self.answers.pop_front().map(str::to_owned))
    }

    fn screen(&mut self) -> Result<Paper, Failure> {
        self.screen
            .clone()
            .ok_or_else(|| Failure::Usage("`take` shows secrets on a terminal only".into()))
    }
}

/// A screen that keeps what was on it.
#[derive(Clone)]
pub struct Paper {
    pub world: World,
    /// What it shows with each field in hand, hidden and revealed.
    pub seen: Rc<RefCell<Vec<String>>>,
    /// How long it is looked at.
    pub time: Duration,
    pub left: Left,
}

impl Paper {
    pub fn of(world: World) -> Self {
        Self {
            world,
            seen: Rc::default(),
            time: Duration::from_secs(60),
            left: Left::ByPerson,
        }
    }
}

pub fn page(sheet: &Sheet<'_>, view: &View, now: Timestamp, width: u16, height: u16) -> String {
    let lines = frame(sheet, view, now, width, height);
    let lines: Vec<&str> = lines.iter().map(|line| line.text.trim_end()).collect();
    lines.join("\n")
}

impl Screen for Paper {
    fn show(self, sheet: &Sheet<'_>, clock: &impl Clock) -> Left {
        let all = self.world.store.connections();
        let registering = all.iter().filter(|connection| connection.effect.is_some()).count();
        assert_eq!(registering, 1, "it has to be claimed before anything is shown");
        for selected in 0..sheet.form.fields().count() {
            for revealed in [false, true] {
                let view = View {
                    selected,
                    revealed,
                    notice: None,
                };
                self.seen.borrow_mut().push(page(sheet, &view, clock.now(), 120, 40));
            }
        }
        self.world.clock.advance(self.time);
        self.left
    }
}
