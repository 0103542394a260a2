//! The side of the upstream: a service that forwards requests over connections that it keeps.

use std::{
    error::Error,
    fmt, io, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, Version,
    header::{self, Entry},
    uri::Authority,
};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{self, Instant},
};
use tower::Service;

use crate::fields;

/// Node's servers close connections that were idle for 5 seconds: a request must not meet that.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// Time for a new connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Time for a kept connection to have done with its last exchange: more is needed only where an upstream answered
/// before it had read the request.
const SETTLE: Duration = Duration::from_millis(50);

type BoxError = Box<dyn Error + Send + Sync>;

/// Forwards requests to one origin server. No request is sent twice.
#[derive(Debug)]
pub(crate) struct Upstream<B> {
    pool: Arc<Pool<B>>,
}

impl<B> Upstream<B> {
    pub(crate) fn new(authority: &Authority) -> Self {
        let address = match authority.port() {
            Some(_) => authority.as_str().to_owned(),
            None => format!("{authority}:80"),
        };
        Self {
            pool: Arc::new(Pool {
                address,
                host: HeaderValue::from_str(authority.as_str())
                    .expect("an authority is of visible characters"),
                idle: Mutex::new(Vec::new()),
            }),
        }
    }
}

impl<B> Clone for Upstream<B> {
    fn clone(&self) -> Self {
        Self {
            pool: Arc::clone(&self.pool),
        }
    }
}

impl<B> Service<Request<B>> for Upstream<B>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Forwarded<B>>;
    type Error = UpstreamError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, UpstreamError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(forward(Arc::clone(&self.pool), request))
    }
}

async fn forward<B>(
    pool: Arc<Pool<B>>,
    mut request: Request<B>,
) -> Result<Response<Forwarded<B>>, UpstreamError>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    if request.method() == Method::CONNECT {
        return Err(UpstreamError::Tunnel);
    }
    *request.version_mut() = Version::HTTP_11;
    fields::strip_hop_by_hop(request.headers_mut());
    if let Entry::Vacant(host) = request.headers_mut().entry(header::HOST) {
        // Only HTTP/1.0 can do without.
        host.insert(pool.host.clone());
    }
    let via = HeaderValue::from_static("1.1 reverse_proxy");
    request.headers_mut().append(header::VIA, via);
    let mut connection = match pool.reused().await {
        Some(connection) => connection,
        None => pool.connected().await?,
    };
    let response = connection
        .send_request(request)
        .await
        .map_err(UpstreamError::Exchange)?;
    Ok(response.map(|body| Forwarded::new(body, connection, pool)))
}

/// Connections that wait for their next request, the latest last.
struct Pool<B> {
    address: String,
    host: HeaderValue,
    idle: Mutex<Vec<(Instant, SendRequest<B>)>>,
}

impl<B> Pool<B>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    /// Returns a kept connection that takes a request, if there is one.
    async fn reused(&self) -> Option<SendRequest<B>> {
        loop {
            let (since, mut connection) = self.idle().pop()?;
            if since.elapsed() > MAX_IDLE {
                // So are all below it.
                let old = mem::take(&mut *self.idle());
                drop(old);
                return None;
            }
            // The task that drives the connection may not have seen the end of the last answer yet.
            if connection.is_ready()
                || matches!(time::timeout(SETTLE, connection.ready()).await, Ok(Ok(())))
            {
                return Some(connection);
            }
        }
    }

    async fn connected(&self) -> Result<SendRequest<B>, UpstreamError> {
        let stream = time::timeout(CONNECT, TcpStream::connect(&self.address))
            .await
            .map_err(|_| UpstreamError::Connect(io::ErrorKind::TimedOut.into()))?
            .map_err(UpstreamError::Connect)?;
        stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Exchange)?;
        // It ends with the upstream's side or with the sender; what went wrong is told to the exchange.
        tokio::spawn(connection);
        Ok(sender)
    }
}

impl<B> Pool<B> {
    fn keep(&self, connection: SendRequest<B>) {
        if !connection.is_closed() {
            self.idle().push((Instant::now(), connection));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, SendRequest<B>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The body of an answer, at whose end the connection is kept for another request. One that is dropped before closes it.
#[derive(Debug)]
pub(crate) struct Forwarded<B> {
    body: Incoming,
    connection: Option<(SendRequest<B>, Arc<Pool<B>>)>,
}

impl<B> Forwarded<B> {
    fn new(body: Incoming, connection: SendRequest<B>, pool: Arc<Pool<B>>) -> Self {
        let mut forwarded = Self {
            body,
            connection: Some((connection, pool)),
        };
        forwarded.keep_at_end();
        forwarded
    }

    fn keep_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some((connection, pool)) = self.connection.take()
        {
            pool.keep(connection);
        }
    }
}

impl<B> Body for Forwarded<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(_)) => self.keep_at_end(),
            Some(Err(_)) => self.connection = None,
            None => {
                if let Some((connection, pool)) = self.connection.take() {
                    pool.keep(connection);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Why there is no answer of the upstream.
#[derive(Debug)]
pub(crate) enum UpstreamError {
    /// No connection could be made, so nothing was sent.
    Connect(io::Error),
    /// The connection broke before the head of an answer, or that was no HTTP.
    Exchange(hyper::Error),
    /// The client asked for a tunnel.
    Tunnel,
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect to the upstream: {error}"),
            Self::Exchange(error) if error.is_incomplete_message() => {
                f.write_str("the upstream closed the connection without an answer")
            }
            Self::Exchange(error) => write!(f, "no answer of the upstream: {error}"),
            Self::Tunnel => f.write_str("there are no tunnels through this proxy"),
        }
    }
}

impl Error for UpstreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Exchange(error) => Some(error),
            Self::Tunnel => None,
        }
    }
}
