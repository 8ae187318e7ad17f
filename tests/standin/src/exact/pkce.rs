//! PKCE: tolerated by default, checked where an app is set to enforce it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::books::Challenge;

/// Whether `verifier` fits the challenge of the authorisation.
pub fn fits(challenge: &Challenge, verifier: Option<&str>) -> bool {
    let Some(verifier) = verifier else { return false };
    match challenge.method.as_deref() {
        None | Some("plain") => challenge.challenge == verifier,
        Some("S256") => challenge.challenge == URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()).as_ref()),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_fits() {
        let challenge = Challenge {
            challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
            method: Some("S256".to_owned()),
        };
        assert!(fits(&challenge, Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
        assert!(!fits(&challenge, Some("another")));
        assert!(!fits(&challenge, None));
    }
}
