//! A client of the control interface, for tests and for the harness that runs everything on one machine.

use reqwest::{Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    books::Books,
    clock::{ClockReading, SetClock},
    faults::{Fault, FaultStanding},
    invantive::open::Opened,
    settings::{App, InvantiveSettings, User},
};

/// Why a call of the stand-in failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The call itself.
    #[error("the call to the stand-in failed")]
    Call(#[from] reqwest::Error),
    /// Another answer than the one that was expected.
    #[error("the stand-in answered {status}: {body}")]
    Answer {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// An address that is none.
    #[error("{0:?} is no address")]
    Address(String),
}

/// A client of `/__standin/…`.
#[derive(Clone, Debug)]
pub struct ControlClient {
    base: String,
    http: reqwest::Client,
}

impl ControlClient {
    /// A client of the stand-in at `url`.
    pub fn new(url: &str) -> Self {
        Self {
            base: url.trim_end_matches('/').to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// Whether it is there.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn health(&self) -> Result<(), ClientError> {
        done(self.request(Method::GET, "health")).await
    }

    /// Everything that happened.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn books(&self) -> Result<Books, ClientError> {
        read(self.request(Method::GET, "books")).await
    }

    /// The clock.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn clock(&self) -> Result<ClockReading, ClientError> {
        read(self.request(Method::GET, "clock")).await
    }

    /// Puts the clock at `offset_seconds` from real time; what has become due has happened when this returns.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_clock(&self, offset_seconds: i64) -> Result<ClockReading, ClientError> {
        read(self.request(Method::PUT, "clock").json(&SetClock { offset_seconds })).await
    }

    /// Asks for a fault.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn inject(&self, fault: &Fault) -> Result<(), ClientError> {
        done(self.request(Method::POST, "faults").json(fault)).await
    }

    /// The faults that were asked for, and how they stand.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn faults(&self) -> Result<Vec<FaultStanding>, ClientError> {
        read(self.request(Method::GET, "faults")).await
    }

    /// Forgets all faults.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn clear_faults(&self) -> Result<(), ClientError> {
        done(self.request(Method::DELETE, "faults")).await
    }

    /// Registers an app, or changes one.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn put_app(&self, client_id: &str, app: &App) -> Result<(), ClientError> {
        self.put(&["apps", client_id], app).await
    }

    /// Removes an app, whose grants end.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn remove_app(&self, client_id: &str) -> Result<(), ClientError> {
        done(self.request(Method::DELETE, &path(&["apps", client_id]))).await
    }

    /// Adds a user, or changes one.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn put_user(&self, name: &str, user: &User) -> Result<(), ClientError> {
        self.put(&["users", name], user).await
    }

    /// Deletes a user, whose grants end.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn remove_user(&self, name: &str) -> Result<(), ClientError> {
        done(self.request(Method::DELETE, &path(&["users", name]))).await
    }

    /// Ends all grants of a user.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn withdraw(&self, name: &str) -> Result<(), ClientError> {
        done(self.request(Method::POST, &path(&["users", name, "withdraw"]))).await
    }

    /// Sets Invantive Cloud's side.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn put_invantive(&self, settings: &InvantiveSettings) -> Result<(), ClientError> {
        self.put(&["invantive"], settings).await
    }

    /// Opens a database, which exchanges its refresh token now or as soon as that is allowed.
    ///
    /// # Errors
    /// When the call fails; a database that is not there is an answer.
    pub async fn open(&self, segment: &str) -> Result<Opened, ClientError> {
        let answer = self
            .request(Method::POST, &path(&["databases", segment, "open"]))
            .send()
            .await?;
        if answer.status() == http::StatusCode::NOT_FOUND {
            return Ok(Opened::Absent);
        }
        Ok(checked(answer).await?.json().await?)
    }

    /// Forgets everything, the clock's offset included.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn reset(&self) -> Result<(), ClientError> {
        done(self.request(Method::POST, "reset")).await
    }

    async fn put(&self, parts: &[&str], body: &impl Serialize) -> Result<(), ClientError> {
        done(self.request(Method::PUT, &path(parts)).json(body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/__standin/{path}", self.base))
    }
}

/// Parts of a path, each encoded: a user's name may hold anything.
fn path(parts: &[&str]) -> String {
    let encoded = |part: &&str| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    parts
        .iter()
        .map(encoded)
        .collect::<Vec<_>>()
        .join("/")
        .replace('+', "%20")
}

async fn done(request: RequestBuilder) -> Result<(), ClientError> {
    checked(request.send().await?).await.map(drop)
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ClientError> {
    Ok(checked(request.send().await?).await?.json().await?)
}

async fn checked(answer: Response) -> Result<Response, ClientError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    Err(unexpected(answer).await)
}

pub(crate) async fn unexpected(answer: Response) -> ClientError {
    let status = answer.status().as_u16();
    ClientError::Answer {
        status,
        body: answer.text().await.unwrap_or_default(),
    }
}
