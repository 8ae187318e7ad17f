//! A server on this machine that gives one answer, since the clients have no other way in: what is fuzzed is all of
//! them, from the socket up.

use std::{cell::Cell, convert::Infallible, sync::LazyLock};

use handover_platform::HttpClient;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};
use url::Url;

use crate::answer::Answer;

/// One for all: reading the machine's root certificates takes longer than all else here.
pub(crate) static CLIENT: LazyLock<HttpClient> = LazyLock::new(|| HttpClient::new(true).unwrap());

struct Loopback {
    runtime: Runtime,
    listener: TcpListener,
    address: Url,
}

thread_local! {
    static LOOPBACK: Loopback = Loopback::start();
}

/// What `ask` makes of `answer`, from the server at the address that it is given. It asks once.
pub(crate) fn told<T, F: Future<Output = T>>(answer: &Answer<'_>, ask: impl FnOnce(Url) -> F) -> T {
    LOOPBACK.with(|loopback| {
        let requests = Cell::new(0);
        let told = loopback.runtime.block_on(async {
            let bytes = answer.bytes();
            tokio::select! {
                told = ask(loopback.address.clone()) => told,
                never = loopback.serve(&bytes, &requests) => match never {},
            }
        });
        assert_eq!(requests.get(), 1, "one question is one request");
        told
    })
}

impl Loopback {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        Self {
            runtime,
            listener,
            address,
        }
    }

    async fn serve(&self, answer: &[u8], requests: &Cell<u32>) -> Infallible {
        loop {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            if read(&mut stream).await.is_some() {
                requests.set(requests.get() + 1);
                // A client that has heard enough may be gone.
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        }
    }
}

/// A whole request; `None` when its connection ended before.
async fn read(stream: &mut TcpStream) -> Option<()> {
    let mut bytes = Vec::with_capacity(4096);
    while !is_whole(&bytes) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(())
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}
