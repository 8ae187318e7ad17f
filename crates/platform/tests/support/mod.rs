//! A server of raw TCP that misbehaves in one way, and counts.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it"
)]

pub mod exact;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use url::Url;

/// What the server does with every connection.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Reads the request, writes this, closes.
    Answer(Vec<u8>),
    /// Reads requests and writes this after each, on the same connection.
    AnswerAll(Vec<u8>),
    /// Reads the request, writes this when it is told to, closes.
    Late(Arc<Notify>, Vec<u8>),
    /// Closes without reading.
    CloseUnread,
    /// Reads the request and closes.
    CloseAfterReading,
    /// Reads the request and never answers.
    Silence,
    /// Reads the request, writes this, and never goes on.
    Stall(Vec<u8>),
}

/// A running server. It ends with the runtime of its test.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                noted.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, behaviour.clone(), Arc::clone(&noted)));
            }
        });
        Self { address, seen }
    }

    pub async fn answering(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        Self::start(Behaviour::Answer(answer(status, headers, body))).await
    }

    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}/", self.address)).unwrap()
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// The requests that were read to their end, once there are any: the last bytes may still be on their way when the
    /// client has given up.
    pub async fn requests(&self) -> Vec<String> {
        for _ in 0..500 {
            if !self.seen.lock().unwrap().requests.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.seen.lock().unwrap().requests.clone()
    }

    /// The one request that came; anything else fails the test.
    pub async fn only_request(&self) -> String {
        let requests = self.requests().await;
        assert_eq!(
            (self.connections(), requests.len()),
            (1, 1),
            "exactly one request has to come"
        );
        requests[0].clone()
    }
}

/// An address where nobody listens.
pub async fn nobody() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap()
}

/// An answer with its length. `headers`: whole lines, each with its `\r\n`.
pub fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, seen: Arc<Mutex<Seen>>) {
    if matches!(behaviour, Behaviour::CloseUnread) {
        return;
    }
    if let Behaviour::AnswerAll(answer) = behaviour {
        while let Some(request) = read(&mut stream).await {
            seen.lock().unwrap().requests.push(request);
            let _ = stream.write_all(&answer).await;
        }
        return;
    }
    let Some(request) = read(&mut stream).await else { return };
    seen.lock().unwrap().requests.push(request);
    match behaviour {
        Behaviour::Answer(answer) => write(&mut stream, &answer).await,
        Behaviour::Late(told, answer) => {
            told.notified().await;
            write(&mut stream, &answer).await;
        }
        Behaviour::Stall(part) => {
            let _ = stream.write_all(&part).await;
            std::future::pending().await
        }
        Behaviour::Silence => std::future::pending().await,
        Behaviour::CloseAfterReading | Behaviour::CloseUnread | Behaviour::AnswerAll(_) => {}
    }
}

async fn write(stream: &mut TcpStream, answer: &[u8]) {
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = whole(&bytes) {
            return Some(request);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn whole(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let lower = head.to_ascii_lowercase();
    let length = lower
        .split("content-length:")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.trim().parse().ok());
    (body.len() >= length.unwrap_or(0)).then_some(text)
}
