//! A small REST server on a thread of its own, which remembers its requests and answers as it is told to.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    runtime::Builder,
    sync::{Semaphore, oneshot, watch},
    time::timeout,
};

use super::PATIENCE;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Arrived {
    /// Returns the words of its commands.
    pub(super) fn commands(&self) -> Vec<Vec<String>> {
        let value: Value = serde_json::from_slice(&self.body).unwrap();
        let commands = if self.path == "/pipeline" {
            value
        } else {
            json!([value])
        };
        serde_json::from_value(commands).unwrap()
    }
}

/// What a request is answered with, in place of the ordinary.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Status, headers and body.
    Page(u16, Vec<(&'static str, String)>, String),
    /// What was asked, as an error page with this status.
    Echo(u16),
    /// The ordinary answer, with a header.
    With(&'static str, &'static str),
    /// The connection closes without an answer.
    Nothing,
    /// The connection closes in the middle of the answer.
    Half,
    /// The connection stays open, and nothing ever comes.
    Silence,
}

impl Answer {
    pub(super) fn page(status: u16, body: impl Into<String>) -> Self {
        Self::Page(status, Vec::new(), body.into())
    }
}

pub(super) struct Server {
    address: SocketAddr,
    state: Arc<State>,
    _stop: oneshot::Sender<Infallible>,
}

struct State {
    arrived: Mutex<Vec<Arrived>>,
    count: watch::Sender<usize>,
    answers: Mutex<VecDeque<Answer>>,
    turns: Semaphore,
}

impl Server {
    /// Answers everything at once.
    pub(super) fn open() -> Self {
        Self::with_turns(Semaphore::MAX_PERMITS)
    }

    /// Answers as many requests as it is given turns.
    pub(super) fn with_turns(turns: usize) -> Self {
        let state = Arc::new(State {
            arrived: Mutex::default(),
            count: watch::channel(0).0,
            answers: Mutex::default(),
            turns: Semaphore::new(turns),
        });
        let (ready, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: address.recv().unwrap(),
            state,
            _stop: stop,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn give_turns(&self, turns: usize) {
        self.state.turns.add_permits(turns);
    }

    /// Answers the next request that has no answer yet with this.
    pub(super) fn answer(&self, answer: Answer) {
        self.state.answers.lock().unwrap().push_back(answer);
    }

    pub(super) fn requests(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap().clone()
    }

    /// Waits for so many requests since the start.
    pub(super) async fn wait_for(&self, requests: usize) {
        let mut count = self.state.count.subscribe();
        let waited = timeout(PATIENCE, count.wait_for(|count| *count >= requests)).await;
        waited.expect("so many requests").unwrap();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(request, Arc::clone(&state)));
            // A connection that breaks off is what some tests are about.
            let _ended = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Reply>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let arrived = Arrived {
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: body
            .collect()
            .await
            .map_err(std::io::Error::other)?
            .to_bytes(),
    };
    state.arrived.lock().unwrap().push(arrived.clone());
    let answer = state.answers.lock().unwrap().pop_front();
    state.count.send_modify(|count| *count += 1);
    state.turns.acquire().await.unwrap().forget();

    let broken = || std::io::Error::other("told to break off");
    Ok(match answer {
        None => Response::new(Reply::whole(ordinary(&arrived))),
        Some(Answer::With(name, value)) => {
            let mut response = Response::new(Reply::whole(ordinary(&arrived)));
            response.headers_mut().insert(name, value.parse().unwrap());
            response
        }
        Some(Answer::Page(status, headers, body)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Reply::whole(body)).unwrap()
        }
        Some(Answer::Echo(status)) => {
            let page = format!(
                "<html>{arrived:?}{}",
                String::from_utf8_lossy(&arrived.body)
            );
            Response::builder()
                .status(status)
                .header("content-type", format!("text/html; {}", page.len()))
                .body(Reply::whole(page))
                .unwrap()
        }
        Some(Answer::Nothing) => return Err(broken()),
        Some(Answer::Half) => Response::new(Reply {
            data: Some("[{\"result\":".into()),
            is_whole: false,
        }),
        Some(Answer::Silence) => std::future::pending().await,
    })
}

fn ordinary(arrived: &Arrived) -> String {
    let results = arrived.commands().into_iter().map(|words| {
        let encoded = |key: &String| STANDARD.encode(format!("value of {key}"));
        match words[0].as_str() {
            "GET" => json!({ "result": encoded(&words[1]) }),
            "MGET" => json!({ "result": words[1..].iter().map(encoded).collect::<Vec<_>>() }),
            "PING" => json!({ "result": STANDARD.encode("PONG") }),
            _ => json!({ "error": "ERR unknown command" }),
        }
    });
    let mut results: Vec<_> = results.collect();
    if arrived.path == "/pipeline" {
        Value::Array(results).to_string()
    } else {
        results.remove(0).to_string()
    }
}

/// A body that may break off.
struct Reply {
    data: Option<Bytes>,
    is_whole: bool,
}

impl Reply {
    fn whole(data: String) -> Self {
        Self {
            data: Some(data.into()),
            is_whole: true,
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(match self.data.take() {
            Some(data) => Some(Ok(Frame::data(data))),
            None if self.is_whole => None,
            None => Some(Err(std::io::Error::other("told to break off"))),
        })
    }
}
