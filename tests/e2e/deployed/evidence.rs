//! What the scenarios leave behind.

use std::sync::{Mutex, MutexGuard, PoisonError};

use handover_local::recorder::Call;
use serde::Deserialize;
use serde_json::Value;

/// What the scenarios leave behind, all together.
#[derive(Debug, Default)]
pub struct Evidence(Mutex<Found>);

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Every call to AWS, with the deployment that it was made in.
    pub calls: Vec<(usize, Call)>,
    /// What each deployment allows.
    pub deployments: Vec<Deployment>,
    /// Where it was seen, and the text: to be searched for secrets.
    pub texts: Vec<(String, String)>,
    /// What must stand nowhere in the clear.
    pub secrets: Vec<String>,
}

/// What the roles of a deployment may do.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployment {
    /// Statements by role.
    pub roles: std::collections::BTreeMap<String, Vec<Value>>,
}

impl Evidence {
    /// For adding to it, and for looking at it.
    pub fn enter(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
