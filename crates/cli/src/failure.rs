//! What a command ends with when it does not do what was asked.

use handover_core::{
    apply::ApplyError,
    decide::{Refused, Why},
    plaintext::Unreadable,
    ports::{OpenError, ReadError, Rejected, SealError, StoreError, VaultError, WriteError},
};

/// Why nothing, or not all of it, was done. The text says what was tried, on what, why not, and what to do. Never
/// carries a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The arguments, or what came from standard input, cannot be used.
    #[error("{0}")]
    Usage(String),
    /// It does not fit how things stand.
    #[error("{0}")]
    Refused(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// AWS could not be reached, or did not let this identity.
    #[error("{0}")]
    Unavailable(String),
    /// What is stored there cannot be used.
    #[error("{0}")]
    Unusable(String),
}

impl Failure {
    /// A word for scripts.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Refused(_) => "refused",
            Self::NotFound(_) => "not_found",
            Self::Unavailable(_) => "unavailable",
            Self::Unusable(_) => "unusable",
        }
    }

    /// 2 for what cannot be used, 1 for all else.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }

    /// The same with one more sentence on what to do.
    #[must_use]
    pub fn and(self, hint: &str) -> Self {
        let with = |text: String| format!("{text}; {hint}");
        match self {
            Self::Usage(text) => Self::Usage(with(text)),
            Self::Refused(text) => Self::Refused(with(text)),
            Self::NotFound(text) => Self::NotFound(with(text)),
            Self::Unavailable(text) => Self::Unavailable(with(text)),
            Self::Unusable(text) => Self::Unusable(with(text)),
        }
    }

    /// AWS said no, or nothing.
    #[must_use]
    pub fn unavailable(text: impl Into<String>) -> Self {
        let failure = Self::Unavailable(text.into());
        if failure.is_denied() {
            return failure.and(
                "this AWS identity may not do that: applications, channels and connections take the developers' role, \
                 `take` and what follows it the operators' role",
            );
        }
        failure
    }

    fn is_denied(&self) -> bool {
        self.to_string().contains("AccessDenied")
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Refused(refused) => refused.into(),
            ApplyError::Unknown(id) => Self::NotFound(format!(
                "there is no connection {id} in this deployment; `handover list` shows what there is, and --stack says \
                 where"
            )),
            ApplyError::Conflict(id) => Self::Refused(format!(
                "{id} changed meanwhile, and nothing was done; look with `handover show {id}` and try again"
            )),
            ApplyError::Unavailable(error) => error.into(),
            ApplyError::Rejected(error) => error.into(),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.to_string())
    }
}

impl From<Why> for Failure {
    fn from(why: Why) -> Self {
        Self::Refused(why.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::unavailable(error.to_string());
        if failure.is_denied() {
            return failure;
        }
        failure.and("if something was to be written, `handover show` tells whether it was, before you try again")
    }
}

impl From<Rejected> for Failure {
    fn from(error: Rejected) -> Self {
        Self::Unusable(format!(
            "{error}; it was left as it is, and a newer `handover` may be able to read it"
        ))
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(error) => Self::unavailable(error.to_string()),
            ReadError::Rejected(error) => error.into(),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict(id) => ApplyError::Conflict(id).into(),
            WriteError::Unavailable(error) => error.into(),
            WriteError::Rejected(error) => error.into(),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Refused { .. } => Self::Unusable(error.to_string()),
            OpenError::Unavailable(error) => error.into(),
        }
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        Self::Unusable(format!("{error}; a newer `handover` may be able to read it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_let_is_told_which_role_may() {
        let denied = StoreError {
            what: "read conn_1".into(),
            reason: "AccessDeniedException: no".into(),
        };
        let text = Failure::from(denied).to_string();
        assert!(text.contains("operators' role"), "{text}");
        assert!(!text.contains("try again"), "{text}");
    }

    #[test]
    fn only_what_cannot_be_used_is_two() {
        assert_eq!(Failure::Usage(String::new()).exit_code(), 2);
        assert_eq!(Failure::Refused(String::new()).exit_code(), 1);
    }
}
