//! What an SDK error says, in one short line: where it failed, never what was sent.

use std::error::Error;

use aws_sdk_dynamodb::operation::RequestId;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::telemetry::{error_chain, one_line};

/// The longest text that an error takes over from AWS.
const LONGEST: usize = 300;

pub(crate) fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + RequestId + Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(answer) => {
            let answer = answer.err();
            let code = answer.code().unwrap_or("an error without a code");
            let message = answer
                .message()
                .map(|message| format!(": {message}"))
                .unwrap_or_default();
            let request = answer
                .request_id()
                .map(|id| format!(" (request {id})"))
                .unwrap_or_default();
            format!("{}{request}", one_line(&format!("{code}{message}"), LONGEST))
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        // Its chain may quote the answer.
        SdkError::ResponseError(_) => "an answer that cannot be read".to_owned(),
        other => one_line(&error_chain(other), LONGEST),
    }
}
