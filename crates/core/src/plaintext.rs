//! What lies inside sealed values: versioned JSON, written and read here only.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    application::{ApplicationSecret, PlatformKind},
    connection::Problem,
    ids::{ClientId, ConnectionId},
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
    connection: ConnectionId,
    client_id: ClientId,
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

/// An opened pair. Its tokens come out for the connection and the app registration that they were issued to only: who
/// can write the plain tables cannot have one customer's pair registered for another.
#[derive(Debug)]
pub struct OpenedPair {
    connection: ConnectionId,
    client_id: ClientId,
    tokens: Received,
}

/// A pair that was issued to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// The connection's item was altered or copied.
    #[error("the token pair was sealed for another connection, {0}")]
    Connection(ConnectionId),
    /// The application was replaced after the consent.
    #[error(
        "the token pair was issued to the client id `{0}`, which the application no longer has; let the customer \
         authorise again with `handover link`, or put the application back"
    )]
    Client(ClientId),
}

impl Foreign {
    /// What kind of problem it is.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Connection(_) => Problem::Tampered,
            Self::Client(_) => Problem::Configuration,
        }
    }
}

impl OpenedPair {
    /// The tokens, for their own connection and application.
    ///
    /// # Errors
    /// [`Foreign`] when they were issued to others.
    pub fn tokens_of(self, connection: ConnectionId, application: &ApplicationSecret) -> Result<Received, Foreign> {
        if self.connection != connection {
            return Err(Foreign::Connection(self.connection));
        }
        if self.client_id != application.client_id {
            return Err(Foreign::Client(self.client_id));
        }
        Ok(self.tokens)
    }
}

/// A pair that `connection` received for the app registration `client_id`, for sealing.
#[must_use]
pub fn of_pair(pair: &Received, connection: ConnectionId, client_id: &ClientId) -> Plaintext {
    write(&PairText {
        v: VERSION,
        connection,
        client_id: client_id.clone(),
        access_token: wiped(pair.access_token.expose()),
        refresh_token: wiped(pair.refresh_token.expose()),
        expires_in: pair.expires_in,
    })
}

/// A pair, opened.
///
/// # Errors
/// [`Unreadable`] when it is of another form or a later version.
pub fn read_pair(plaintext: &Plaintext) -> Result<OpenedPair, Unreadable> {
    let text: PairText = read(plaintext, "token pair", |text: &PairText| text.v)?;
    let tokens = Received {
        access_token: AccessToken::new(text.access_token.as_str()),
        refresh_token: RefreshToken::new(text.refresh_token.as_str()),
        expires_in: text.expires_in,
    };
    Ok(OpenedPair {
        connection: text.connection,
        client_id: text.client_id,
        tokens,
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

    fn application(client_id: &str) -> ApplicationSecret {
        ApplicationSecret {
            platform: PlatformKind::ExactOnline,
            host: "https://start.exactonline.nl".parse().unwrap(),
            client_id: client_id.parse().unwrap(),
            client_secret: ClientSecret::new("s"),
            redirect_uri: "https://a.example/callback/x".parse().unwrap(),
        }
    }

    fn sealed(connection: ConnectionId) -> Plaintext {
        let pair = Received {
            access_token: AccessToken::new("stampNL001.gAAAA/+=\"\\"),
            refresh_token: RefreshToken::new("stampNL001.abcd!IAAAA"),
            expires_in: Some(600),
        };
        of_pair(&pair, connection, &"client".parse().unwrap())
    }

    #[test]
    fn a_pair_reads_back_for_its_own_connection_and_client_only() {
        let ours = ConnectionId::new(jiff::Timestamp::UNIX_EPOCH, 1);
        let other = ConnectionId::new(jiff::Timestamp::UNIX_EPOCH, 2);
        let open = || read_pair(&sealed(ours)).unwrap();
        let tokens = open().tokens_of(ours, &application("client")).unwrap();
        assert_eq!(tokens.refresh_token.expose(), "stampNL001.abcd!IAAAA");
        assert_eq!(tokens.access_token.expose(), "stampNL001.gAAAA/+=\"\\");
        assert_eq!(tokens.expires_in, Some(600));
        let copied = open().tokens_of(other, &application("client")).unwrap_err();
        assert_eq!(copied.problem(), Problem::Tampered);
        let replaced = open().tokens_of(ours, &application("another")).unwrap_err();
        assert_eq!(replaced.problem(), Problem::Configuration);
    }

    #[test]
    fn an_unknown_version_is_refused_without_a_word_of_it() {
        let later = Plaintext::new(br#"{"v":9,"connection":"conn_01ARZ3NDEKTSV4RRFFQ69G5FAV","client_id":"c","access_token":"","refresh_token":"hush","expires_in":null}"#.to_vec());
        let refusal = read_pair(&later).unwrap_err().to_string();
        assert_eq!(refusal, "the opened token pair is of an unknown form");
    }
}
