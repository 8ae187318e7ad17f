//! A write that DynamoDB did not confirm: what that leaves open.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        RequestId, delete_item::DeleteItemError, put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    types::CancellationReason,
};
use handover_core::ports::{Rejected, StoreError, WriteError};

use super::item::Item;
use crate::failure::told;

#[derive(Debug)]
pub(super) enum Failed {
    /// A condition did not hold: this try wrote nothing. With the items that were found there.
    Condition(Vec<Item>),
    /// Another write holds one of the items at this moment: this try wrote nothing.
    Busy,
    /// The token of this write came before, with other parameters.
    Seen,
    /// Whether it was written is open.
    Open(String),
    /// It never will be: DynamoDB finds it malformed or too large.
    Never(String),
}

impl Failed {
    /// For a write whose conditions only guard against items of an unknown version, or were looked at already.
    pub fn into_error(self, what: String) -> WriteError {
        let open = |reason: &str, what| {
            WriteError::Unavailable(StoreError {
                what,
                reason: reason.to_owned(),
            })
        };
        match self {
            Self::Busy => open("other writes hold its items", what),
            Self::Seen => open("its token was seen before with other parameters", what),
            Self::Condition(_) => open("a condition did not hold", what),
            Self::Open(reason) => open(&reason, what),
            Self::Never(reason) => WriteError::Rejected(Rejected { item: what, reason }),
        }
    }

    pub fn of_transaction<R: std::fmt::Debug>(error: SdkError<TransactWriteItemsError, R>) -> Self {
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                Self::of_reasons(cancelled.cancellation_reasons()).unwrap_or_else(|| Self::Open(told(&error)))
            }
            Some(TransactWriteItemsError::IdempotentParameterMismatchException(_)) => Self::Seen,
            _ => Self::of_other(&error),
        }
    }

    /// One condition that failed decides: the whole transaction wrote nothing, and would not if tried again.
    fn of_reasons(reasons: &[CancellationReason]) -> Option<Self> {
        let of = |code: &str| {
            reasons
                .iter()
                .filter(|reason| reason.code() == Some(code))
                .collect::<Vec<_>>()
        };
        let conditions = of("ConditionalCheckFailed");
        if !conditions.is_empty() {
            return Some(Self::Condition(
                conditions
                    .into_iter()
                    .filter_map(|reason| reason.item().cloned())
                    .collect(),
            ));
        }
        for code in ["ValidationError", "ItemCollectionSizeLimitExceeded"] {
            if let Some(reason) = of(code).first() {
                return Some(Self::Never(format!(
                    "{code}: {}",
                    reason.message().unwrap_or("no message")
                )));
            }
        }
        // Beside throttling it is not worth a try at once.
        let throttled = ["ThrottlingError", "ProvisionedThroughputExceeded"]
            .iter()
            .any(|code| !of(code).is_empty());
        (!throttled && !of("TransactionConflict").is_empty()).then_some(Self::Busy)
    }

    pub fn of_put<R: std::fmt::Debug>(error: SdkError<PutItemError, R>) -> Self {
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Self::Condition(failed.item().cloned().into_iter().collect())
            }
            Some(PutItemError::TransactionConflictException(_)) => Self::Busy,
            _ => Self::of_other(&error),
        }
    }

    pub fn of_update<R: std::fmt::Debug>(error: SdkError<UpdateItemError, R>) -> Self {
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Self::Condition(failed.item().cloned().into_iter().collect())
            }
            Some(UpdateItemError::TransactionConflictException(_)) => Self::Busy,
            _ => Self::of_other(&error),
        }
    }

    pub fn of_delete<R: std::fmt::Debug>(error: SdkError<DeleteItemError, R>) -> Self {
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                Self::Condition(failed.item().cloned().into_iter().collect())
            }
            Some(DeleteItemError::TransactionConflictException(_)) => Self::Busy,
            _ => Self::of_other(&error),
        }
    }

    fn of_other<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + RequestId + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let malformed = [
            "ValidationException",
            "ItemCollectionSizeLimitExceededException",
            "SerializationException",
        ];
        if error.code().is_some_and(|code| malformed.contains(&code)) {
            Self::Never(told(error))
        } else {
            Self::Open(told(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build())
            .collect()
    }

    #[test]
    fn a_failed_condition_decides_whatever_else_is_said() {
        let mixed = reasons(&[
            "None",
            "TransactionConflict",
            "ConditionalCheckFailed",
            "ThrottlingError",
        ]);
        assert!(matches!(Failed::of_reasons(&mixed), Some(Failed::Condition(found)) if found.is_empty()));
    }

    #[test]
    fn a_conflict_is_busy_but_not_beside_throttling() {
        assert!(matches!(
            Failed::of_reasons(&reasons(&["TransactionConflict", "None"])),
            Some(Failed::Busy)
        ));
        assert!(Failed::of_reasons(&reasons(&["TransactionConflict", "ThrottlingError"])).is_none());
        assert!(Failed::of_reasons(&reasons(&["ThrottlingError"])).is_none());
        assert!(matches!(
            Failed::of_reasons(&reasons(&["ValidationError"])),
            Some(Failed::Never(_))
        ));
    }
}
