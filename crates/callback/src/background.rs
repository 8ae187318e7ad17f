//! Work that goes on after the answer.
//!
//! Lambda freezes a process once its runtime **and** its extensions have asked for the next event. So an internal
//! extension asks for it only when the invocation has been answered and nothing that it started is under way.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use lambda_extension::{Extension, NextEvent};
use lambda_runtime::{
    LambdaInvocation,
    tower::{Layer, Service},
};
use tokio::{sync::watch, task::JoinHandle};
use tracing::Instrument;

/// Answered invocations that are remembered: Lambda has one at a time.
const REMEMBERED: usize = 16;

/// The extension could not be registered.
#[derive(Debug, thiserror::Error)]
#[error(
    "could not register the internal extension that lets an exchange outlive its answer: is the Extensions API there \
     (Lambda, or a local stand-in for it)? {reason}"
)]
pub struct NotRegistered {
    reason: String,
}

/// What is under way in this process.
#[derive(Debug, Clone)]
pub struct Background(Arc<watch::Sender<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    tasks: usize,
    /// Ids of the latest invocations that were answered.
    answered: VecDeque<String>,
}

impl Default for Background {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(UnderWay::default())))
    }
}

impl Background {
    /// Runs `work` to its end, whatever becomes of the handle.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.send_modify(|under_way| under_way.tasks += 1);
        // Made here, not in the task: a task that is never polled counts as ended too.
        let open = Open(self.clone());
        let counted = async move {
            let _open = open;
            work.await
        };
        // Its lines in the log are those of the invocation that started it.
        tokio::spawn(counted.in_current_span())
    }

    /// Waits until nothing is under way.
    pub async fn idle(&self) {
        // An error means that the sender is gone; this holds it.
        let _ = self.0.subscribe().wait_for(|under_way| under_way.tasks == 0).await;
    }

    /// Waits until the invocation was answered and nothing is under way.
    pub async fn over(&self, invocation: &str) {
        let over = |under_way: &UnderWay| under_way.tasks == 0 && under_way.answered.iter().any(|id| id == invocation);
        let _ = self.0.subscribe().wait_for(over).await;
    }

    fn answered(&self, invocation: String) {
        self.0.send_modify(|under_way| {
            under_way.answered.push_back(invocation);
            if under_way.answered.len() > REMEMBERED {
                under_way.answered.pop_front();
            }
        });
    }

    /// Registers the internal extension. To be done before the runtime starts; the future is its loop.
    ///
    /// # Errors
    /// [`NotRegistered`] where there is no Extensions API.
    pub async fn register(
        &self,
        longest: Duration,
    ) -> Result<impl Future<Output = Result<(), lambda_extension::Error>> + use<>, NotRegistered> {
        let background = self.clone();
        let wait = move |event: lambda_extension::LambdaEvent| {
            let background = background.clone();
            async move {
                if let NextEvent::Invoke(invocation) = event.next {
                    // Lambda itself ends what takes longer. The limit is for stand-ins that tell of an invocation
                    // which never comes.
                    let _ = tokio::time::timeout(longest, background.over(&invocation.request_id)).await;
                }
                Ok::<(), Infallible>(())
            }
        };
        let extension = Extension::new()
            .with_extension_name("handover-callback")
            // An internal extension may ask for nothing else.
            .with_events(&["INVOKE"])
            .with_events_processor(lambda_extension::service_fn(wait))
            .register()
            .await
            .map_err(|error| NotRegistered {
                reason: error.to_string(),
            })?;
        Ok(extension.run())
    }
}

/// A task that is under way.
struct Open(Background);

impl Drop for Open {
    fn drop(&mut self) {
        self.0
            .0
            .send_modify(|under_way| under_way.tasks = under_way.tasks.saturating_sub(1));
    }
}

/// Tells which invocations were answered. Outermost, so that one counts as answered when Lambda has its answer, also
/// where that was an error.
impl<S> Layer<S> for Background {
    type Service = Answered<S>;

    fn layer(&self, inner: S) -> Answered<S> {
        Answered {
            inner,
            background: self.clone(),
        }
    }
}

/// See [`Background`].
#[derive(Debug, Clone)]
pub struct Answered<S> {
    inner: S,
    background: Background,
}

impl<S> Service<LambdaInvocation> for Answered<S>
where
    S: Service<LambdaInvocation>,
    S::Future: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let id = invocation.context.request_id.clone();
        let background = self.background.clone();
        let answer = self.inner.call(invocation);
        Box::pin(async move {
            let answer = answer.await;
            background.answered(id);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn an_invocation_is_over_when_it_is_answered_and_its_work_is_done() {
        let background = Background::default();
        assert!(timeout(SECOND, background.over("1")).await.is_err(), "not answered yet");
        let work = background.spawn(tokio::time::sleep(10 * SECOND));
        background.answered("1".into());
        assert!(timeout(SECOND, background.over("1")).await.is_err(), "its work goes on");
        advance(10 * SECOND).await;
        work.await.unwrap();
        background.over("1").await;
        assert!(
            timeout(SECOND, background.over("2")).await.is_err(),
            "another invocation"
        );
    }

    #[tokio::test]
    async fn work_that_panics_or_is_stopped_is_over() {
        let background = Background::default();
        let work = background.spawn(async { panic!("on purpose") });
        assert!(work.await.is_err());
        background.idle().await;
        background.spawn(std::future::pending::<()>()).abort();
        background.idle().await;
    }
}
