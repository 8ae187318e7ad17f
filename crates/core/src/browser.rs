//! What binds an authorisation to one browser and a link to its hash.
//!
//! The browser keeps one random secret in a cookie; `state` and PKCE verifier are derived from it, so the table holds
//! only a hash, and a callback that does not fit its cookie is turned away before anything is read.

use aws_lc_rs::{digest, hkdf};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    ids::{AuthorisationId, LinkHash},
    secret::{LinkToken, PkceVerifier, State},
};

/// Length of a browser secret and of what is derived from it, in bytes.
pub const SECRET_BYTES: usize = 32;

/// The secret that one browser keeps for one authorisation. 256 random bits.
#[derive(Clone)]
pub struct BrowserSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl BrowserSecret {
    /// From fresh randomness.
    #[must_use]
    pub fn new(randomness: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(randomness))
    }

    /// As it stands in the cookie.
    #[must_use]
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_ref()))
    }

    /// Reads a cookie's value; `None` if it is none of ours.
    #[must_use]
    pub fn read(cookie: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(cookie).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// The `state` of the authorisation request.
    #[must_use]
    pub fn state(&self) -> State {
        State::new(self.derive(b"handover state").as_str())
    }

    /// The PKCE verifier (RFC 7636: 43 to 128 characters; this has 43).
    #[must_use]
    pub fn verifier(&self) -> PkceVerifier {
        PkceVerifier::new(self.derive(b"handover pkce verifier").as_str())
    }

    fn derive(&self, purpose: &[u8]) -> Zeroizing<String> {
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.0.as_ref());
        let mut derived = Zeroizing::new([0_u8; SECRET_BYTES]);
        // HKDF fails only for lengths over 255 blocks; 32 bytes are one. An untouched buffer would still be no secret
        // anybody could use: both sides derive it the same way and no token hangs on it alone.
        let filled = key
            .expand(&[purpose], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(derived.as_mut()));
        debug_assert!(filled.is_ok());
        Zeroizing::new(URL_SAFE_NO_PAD.encode(derived.as_ref()))
    }
}

/// The id of the authorisation that a `state` belongs to.
#[must_use]
pub fn authorisation_of(state: &State) -> AuthorisationId {
    AuthorisationId::from_digest(&sha256(state.expose()))
}

/// What is stored of a link's token.
#[must_use]
pub fn hash_of(link: &LinkToken) -> LinkHash {
    LinkHash::from_digest(&sha256(link.expose()))
}

/// A new link token of 256 random bits.
#[must_use]
pub fn link_token(randomness: [u8; SECRET_BYTES]) -> LinkToken {
    LinkToken::new(URL_SAFE_NO_PAD.encode(randomness))
}

/// The PKCE challenge of a verifier, method `S256` (RFC 7636, 4.2).
#[must_use]
pub fn challenge_of(verifier: &PkceVerifier) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.expose()))
}

fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_verifier_follow_from_the_cookie_and_differ() {
        let secret = BrowserSecret::new([7; 32]);
        let again = BrowserSecret::read(&secret.expose_text()).unwrap();
        assert!(secret.state().same_as(&again.state()));
        assert!(secret.verifier().same_as(&again.verifier()));
        assert_ne!(secret.state().expose(), secret.verifier().expose());
        assert_eq!(secret.verifier().expose().len(), 43);
        assert!(!secret.state().same_as(&BrowserSecret::new([8; 32]).state()));
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = PkceVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge_of(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn foreign_cookies_are_none_of_ours() {
        for cookie in ["", "x", "AAAA", "not base64 !", &"A".repeat(4096)] {
            assert!(BrowserSecret::read(cookie).is_none());
        }
    }
}
