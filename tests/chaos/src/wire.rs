//! The wire from the functions to Exact Online and Invantive Cloud: makes some calls slow, so that kills land in the
//! middle of them, and writes down which process asked what and how far the answer got.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{Method, Response, StatusCode},
};
use handover_local::{
    processes::{self, Process},
    proxy::forward,
    stage::Stage,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The longest that one side of a call is held up.
const SLOW_MILLISECONDS: u64 = 1_500;

/// What a function asks for outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// An exchange: of this code or refresh token.
    Exchange(String),
    /// Who consented.
    Me,
    /// A registration.
    Registration,
    /// Whether a database exists.
    LookUp,
}

impl Call {
    /// All there are, in words.
    pub const NAMES: [&str; 4] = [
        "an exchange",
        "the question who consented",
        "a registration",
        "a look-up",
    ];

    /// What it is, in words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let [exchange, me, registration, look_up] = Self::NAMES;
        match self {
            Self::Exchange(_) => exchange,
            Self::Me => me,
            Self::Registration => registration,
            Self::LookUp => look_up,
        }
    }
}

/// How far a call got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It came, and nothing has happened yet.
    Asked,
    /// It had its effect, and the answer is on its way.
    Answering,
    /// The whole answer was given to whoever asked.
    Answered,
    /// Whoever asked was gone before it was answered.
    Broken,
}

/// One call of a function.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asked.
    pub process: Process,
    /// What.
    pub call: Call,
    /// How far it got.
    pub way: Way,
}

/// The wire; ends when dropped.
#[derive(Debug)]
pub struct Wire {
    url: String,
    asked: Log,
    task: JoinHandle<()>,
}

type Log = Arc<Mutex<Vec<Asked>>>;

fn enter(log: &Log) -> MutexGuard<'_, Vec<Asked>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Ends {
    supervisor: u32,
    port: u16,
    client: reqwest::Client,
    outside: String,
    chance: Mutex<fastrand::Rng>,
    asked: Log,
}

impl Wire {
    /// Begins to hand calls of the stage's functions on to its stand-ins.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(stage: &Stage, chance: fastrand::Rng) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port for the wire")?;
        let port = listener.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let asked = Log::default();
        let ends = Arc::new(Ends {
            supervisor: stage.cloud.supervisor().context("the local cloud has ended")?,
            port,
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()?,
            outside: stage.standin.url(),
            chance: Mutex::new(chance),
            asked: Arc::clone(&asked),
        });
        let router = Router::new().fallback(hand_on).with_state(ends);
        let task = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            if let Err(error) = axum::serve(listener, service).await {
                eprintln!("the wire ended: {error}");
            }
        });
        Ok(Self { url, asked, task })
    }

    /// Where Exact Online and Invantive Cloud are, for the functions.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that was asked so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        enter(&self.asked).clone()
    }

    /// Whether nobody is asking anything.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        enter(&self.asked).iter().all(|asked| !asked.is_under_way())
    }

    /// What this process is asking at this moment.
    #[must_use]
    pub fn under_way(&self, process: &Process) -> Option<Asked> {
        let asked = enter(&self.asked);
        let mut open = asked.iter().rev().filter(|asked| asked.is_under_way());
        open.find(|asked| asked.process == *process).cloned()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Asked {
    fn is_under_way(&self) -> bool {
        matches!(self.way, Way::Asked | Way::Answering)
    }
}

/// A call that is under way. Dropped before it is answered: whoever asked was gone.
struct Open {
    asked: Log,
    number: usize,
}

impl Open {
    fn begin(log: &Log, process: Process, call: Call) -> Self {
        let mut asked = enter(log);
        asked.push(Asked {
            process,
            call,
            way: Way::Asked,
        });
        Self {
            asked: Arc::clone(log),
            number: asked.len() - 1,
        }
    }

    fn got(&self, way: Way) {
        if let Some(asked) = enter(&self.asked).get_mut(self.number) {
            asked.way = way;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(asked) = enter(&self.asked).get_mut(self.number)
            && asked.is_under_way()
        {
            asked.way = Way::Broken;
        }
    }
}

async fn hand_on(
    State(ends): State<Arc<Ends>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    ends.hand_on(peer.port(), request).await.unwrap_or_else(|error| {
        let mut reply = Response::new(Body::from(format!("{error:#}")));
        *reply.status_mut() = StatusCode::BAD_GATEWAY;
        reply
    })
}

impl Ends {
    async fn hand_on(&self, peer: u16, request: Request) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1024 * 1024).await?;
        // Customers pass here too, on their way to the consent screen.
        let Some(call) = call_of(&parts.method, parts.uri.path(), &body) else {
            return forward(&self.client, &self.outside, None, parts, body).await;
        };
        // Whoever is gone already, its words are lost with it: nobody could say later whose they were.
        let processes = processes::below(self.supervisor)?;
        let process = processes::connected(&processes, peer, self.port).context("whoever asked is gone")?;
        let (before, after) = self.delays(matches!(call, Call::Exchange(_) | Call::Registration));
        let open = Open::begin(&self.asked, process.clone(), call);
        tokio::time::sleep(before).await;
        let answer = forward(&self.client, &self.outside, None, parts, body).await?;
        open.got(Way::Answering);
        tokio::time::sleep(after).await;
        open.got(Way::Answered);
        Ok(answer)
    }

    /// How long a call waits for its effect, and for its answer. What cannot be undone is always slow on one side.
    fn delays(&self, matters: bool) -> (Duration, Duration) {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let slow = Duration::from_millis(chance.u64(..SLOW_MILLISECONDS));
        match chance.u8(..if matters { 2 } else { 4 }) {
            0 => (slow, Duration::ZERO),
            1 => (Duration::ZERO, slow),
            _ => (Duration::ZERO, Duration::ZERO),
        }
    }
}

fn call_of(method: &Method, path: &str, body: &[u8]) -> Option<Call> {
    match (method, path) {
        (&Method::POST, "/api/oauth2/token") => {
            let mut fields = url::form_urlencoded::parse(body);
            let presented = fields.find(|(name, _)| matches!(name.as_ref(), "code" | "refresh_token"));
            Some(Call::Exchange(
                presented.map(|(_, value)| value.into_owned()).unwrap_or_default(),
            ))
        }
        (&Method::GET, "/api/v1/current/Me") => Some(Call::Me),
        (&Method::POST, "/api/databases") => Some(Call::Registration),
        (&Method::GET, "/api/databases") => Some(Call::LookUp),
        _ => None,
    }
}
