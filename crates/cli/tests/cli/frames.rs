use handover_cli::{
    terminal::{Form, Sheet, View, frame},
    time::Zone,
};
use handover_core::{
    application::{ApplicationSecret, PlatformKind},
    ports::Received,
    secret::{AccessToken, ClientSecret, RefreshToken},
};
use handover_invantive::assisted::{self, Assignment, FORM};
use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use url::Url;

use crate::setup::{at, page};

const NOW: &str = "2026-12-04T08:00:00Z";
const LEASE_END: &str = "2026-12-04T09:00:00Z";
const SECRETS: [&str; 3] = ["client-secret-hush", "access-hush", "refresh-hush"];

fn form() -> Form {
    let application = ApplicationSecret {
        platform: PlatformKind::ExactOnline,
        host: Url::parse("https://start.exactonline.nl").unwrap(),
        client_id: "0a1b2c3d-4711".parse().unwrap(),
        client_secret: ClientSecret::new("client-secret-hush"),
        redirect_uri: Url::parse("https://connect.acme.example/callback/exact-nl").unwrap(),
    };
    let tokens = Received {
        access_token: AccessToken::new(format!("access-hush.{}", "a".repeat(400))),
        refresh_token: RefreshToken::new(format!("refresh-hush!{}", "r".repeat(9_000))),
        expires_in: None,
    };
    let assignment = Assignment {
        form: FORM,
        application: &application,
        tokens: &tokens,
        database: &"jansen-bv".parse().unwrap(),
        reference: &"Jansen BV".parse().unwrap(),
    };
    Form {
        heading: "Jansen BV: database jansen-bv (conn_1)".into(),
        facts: "A. Customer; access token has ended, as is usual; refresh token ends Thu".into(),
        attention: None,
        steps: assisted::steps(&assignment),
        beside: assisted::beside(&assignment),
    }
}

fn shown(view: &View, now: Timestamp, width: u16, height: u16) -> String {
    let zone = Zone::new(TimeZone::UTC);
    let form = form();
    let sheet = Sheet {
        form: &form,
        lease_ends_at: at(LEASE_END),
        zone: &zone,
    };
    page(&sheet, view, now, width, height)
}

fn selecting(selected: usize, revealed: bool) -> View {
    View {
        selected,
        revealed,
        notice: None,
    }
}

#[test]
fn the_seven_steps_stand_in_order_with_secrets_hidden() {
    let expected = "\
Jansen BV: database jansen-bv (conn_1)
A. Customer; access token has ended, as is usual; refresh token ends Thu
Yours until 09:00, for 60 more minutes

1  Open the form for a new database
   > Address         https://cloud.invantive.com/app/setup/databases/new/exactonline
2  Select the country
     Country         nl
3  Choose how to authenticate
     Authentication  Preauthenticated Credentials
4  Enter the app
     Client ID       0a1b2c3d-4711
     Client Secret   ••••••••
     Redirect URL    https://connect.acme.example/callback/exact-nl
5  Select the kind of credentials
     Credentials     Access Token / Refresh Token
6  Enter the tokens
     Access Token    ••••••••
     Refresh Token   ••••••••
7  Select Continue: the database is made
   Also on the form
     URL Segment                             jansen-bv
     Name                                    Jansen BV
     Whitelisted IP Addresses                as your environment needs
     Allow Invantive Credentials Server Use  as your environment needs
     Startup SQL                             none
     Bridge Response Cache Maximum Age       14400 (seconds, the default)
";
    let page = shown(&View::default(), at(NOW), 100, 39);
    assert!(page.starts_with(expected), "{page}");
    assert!(page.contains("itgenscr590"), "{page}");
    assert!(page.ends_with("q leave"), "{page}");
    assert_eq!(page.lines().count(), 39);
}

