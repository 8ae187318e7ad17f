//! An application at Exact Online, and what must not be told of it.

use std::{fmt, sync::LazyLock, time::Duration};

use handover_core::{
    application::{ApplicationSecret, PlatformKind},
    secret::ClientSecret,
};
use handover_platform::{ExactOnline, HttpClient};
use url::Url;

pub const CODE: &str = "stampNL001.code!IAAAAxyz";
pub const CLIENT_SECRET: &str = "s3cret/+ of the app";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The refresh token that is presented.
pub const PRESENTED: &str = "stampNL001.before!IAAAAxyz";
/// The refresh token that comes.
pub const REFRESH: &str = "stampNL001.refresh!IAAAAxyz";
pub const ACCESS: &str = "stampNL001.gAAAAxyz";
pub const JSON: &str = "content-type: application/json; charset=utf-8\r\n";
pub const LONG: Duration = Duration::from_secs(20);
pub const SHORT: Duration = Duration::from_millis(300);

/// One for all: reading the machine's root certificates takes longer than all else here.
pub static EXACT: LazyLock<ExactOnline> = LazyLock::new(|| ExactOnline::new(HttpClient::new(true).unwrap()));

pub fn application(host: Url) -> ApplicationSecret {
    ApplicationSecret {
        platform: PlatformKind::ExactOnline,
        host,
        client_id: "{c1d2}".parse().unwrap(),
        client_secret: ClientSecret::new(CLIENT_SECRET),
        redirect_uri: Url::parse("https://connect.acme.example/callback/exact-nl").unwrap(),
    }
}

pub fn tells_no_secret(error: &(impl fmt::Display + fmt::Debug)) {
    let told = format!("{error} {error:?} {error:#?}");
    for secret in [CODE, CLIENT_SECRET, VERIFIER, PRESENTED, REFRESH, ACCESS] {
        assert!(!told.contains(secret), "{told}");
    }
    assert!(!error.to_string().contains('\n') && told.len() < 2_000, "{told}");
}
