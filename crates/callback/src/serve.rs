//! Lambda's side: the runtime, and beside it the extension that keeps the process awake.

use std::{convert::Infallible, io, sync::Arc};

use handover_aws::metrics::{self, Metric};
use handover_core::ports::{Clock, Platform, Queue, Randomness, Store, Vault};
use lambda_runtime::{Error, LambdaEvent, Runtime, layers::TracingLayer, service_fn};

use crate::{Callback, Request, told};

/// Answers Lambda's events until it fails.
///
/// # Errors
/// When the extension cannot be registered, or the runtime's interface fails. What was under way has ended by then.
pub async fn serve<S, V, Q, P, C, R>(callback: Arc<Callback<S, V, Q, P, C, R>>) -> Result<(), Error>
where
    S: Store + 'static,
    V: Vault + 'static,
    Q: Queue + 'static,
    P: Platform + 'static,
    C: Clock + 'static,
    R: Randomness + 'static,
{
    let background = callback.background().clone();
    let counted = Arc::clone(&callback);
    let extension = background
        .register(callback.settings.timeout, move || write_metrics(&counted))
        .await?;
    let handler = service_fn(move |event: LambdaEvent<Request>| {
        let callback = Arc::clone(&callback);
        async move { Ok::<_, Infallible>(callback.answer(event.payload).await) }
    });
    let runtime = Runtime::new(handler)
        .layer(TracingLayer::new())
        .layer(background.clone());
    let ended = tokio::try_join!(runtime.run(), extension);
    background.idle().await;
    ended.map(drop)
}

/// What was counted in an invocation, once it is over.
fn write_metrics<S, V, Q, P, C: Clock, R>(callback: &Callback<S, V, Q, P, C, R>) {
    let cut_off = callback.take_cut_off();
    if cut_off == 0 {
        return;
    }
    let (deployment, now) = (&callback.settings.deployment, callback.ports.clock.now());
    if let Err(error) = metrics::emit(io::stdout(), deployment, now, &[Metric::authorisations_lost(cut_off)]) {
        tracing::warn!(error = %told(&error), "handover.metrics_lost");
    }
}
