//! Lambda's side: the runtime, and beside it the extension that keeps the process awake.

use std::{convert::Infallible, sync::Arc, time::Duration};

use handover_core::{
    connection::PairKey,
    ids::AuthorisationId,
    ports::{Clock, Place, Platform, Queue, Randomness, Store, Vault},
};
use lambda_runtime::{Error, LambdaEvent, Runtime, layers::TracingLayer, service_fn};

use crate::{Callback, Request, told};

/// The longest that a start waits for the first calls: Lambda gives it ten seconds.
const WARM_UP: Duration = Duration::from_secs(4);

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
    callback.warm_up().await;
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

impl<S: Store, V: Vault, Q, P, C, R> Callback<S, V, Q, P, C, R> {
    /// As many calls side by side to the tables and to KMS as a callback will make, whatever they say: the first TLS
    /// handshakes are the larger part of a cold start, and the start has more processor than an invocation.
    async fn warm_up(&self) {
        let nobody = PairKey {
            authorisation: AuthorisationId::from_digest(&[0; 32]),
            generation: 1,
        };
        let store = &self.ports.store;
        let read = store.authorisation(&nobody.authorisation);
        let another = store.authorisation(&nobody.authorisation);
        let third = store.authorisation(&nobody.authorisation);
        let place = Place::Pair(nobody.clone());
        let seal = self.ports.vault.data_key(&place);
        let calls = async { tokio::join!(read, seal, another, third) };
        match tokio::time::timeout(WARM_UP, calls).await {
            Ok((Ok(_), Ok(_), ..)) => {}
            Ok((Err(error), ..)) => tracing::warn!(service = "table", error = %told(&error), "handover.not_warmed_up"),
            Ok((_, Err(error), ..)) => tracing::warn!(service = "kms", error = %told(&error), "handover.not_warmed_up"),
            Err(_) => tracing::warn!(
                service = "either",
                error = "no answer in time",
                "handover.not_warmed_up"
            ),
        }
    }
}
