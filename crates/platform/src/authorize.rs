//! Where the customer's browser goes to give consent.

use handover_core::{
    application::Application,
    browser::challenge_of,
    secret::{PkceVerifier, State},
};
use url::Url;

use crate::endpoint;

/// The consent screen's address for one trip. It carries no secret but `state`, which travels in URLs by nature; the
/// verifier stays here, only its challenge goes.
///
/// `force_login=0`: who is logged on already is not asked for a password again. No scope: Exact Online has none.
#[must_use]
pub fn authorize_url(application: &Application, state: &State, verifier: &PkceVerifier) -> Url {
    let mut url = endpoint::under(&application.host, &["api", "oauth2", "auth"]);
    url.query_pairs_mut()
        .append_pair("client_id", application.client_id.as_str())
        .append_pair("redirect_uri", application.redirect_uri.as_str())
        .append_pair("response_type", "code")
        .append_pair("force_login", "0")
        .append_pair("state", state.expose())
        .append_pair("code_challenge", &challenge_of(verifier))
        .append_pair("code_challenge_method", "S256");
    url
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use handover_core::application::{Lifetimes, PlatformKind};

    use super::*;

    #[test]
    fn every_parameter_is_there_once_and_the_verifier_is_not() {
        let application = Application {
            id: "exact-nl".parse().unwrap(),
            display_name: "Acme".into(),
            platform: PlatformKind::ExactOnline,
            host: Url::parse("https://start.exactonline.nl").unwrap(),
            client_id: "{a b&c}".parse().unwrap(),
            redirect_uri: Url::parse("https://connect.acme.example/callback/exact-nl").unwrap(),
            lifetimes: Lifetimes::EXACT_ONLINE,
            upkeep: handover_core::connection::Upkeep::default(),
            pace_per_minute: handover_core::application::DEFAULT_PACE_PER_MINUTE,
            return_origins: Vec::new(),
        };
        // The pair of RFC 7636, appendix B.
        let verifier = PkceVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let url = authorize_url(&application, &State::new("st-ate_1"), &verifier);
        assert!(
            url.as_str()
                .starts_with("https://start.exactonline.nl/api/oauth2/auth?")
        );
        assert!(!url.as_str().contains(verifier.expose()));
        assert_eq!(url.query_pairs().count(), 7);
        let pairs: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        for (name, value) in [
            ("client_id", "{a b&c}"),
            ("redirect_uri", "https://connect.acme.example/callback/exact-nl"),
            ("response_type", "code"),
            ("force_login", "0"),
            ("state", "st-ate_1"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(pairs.get(name).map(String::as_str), Some(value), "{name}");
        }
    }
}
