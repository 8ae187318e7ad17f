//! The profile of an http channel: where to, in what form, and what the answers mean. The [crate]'s page explains
//! each key.

mod check;
mod rules;
mod setting;
mod status;

use std::{collections::BTreeMap, time::Duration};

use handover_core::{
    connection::{LookUpRule, PairFate},
    secret::Plaintext,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

pub(crate) use self::rules::Reply;
pub use self::{
    rules::{AnswerRule, LookUpAnswerRule, Meaning, Presence},
    setting::{SecretSetting, Setting},
    status::Statuses,
};

/// The version of profiles that is known here.
const VERSION: u32 = 1;

/// The profile of an http channel. `Debug` hides the values of headers and constants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub(crate) v: u32,
    pub(crate) address: Url,
    #[serde(default)]
    pub(crate) allow_http: bool,
    #[serde(default)]
    pub(crate) method: Method,
    #[serde(default)]
    pub(crate) encoding: Encoding,
    pub(crate) fields: BTreeMap<Field, String>,
    #[serde(default)]
    pub(crate) constants: BTreeMap<String, Setting>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Setting>,
    #[serde(default)]
    pub(crate) idempotency_header: Option<String>,
    #[serde(default)]
    pub(crate) attempt_header: Option<String>,
    #[serde(default)]
    pub(crate) country: Option<String>,
    #[serde(default = "sixty")]
    pub(crate) timeout_seconds: u16,
    #[serde(default)]
    pub(crate) access_token: AccessTokenNeed,
    #[serde(default = "unknown")]
    pub(crate) pair_if_refused: PairFate,
    #[serde(default)]
    pub(crate) exists_only_for_our_key: bool,
    pub(crate) answers: Vec<AnswerRule>,
    #[serde(default)]
    pub(crate) look_up: Option<LookUp>,
}

/// How a doubt can be settled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookUp {
    pub address: String,
    /// Without them, those of the registration.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, Setting>>,
    pub answers: Vec<LookUpAnswerRule>,
    #[serde(default = "nine_hundred")]
    pub absent_after_seconds: u32,
    #[serde(default = "unknown")]
    pub pair_if_absent: PairFate,
    #[serde(default = "fifteen")]
    pub timeout_seconds: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    #[default]
    Post,
    Put,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    Form,
    #[default]
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccessTokenNeed {
    #[default]
    Any,
    Fresh,
}

/// What can be sent, by our names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    ClientId,
    ClientSecret,
    RedirectUrl,
    AccessToken,
    RefreshToken,
    Country,
    Database,
    Reference,
    IdempotencyKey,
    Attempt,
}

fn unknown() -> PairFate {
    PairFate::Unknown
}

fn fifteen() -> u16 {
    15
}

fn sixty() -> u16 {
    60
}

fn nine_hundred() -> u32 {
    900
}

/// Why a profile cannot be used. Never carries the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the channel's profile cannot be used: `{at}` {problem}")]
pub struct ProfileError {
    /// The key, such as `answers[2].status`.
    pub at: String,
    /// What is wrong with it.
    pub problem: String,
}

impl ProfileError {
    pub(crate) fn new(at: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            problem: problem.into(),
        }
    }
}

impl Profile {
    /// Reads a profile as the OEM wrote it, JSON; its secrets are still to be [filled in](Self::fill).
    ///
    /// # Errors
    /// [`ProfileError`], naming the key.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        Self::of(text.as_bytes(), |error| format!("is not as expected: {error}"))
    }

    /// Reads a profile as it was sealed.
    ///
    /// # Errors
    /// [`ProfileError`], naming the key and no value: there are secrets in it.
    pub fn read(plaintext: &Plaintext) -> Result<Self, ProfileError> {
        let profile = Self::of(plaintext.expose(), |_| "is not as expected".into())?;
        match profile.secrets_wanted().first() {
            None => Ok(profile),
            Some(name) => Err(missing(name)),
        }
    }

    fn of(text: &[u8], told: fn(&serde_json::Error) -> String) -> Result<Self, ProfileError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u32,
        }
        // First: a later version may have keys that this one does not know.
        let versioned: Versioned =
            serde_json::from_slice(text).map_err(|error| ProfileError::new("v", told(&error)))?;
        if versioned.v != VERSION {
            return Err(ProfileError::new(
                "v",
                format!("is {}; this program knows version {VERSION}", versioned.v),
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let profile: Self = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| ProfileError::new(error.path().to_string(), told(error.inner())))?;
        json.end().map_err(|error| ProfileError::new(".", told(&error)))?;
        check::check(&profile)?;
        Ok(profile)
    }

    /// The names of the secrets that are to be filled in, each once.
    #[must_use]
    pub fn secrets_wanted(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for secret in self
            .settings()
            .filter_map(Setting::secret)
            .filter(|secret| secret.value.is_none())
        {
            if !names.contains(&secret.name) {
                names.push(secret.name.clone());
            }
        }
        names
    }

    /// Fills in the secret of that name, wherever it stands.
    ///
    /// # Errors
    /// [`ProfileError`] when there is none of that name, or when the value cannot stand in a header.
    pub fn fill(&mut self, name: &str, value: &SecretString) -> Result<(), ProfileError> {
        if !check::fits_a_header(value.expose_secret()) || value.expose_secret().is_empty() {
            return Err(ProfileError::new(
                name,
                "is a secret that is empty or not one line of visible characters",
            ));
        }
        let mut filled = false;
        for setting in self.settings_mut() {
            if let Setting::Secret(secret) = setting
                && secret.name == name
            {
                secret.value = Some(Zeroizing::new(value.expose_secret().to_owned()));
                filled = true;
            }
        }
        if filled {
            Ok(())
        } else {
            Err(ProfileError::new(name, "is no secret of this profile"))
        }
    }

    /// The profile with its secrets, for sealing.
    ///
    /// # Errors
    /// [`ProfileError`] while a secret is missing.
    pub fn seal_text(&self) -> Result<Plaintext, ProfileError> {
        if let Some(name) = self.secrets_wanted().first() {
            return Err(missing(name));
        }
        let mut text = Vec::with_capacity(16 * 1024);
        serde_json::to_writer(&mut text, self).map_err(|_| ProfileError::new(".", "cannot be written"))?;
        Ok(Plaintext::new(text))
    }

    /// How a doubt can be settled.
    #[must_use]
    pub fn look_up_rule(&self) -> Option<LookUpRule> {
        self.look_up.as_ref().map(|look_up| LookUpRule {
            delay_seconds: look_up.absent_after_seconds,
            pair_if_absent: look_up.pair_if_absent,
        })
    }

    /// Whether the access token has to live still when the registration is sent.
    #[must_use]
    pub fn needs_fresh_access_token(&self) -> bool {
        self.access_token == AccessTokenNeed::Fresh
    }

    /// How long a registration may take.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }

    fn settings(&self) -> impl Iterator<Item = &Setting> {
        let looked_up = self
            .look_up
            .iter()
            .flat_map(|look_up| &look_up.headers)
            .flat_map(BTreeMap::values);
        self.headers.values().chain(self.constants.values()).chain(looked_up)
    }

    fn settings_mut(&mut self) -> impl Iterator<Item = &mut Setting> {
        let looked_up = self
            .look_up
            .iter_mut()
            .flat_map(|look_up| &mut look_up.headers)
            .flat_map(BTreeMap::values_mut);
        self.headers
            .values_mut()
            .chain(self.constants.values_mut())
            .chain(looked_up)
    }
}

fn missing(name: &str) -> ProfileError {
    ProfileError::new(name, "is a secret that was not filled in")
}
