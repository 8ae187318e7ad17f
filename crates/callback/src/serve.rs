//! Lambda's side: the runtime, and beside it the extension that keeps the process awake.

use std::{convert::Infallible, sync::Arc};

use handover_core::ports::{Clock, Platform, Queue, Randomness, Store, Vault};
use lambda_runtime::{Error, LambdaEvent, Runtime, layers::TracingLayer, service_fn};

use crate::{Callback, Request};

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
    let extension = background.register(callback.settings.timeout).await?;
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
