//! Answers one HTTP request.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE, request::Parts,
};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;

use crate::{
    bill::{Bill, Entry},
    command::Command,
    events,
    executor::{Access, Executor, Reply},
    faults::{Fault, Faults},
    hangup::{self, Body, Hangup},
    reply::{self, Format},
    request::{self, Ask},
};

pub(crate) type Hook = Box<dyn Fn(&Entry) + Send + Sync>;

pub(crate) struct Service {
    pub(crate) executor: Arc<Executor>,
    pub(crate) replica: Option<Arc<Executor>>,
    pub(crate) token: String,
    pub(crate) read_only_token: String,
    /// Whether it listens on a loopback address.
    pub(crate) is_local: bool,
    pub(crate) largest_request: usize,
    pub(crate) faults: Faults,
    pub(crate) bill: Bill,
    pub(crate) on_request: Option<Hook>,
    pub(crate) sync: AtomicU64,
}

const SYNC_TOKEN: &str = "upstash-sync-token";
/// The token of what the replica has seen: always the same, since it sees nothing new.
const OF_REPLICA: &str = "local-0";

struct Answer {
    response: Response<Body>,
    commands: u64,
}

impl Service {
    /// Runs on even if the client goes away: Redis would not stop either.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Hangup> {
        let (parts, body) = request.into_parts();
        if let Some(text) = request::intrusion(&parts, self.is_local) {
            return Ok(self.error(StatusCode::FORBIDDEN, text));
        }
        let body = self.read(body).await.map_err(|_| Hangup::Close)?;
        let fault = self.faults.take(parts.uri.path());
        let (method, path) = (parts.method.to_string(), request::class(parts.uri.path()));
        let entry = |status, commands| Entry {
            method,
            path,
            status,
            commands,
        };
        if fault == Some(Fault::BlackHole) {
            self.record(&entry(None, 0));
            return std::future::pending().await;
        }
        let task = tokio::spawn(async move {
            let (answer, commands) = self.with_fault(fault, parts, body).await;
            let status = answer
                .as_ref()
                .ok()
                .map(|response| response.status().as_u16());
            self.record(&entry(status, commands));
            answer
        });
        task.await.map_err(|_| Hangup::Close)?
    }

    fn record(&self, entry: &Entry) {
        self.bill.record(entry.clone());
        if let Some(hook) = &self.on_request {
            hook(entry);
        }
    }

    /// Reads all of a body, and keeps it if it is not too large.
    async fn read(&self, mut body: Incoming) -> hyper::Result<Result<Bytes, ()>> {
        let mut read = Vec::new();
        let mut fits = true;
        while let Some(frame) = body.frame().await {
            let data = frame?.into_data().unwrap_or_default();
            fits &= read.len() + data.len() <= self.largest_request;
            if fits {
                read.extend_from_slice(&data);
            }
        }
        Ok(fits.then(|| read.into()).ok_or(()))
    }

    async fn with_fault(
        &self,
        fault: Option<Fault>,
        parts: Parts,
        body: Result<Bytes, ()>,
    ) -> (Result<Response<Body>, Hangup>, u64) {
        match &fault {
            Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
            Some(Fault::DropBefore) => return (Err(Hangup::Close), 0),
            Some(Fault::Reset) => return (Err(Hangup::Reset), 0),
            Some(Fault::Garbage) => {
                let garbage = b"\x16\x03\x01 this is \xff no HTTP \x00\r\n\r\n";
                return (Err(Hangup::Write(Bytes::from_static(garbage))), 0);
            }
            Some(Fault::Html(code)) => return (Ok(self.html(*code)), 0),
            Some(Fault::ErrorWith200(text)) => return (Ok(self.error(StatusCode::OK, text)), 0),
            Some(Fault::WrongToken) => return (Ok(self.unauthorized()), 0),
            Some(Fault::QuotaExceeded) => {
                let text = "ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.";
                return (Ok(self.error(StatusCode::BAD_REQUEST, text)), 0);
            }
            // If Redis is gone, the request will say so.
            Some(Fault::ScriptsLost) => drop(self.executor.unbilled(&["SCRIPT", "FLUSH"]).await),
            _ => {}
        }
        let Answer { response, commands } = self.respond(parts, body).await;
        let response = match fault {
            Some(Fault::DropAfter) => Err(Hangup::Close),
            Some(Fault::Truncated) => Err(hangup::truncated(response).await),
            Some(Fault::CutJson) => Ok(hangup::cut(response).await),
            _ => Ok(response),
        };
        (response, commands)
    }

    async fn respond(&self, parts: Parts, body: Result<Bytes, ()>) -> Answer {
        match self.execute(&parts, body).await {
            Ok(answer) => answer,
            Err(response) => Answer {
                response,
                commands: 0,
            },
        }
    }

    async fn execute(
        &self,
        parts: &Parts,
        body: Result<Bytes, ()>,
    ) -> Result<Answer, Response<Body>> {
        if !matches!(
            parts.method,
            Method::GET | Method::HEAD | Method::POST | Method::PUT
        ) {
            return Err(self.error(StatusCode::METHOD_NOT_ALLOWED, "ERR method not allowed"));
        }
        let access = match request::token(parts) {
            Some(token) if token == self.token => Access::Full,
            Some(token) if token == self.read_only_token => Access::ReadOnly,
            _ => return Err(self.unauthorized()),
        };
        let bad = |text: String| self.error(StatusCode::BAD_REQUEST, &text);
        let gone = |e: io::Error| {
            self.error(
                StatusCode::INTERNAL_SERVER_ERROR,
                &format!("ERR redis: {e}"),
            )
        };
        let body = body.map_err(|()| bad("ERR max request size exceeded".to_owned()))?;
        let format = request::format(parts).map_err(bad)?;
        match request::parse(parts, &body).map_err(bad)? {
            Ask::Command(command) => {
                let commands = [command];
                let (executor, is_replica) = self.closest(parts, &commands);
                let mut outcome = executor.pipeline(&commands, access).await.map_err(gone)?;
                let reply = outcome.replies.pop();
                let failed = !matches!(&reply, Some(Reply::Value(v)) if !matches!(v, redis::Value::ServerError(_)));
                let status = if failed {
                    StatusCode::BAD_REQUEST
                } else {
                    StatusCode::OK
                };
                let response = match format {
                    Format::Resp2 => self.bytes(status, resp2(reply.iter())),
                    format => self.json(
                        status,
                        &reply.iter().map(|r| item(r, format)).collect::<Vec<_>>()[0],
                    ),
                };
                Ok(answer(of_replica(response, is_replica), outcome.commands))
            }
            Ask::Pipeline(commands) => {
                let (executor, is_replica) = self.closest(parts, &commands);
                let outcome = executor.pipeline(&commands, access).await.map_err(gone)?;
                let response = match format {
                    Format::Resp2 => {
                        let mut bytes = format!("*{}\r\n", outcome.replies.len()).into_bytes();
                        bytes.extend(resp2(outcome.replies.iter()));
                        self.bytes(StatusCode::OK, bytes)
                    }
                    format => self.items(&outcome.replies, format),
                };
                Ok(answer(of_replica(response, is_replica), outcome.commands))
            }
            Ask::Transaction(_) if format == Format::Resp2 => {
                Err(bad("ERR resp2 is not supported for multi-exec".to_owned()))
            }
            Ask::Transaction(commands) => {
                let outcome = self
                    .executor
                    .transaction(&commands, access)
                    .await
                    .map_err(gone)?;
                let outcome = outcome.map_err(bad)?;
                Ok(answer(
                    self.items(&outcome.replies, format),
                    outcome.commands,
                ))
            }
            Ask::Events(command) => {
                let stream = events::open(self.executor.pool.target(), command)
                    .await
                    .map_err(gone)?;
                let mut response = Response::new(StreamBody::new(stream).boxed_unsync());
                self.head(&mut response, "text/event-stream");
                Ok(answer(response, 1))
            }
        }
    }

    /// Returns who answers, and whether it is the replica.
    fn closest(&self, parts: &Parts, commands: &[Command]) -> (&Arc<Executor>, bool) {
        let replica = self.replica.as_ref().filter(|replica| {
            let token = parts.headers.get(SYNC_TOKEN);
            let catalogue = &replica.catalogue;
            token.is_none_or(|token| token == OF_REPLICA)
                && commands.iter().all(|each| catalogue.runs_on_replicas(each))
        });
        (replica.unwrap_or(&self.executor), replica.is_some())
    }

    fn items(&self, replies: &[Reply], format: Format) -> Response<Body> {
        let items = replies.iter().map(|reply| item(reply, format)).collect();
        self.json(StatusCode::OK, &items)
    }

    fn json(&self, status: StatusCode, value: &serde_json::Value) -> Response<Body> {
        self.full(status, "application/json", value.to_string().into())
    }

    fn bytes(&self, status: StatusCode, bytes: Vec<u8>) -> Response<Body> {
        self.full(status, "application/octet-stream", bytes.into())
    }

    fn error(&self, status: StatusCode, text: &str) -> Response<Body> {
        self.json(status, &reply::error(text))
    }

    fn unauthorized(&self) -> Response<Body> {
        self.error(
            StatusCode::UNAUTHORIZED,
            "WRONGPASS invalid or missing auth token",
        )
    }

    fn html(&self, code: u16) -> Response<Body> {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
        let page = format!(
            "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
        );
        self.full(status, "text/html", page.into())
    }

    fn full(&self, status: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
        let mut response = Response::new(hangup::full(body));
        *response.status_mut() = status;
        self.head(&mut response, kind);
        response
    }

    /// Every answer has a new sync token.
    fn head(&self, response: &mut Response<Body>, kind: &'static str) {
        let number = self.sync.fetch_add(1, Ordering::Relaxed);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let token = HeaderValue::try_from(format!("local-{number}")).expect("ASCII");
        headers.insert(SYNC_TOKEN, token);
    }
}

fn of_replica(mut response: Response<Body>, is_replica: bool) -> Response<Body> {
    if is_replica {
        let token = HeaderValue::from_static(OF_REPLICA);
        response.headers_mut().insert(SYNC_TOKEN, token);
    }
    response
}

fn answer(response: Response<Body>, commands: u64) -> Answer {
    Answer { response, commands }
}

fn item(reply: &Reply, format: Format) -> serde_json::Value {
    match reply {
        Reply::Value(value) => reply::item(value, format),
        Reply::Refused(text) => reply::error(text),
    }
}

fn resp2<'a>(replies: impl Iterator<Item = &'a Reply>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for reply in replies {
        match reply {
            Reply::Value(value) => reply::resp2(value, &mut bytes),
            Reply::Refused(text) => bytes.extend(format!("-{text}\r\n").bytes()),
        }
    }
    bytes
}
