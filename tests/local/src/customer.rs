//! A browser without a screen.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use handover_standin::Walker;
use reqwest::{
    Client, Response,
    header::{COOKIE, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use url::Url;

/// A customer with a browser of their own.
#[derive(Debug, Clone)]
pub struct Customer {
    client: Client,
    walker: Walker,
    /// The cookies it keeps for Handover, by name.
    pub cookies: BTreeMap<String, String>,
}

/// A page that a customer sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The status.
    pub status: u16,
    /// Where it leads, if it is a redirect.
    pub location: Option<Url>,
    /// The body.
    pub body: String,
    /// The address it was read from.
    pub url: Url,
}

impl Customer {
    /// A customer who logs on to Exact Online as `user`. `gateway`: the address of Handover's pages, whose name the
    /// system's resolver need not know.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(gateway: &str, user: &str, password: &str) -> Result<Self> {
        let gateway: Url = gateway.parse()?;
        let host = gateway.host_str().context("the gateway has no host")?;
        let address = ([127, 0, 0, 1], gateway.port_or_known_default().unwrap_or(80)).into();
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .resolve(host, address)
            .build()?;
        Ok(Self {
            client,
            walker: Walker::new(user, password)?,
            cookies: BTreeMap::new(),
        })
    }

    /// Opens an address of Handover's.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn open(&mut self, url: &Url) -> Result<Seen> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = self.client.get(url.clone());
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("nobody answers at {}", url.path()))?;
        self.keep_cookies(&answer);
        let status = answer.status().as_u16();
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.and_then(|location| url.join(location).ok());
        Ok(Seen {
            status,
            location,
            body: answer.text().await?,
            url: url.clone(),
        })
    }

    fn keep_cookies(&mut self, answer: &Response) {
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie
                .to_str()
                .ok()
                .and_then(|text| text.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    /// Opens the OEM's link: answers the address of Exact Online's log-on.
    ///
    /// # Errors
    /// When the link does not lead there.
    pub async fn follow_link(&mut self, link: &Url) -> Result<Url> {
        let seen = self.open(link).await?;
        seen.location
            .with_context(|| format!("the link answered {} and leads nowhere: {}", seen.status, seen.body))
    }

    /// Logs on and consents: answers the callback's address with code and state.
    ///
    /// # Errors
    /// When Exact Online does not send the browser back.
    pub async fn consent(&self, authorize: &Url) -> Result<Url> {
        Ok(self.walker.allow(authorize.as_str()).await?)
    }

    /// Logs on and refuses: answers the callback's address with the error.
    ///
    /// # Errors
    /// When Exact Online does not send the browser back.
    pub async fn refuse(&self, authorize: &Url) -> Result<Url> {
        Ok(self.walker.refuse(authorize.as_str()).await?)
    }

    /// The whole way: link, log-on, consent, callback, and the page it ends on.
    ///
    /// # Errors
    /// When a step leads nowhere.
    pub async fn connect(&mut self, link: &Url) -> Result<Seen> {
        let authorize = self.follow_link(link).await?;
        let callback = self.consent(&authorize).await?;
        self.come_back(&callback).await
    }

    /// Comes back to the callback and follows where it leads, once.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn come_back(&mut self, callback: &Url) -> Result<Seen> {
        let seen = self.open(callback).await?;
        match seen.location.clone() {
            Some(next) => self.open(&next).await,
            None => Ok(seen),
        }
    }
}
