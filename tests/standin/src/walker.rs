//! A customer without a browser: walks an authorise URL through log-in and consent.

use reqwest::{Client, Response, header, redirect::Policy};
use url::Url;

use crate::client::{ClientError, unexpected};

/// A plain HTTP client that stands for a customer.
#[derive(Clone, Debug)]
pub struct Walker {
    http: Client,
    user: String,
    password: String,
}

impl Walker {
    /// A customer who logs in as `user`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(user: &str, password: &str) -> Result<Self, ClientError> {
        let http = Client::builder().redirect(Policy::none()).build()?;
        Ok(Self {
            http,
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Logs in and allows; the answer is where the browser is sent, which is not followed.
    ///
    /// # Errors
    /// When a page on the way is not the one that was expected.
    pub async fn allow(&self, authorize_url: &str) -> Result<Url, ClientError> {
        self.walk(authorize_url, "allow").await
    }

    /// Logs in and refuses; the answer is where the browser is sent, which is not followed.
    ///
    /// # Errors
    /// When a page on the way is not the one that was expected.
    pub async fn refuse(&self, authorize_url: &str) -> Result<Url, ClientError> {
        self.walk(authorize_url, "refuse").await
    }

    async fn walk(&self, authorize_url: &str, decision: &str) -> Result<Url, ClientError> {
        let start = Url::parse(authorize_url).map_err(|_| ClientError::Address(authorize_url.to_owned()))?;
        let first = self.http.get(start.clone()).send().await?;
        if first.status().is_redirection() {
            return location(first).await;
        }
        let request = hidden(first).await?;
        let fields = [
            ("request", request.as_str()),
            ("user_name", &self.user),
            ("password", &self.password),
        ];
        let consent = hidden(self.post(&start, "/api/oauth2/login", &fields).await?).await?;
        let fields = [("request", consent.as_str()), ("decision", decision)];
        location(self.post(&start, "/api/oauth2/consent", &fields).await?).await
    }

    async fn post(&self, start: &Url, path: &str, fields: &[(&str, &str)]) -> Result<Response, ClientError> {
        let address = start.join(path).map_err(|_| ClientError::Address(path.to_owned()))?;
        Ok(self.http.post(address).form(fields).send().await?)
    }
}

async fn location(answer: Response) -> Result<Url, ClientError> {
    let location = answer
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    match location.and_then(|location| Url::parse(location).ok()) {
        Some(url) => Ok(url),
        None => Err(unexpected(answer).await),
    }
}

/// The hidden field `request` of a page that goes on; an error on it ends the walk.
async fn hidden(answer: Response) -> Result<String, ClientError> {
    let status = answer.status().as_u16();
    let body = answer.text().await?;
    let value = body
        .split_once("name=\"request\" value=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    match value {
        Some((value, _)) if !body.contains("class=\"error\"") => Ok(value.to_owned()),
        _ => Err(ClientError::Answer { status, body }),
    }
}