#[test]
fn a_secret_is_shown_where_it_was_asked_for_and_nowhere_else() {
    let fields = form().fields().count();
    for selected in 0..fields {
        let hidden = shown(&selecting(selected, false), at(NOW), 100, 40);
        assert!(SECRETS.iter().all(|secret| !hidden.contains(secret)), "{hidden}");
        let revealed = shown(&selecting(selected, true), at(NOW), 100, 40);
        let secrets = SECRETS.iter().filter(|secret| revealed.contains(*secret)).count();
        assert_eq!(secrets, usize::from([4, 7, 8].contains(&selected)), "{revealed}");
    }
    // The whole of a long one, over several lines.
    let access = shown(&selecting(7, true), at(NOW), 100, 40);
    let together: String = access.split_whitespace().collect();
    assert!(
        together.contains(&format!("access-hush.{}", "a".repeat(400))),
        "{access}"
    );
}

#[test]
fn what_needs_attention_is_read_before_anything_is_entered() {
    let zone = Zone::new(TimeZone::UTC);
    let form = Form {
        attention: Some(format!(
            "chain replaced: {}",
            "the same user consented before ".repeat(20)
        )),
        ..form()
    };
    let sheet = Sheet {
        form: &form,
        lease_ends_at: at(LEASE_END),
        zone: &zone,
    };
    let page = page(&sheet, &View::default(), at(NOW), 80, 24);
    let lines: Vec<&str> = page.lines().collect();
    assert!(lines[2].starts_with("chain replaced: the same user"), "{page}");
    assert!(lines[3].len() <= 80 && lines[4].starts_with("Yours until"), "{page}");
    assert_eq!(lines.len(), 24);
}

#[test]
fn the_length_of_a_secret_shows_nowhere() {
    let page = shown(&View::default(), at(NOW), 100, 40);
    let masks: Vec<&str> = page
        .lines()
        .filter(|line| line.contains('•'))
        .map(|line| &line[line.find('•').unwrap()..])
        .collect();
    assert_eq!(masks, ["••••••••"; 3]);
}

#[test]
fn nothing_outlives_the_lease() {
    let last = shown(&selecting(8, true), at("2026-12-04T08:59:30Z"), 100, 40);
    assert!(
        last.contains("for 30 s more") && last.contains("refresh-hush"),
        "{last}"
    );
    let over = shown(&selecting(8, true), at(LEASE_END), 100, 40);
    assert!(
        over.contains("Your time has ended") && over.contains("Was yours until 09:00"),
        "{over}"
    );
    for gone in SECRETS.iter().chain(&["0a1b2c3d-4711", "Client"]) {
        assert!(!over.contains(gone), "{over}");
    }
}

#[test]
fn the_field_in_hand_is_in_sight_however_small_the_window() {
    let fields = form().fields().count();
    for height in 12..40 {
        for selected in 0..fields {
            let page = shown(&selecting(selected, false), at(NOW), 60, height);
            assert_eq!(page.matches("   > ").count(), 1, "{height}: {page}");
            assert!(page.ends_with("q leave"), "{page}");
        }
    }
    assert!(shown(&View::default(), at(NOW), 30, 40).contains("Make the window"));
}

#[test]
fn a_line_hides_itself_from_debuggers() {
    let zone = Zone::new(TimeZone::UTC);
    let form = form();
    let sheet = Sheet {
        form: &form,
        lease_ends_at: at(LEASE_END),
        zone: &zone,
    };
    let lines = frame(&sheet, &selecting(4, true), at(NOW), 100, 40);
    let printed = format!("{lines:?} {form:?} {sheet:?}");
    assert!(SECRETS.iter().all(|secret| !printed.contains(secret)), "{printed}");
}

proptest! {
    #[test]
    fn a_frame_fits_its_window(width in 0_u16..200, height in 0_u16..60, selected in 0_usize..30, revealed: bool, late: bool) {
        let zone = Zone::new(TimeZone::UTC);
        let form = form();
        let sheet = Sheet { form: &form, lease_ends_at: at(LEASE_END), zone: &zone };
        let now = if late { at("2026-12-05T00:00:00Z") } else { at(NOW) };
        let lines = frame(&sheet, &selecting(selected, revealed), now, width, height);
        prop_assert!(lines.len() <= height.into());
        for line in &lines {
            prop_assert!(unicode_width::UnicodeWidthStr::width(line.text.as_str()) <= width.into(), "{}", line.text.as_str());
        }
    }
}
