//! Logs: JSON lines on standard output, a short message with dotted fields.

use std::error::Error;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, Targets, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Libraries that log whole payloads, codes and tokens included, below `info`.
const TALKATIVE: [&str; 12] = [
    "aws_", "h2", "hyper", "hyper_", "lambda_", "reqwest", "rustls", "tokio", "tower", "log", "mio", "want",
];

/// Logging that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `HANDOVER_LOG` is no filter.
    #[error("HANDOVER_LOG cannot be read as a filter such as `info,handover_worker=debug`")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else logs already.
    #[error("logging was started twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Logs to standard output from here on. Once per process.
///
/// # Errors
/// [`StartError`] when the filter cannot be read, or logging runs already.
pub fn start(logging: &crate::config::Logging) -> Result<(), StartError> {
    tracing_subscriber::registry()
        .with(layer(&logging.filter, std::io::stdout)?)
        .try_init()?;
    Ok(())
}

fn layer<S, W>(filter: &str, writer: W) -> Result<impl Layer<S>, tracing_subscriber::filter::ParseError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter.parse::<Targets>()?.and(filter_fn(may_be_logged));
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer)
        .with_filter(filter);
    Ok(layer)
}

/// Whatever the filter says: nothing below `info` from a library that sees payloads.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || !is_talkative(metadata.target())
}

fn is_talkative(target: &str) -> bool {
    let krate = target.split("::").next().unwrap_or_default();
    TALKATIVE.iter().any(|name| match name.strip_suffix('_') {
        Some(_) => krate.starts_with(name),
        None => krate == *name,
    })
}

/// An error and all that caused it, in one line. For the one place that logs a failure.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // A transparent error says what its source says.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    one_line(&text, usize::MAX)
}

/// `text` without line breaks or other control characters, `longest` characters at most.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest));
    for (position, word) in text
        .split(|c: char| c.is_control())
        .filter(|word| !word.is_empty())
        .enumerate()
    {
        if position > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > longest {
        line = line.chars().take(longest.saturating_sub(1)).collect();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, act: impl FnOnce()) -> Vec<serde_json::Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry().with(layer(filter, move || writer.clone()).unwrap());
        tracing::subscriber::with_default(subscriber, act);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_is_flat_json_with_dotted_fields() {
        let lines = logged("info", || {
            tracing::info!(connection.id = "conn_1", wait.seconds = 3, "woke");
            tracing::debug!("hidden");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "woke");
        assert_eq!(lines[0]["connection.id"], "conn_1");
        assert_eq!(lines[0]["wait.seconds"], 3);
        assert_eq!(lines[0]["level"], "INFO");
    }

    #[test]
    fn no_filter_lets_payloads_through() {
        let lines = logged("trace,lambda_runtime=trace,aws_smithy_runtime=trace", || {
            tracing::trace!(target: "lambda_runtime", "payload with a code");
            tracing::trace!(target: "lambda_runtime::layers", "payload with a code");
            tracing::debug!(target: "aws_smithy_runtime::client::http", "request with a token");
            tracing::debug!(target: "hyper_util::client", "headers");
            tracing::trace!(target: "h2::codec", "frame");
            tracing::trace!(target: "rustls::conn", "record");
            tracing::info!(target: "lambda_runtime", "started");
            tracing::trace!(target: "handover_worker", "own");
        });
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["started", "own"]);
    }

    #[test]
    fn a_wrong_filter_is_refused() {
        let refusal = layer::<tracing_subscriber::Registry, _>("handover=loud", io::stdout).map(drop);
        assert!(refusal.is_err());
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer\nfailed")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_chain_is_one_line() {
        let error = Outer(io::Error::other("inner\r\nfailed"));
        assert_eq!(error_chain(&error), "outer failed: inner failed");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(one_line("ééééé", 3), "éé…");
        assert_eq!(one_line("abc", 3), "abc");
    }
}
