//! What lies inside sealed values: versioned JSON, written and read here only.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    application::{ApplicationSecret, PlatformKind},
    ids::ClientId,
    ports::Received,
    secret::{AccessToken, ClientSecret, Plaintext, RefreshToken},
};

/// An opened value that is not of a form known here. Carries nothing of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the opened {what} is of an unknown form")]
pub struct Unreadable {
    what: &'static str,
}

/// The one version there is.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct PairText {
    v: u32,
    access_token: Zeroizing<String>,
    refresh_token: Zeroizing<String>,
    expires_in: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct ApplicationText {
    v: u32,
    platform: PlatformKind,
    host: Url,
    client_id: ClientId,
    client_secret: Zeroizing<String>,
    redirect_uri: Url,
}

/// A pair, for sealing.
#[must_use]
pub fn of_pair(pair: &Received) -> Plaintext {
    write(&PairText {
        v: VERSION,
        access_token: wiped(pair.access_token.expose()),
        refresh_token: wiped(pair.refresh_token.expose()),
        expires_in: pair.expires_in,
    })
}

/// A pair, opened.
///
/// # Errors
/// [`Unreadable`] when it is of another form or a later version.
pub fn read_pair(plaintext: &Plaintext) -> Result<Received, Unreadable> {
    let text: PairText = read(plaintext, "token pair", |text: &PairText| text.v)?;
    Ok(Received {
        access_token: AccessToken::new(text.access_token.as_str()),
        refresh_token: RefreshToken::new(text.refresh_token.as_str()),
        expires_in: text.expires_in,
    })
}

/// An application's secret, for sealing.
#[must_use]
pub fn of_application(secret: &ApplicationSecret) -> Plaintext {
    write(&ApplicationText {
        v: VERSION,
        platform: secret.platform,
        host: secret.host.clone(),
        client_id: secret.client_id.clone(),
        client_secret: wiped(secret.client_secret.expose()),
        redirect_uri: secret.redirect_uri.clone(),
    })
}

/// An application's secret, opened.
///
/// # Errors
/// [`Unreadable`] when it is of another form or a later version.
pub fn read_application(plaintext: &Plaintext) -> Result<ApplicationSecret, Unreadable> {
    let text: ApplicationText = read(plaintext, "application", |text: &ApplicationText| text.v)?;
    Ok(ApplicationSecret {
        platform: text.platform,
        host: text.host,
        client_id: text.client_id,
        client_secret: ClientSecret::new(text.client_secret.as_str()),
        redirect_uri: text.redirect_uri,
    })
}

fn wiped(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn write(value: &impl Serialize) -> Plaintext {
    // Room for the longest tokens seen, so that growing does not leave copies behind.
    let mut bytes = Vec::with_capacity(16 * 1024);
    let written = serde_json::to_writer(&mut bytes, value);
    debug_assert!(written.is_ok(), "plain structs of text always serialise");
    Plaintext::new(bytes)
}

fn read<T: DeserializeOwned>(
    plaintext: &Plaintext,
    what: &'static str,
    version: fn(&T) -> u32,
) -> Result<T, Unreadable> {
    let value: T = serde_json::from_slice(plaintext.expose()).map_err(|_| Unreadable { what })?;
    if version(&value) == VERSION {
        Ok(value)
    } else {
        Err(Unreadable { what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_reads_back() {
        let pair = Received {
            access_token: AccessToken::new("stampNL001.gAAAA/+=\"\\"),
            refresh_token: RefreshToken::new("stampNL001.abcd!IAAAA"),
            expires_in: Some(600),
        };
        let again = read_pair(&of_pair(&pair)).unwrap();
        assert!(again.refresh_token.same_as(&pair.refresh_token));
        assert!(again.access_token.same_as(&pair.access_token));
        assert_eq!(again.expires_in, Some(600));
    }

    #[test]
    fn an_unknown_version_is_refused_without_a_word_of_it() {
        let later = Plaintext::new(br#"{"v":9,"access_token":"","refresh_token":"hush","expires_in":null}"#.to_vec());
        let refusal = read_pair(&later).unwrap_err().to_string();
        assert_eq!(refusal, "the opened token pair is of an unknown form");
    }
}
