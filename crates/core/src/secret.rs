//! Values that cannot be printed, compared in the clear, or serialised by accident.
//!
//! Reading one takes the word `expose`, so every place that does can be found by searching for it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use secrecy::{ExposeSecret, SecretString};

macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Takes the text; the memory is wiped when the last copy goes.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(SecretString::from(text.into()))
            }

            /// The text, for the one place that must send or seal it.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }

            /// Whether both hold the same text, in constant time.
            #[must_use]
            pub fn same_as(&self, other: &Self) -> bool {
                verify_slices_are_equal(self.expose().as_bytes(), other.expose().as_bytes()).is_ok()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    };
}

secret_text!(
    /// An access token (RFC 6749, 1.4). Exact Online's live 600 s.
    AccessToken
);
secret_text!(
    /// A refresh token (RFC 6749, 1.5). Exact Online's can be exchanged once, within 30 days.
    RefreshToken
);
secret_text!(
    /// An authorisation code (RFC 6749, 1.3.1). Exact Online's live 3 minutes and can be used once.
    AuthorizationCode
);
secret_text!(
    /// A `client_secret` (RFC 6749, 2.3.1).
    ClientSecret
);
secret_text!(
    /// The `state` of an authorisation request (RFC 6749, 4.1.1); its hash is the authorisation's id.
    State
);
secret_text!(
    /// A PKCE code verifier (RFC 7636, 4.1).
    PkceVerifier
);
secret_text!(
    /// The token in an OEM's link: whoever has it may connect. Shown once, stored as a hash.
    LinkToken
);

/// Plaintext on its way into or out of the vault. Wiped when dropped.
pub struct Plaintext(zeroize::Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(zeroize::Zeroizing::new(bytes))
    }

    /// The bytes, for sealing or reading.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plaintext({} bytes hidden)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(
            format!("{:?}", RefreshToken::new("stampNL001.abc")),
            "RefreshToken(hidden)"
        );
        assert_eq!(
            format!("{:?}", Plaintext::new(vec![1, 2, 3])),
            "Plaintext(3 bytes hidden)"
        );
    }

    #[test]
    fn comparison_knows_equal_from_different() {
        assert!(State::new("a").same_as(&State::new("a")));
        assert!(!State::new("a").same_as(&State::new("b")));
        assert!(!State::new("a").same_as(&State::new("ab")));
    }
}
