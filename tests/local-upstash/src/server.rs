//! The server and its settings.

use std::{
    error::Error as _,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::AtomicU64},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::{
    bill::{Bill, Entry},
    command::Catalogue,
    connection::{Connection, Target},
    executor::Executor,
    faults::Faults,
    hangup::Hangup,
    monitor::Monitor,
    pool::Pool,
    redis_server::RedisServer,
    scripts::Scripts,
    service::{Hook, Service},
};

/// An Upstash REST endpoint on this machine. Ends, with its connections, when dropped.
pub struct LocalUpstash {
    address: SocketAddr,
    service: Arc<Service>,
    task: JoinHandle<()>,
}

/// Settings of a [`LocalUpstash`].
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    target: io::Result<Target>,
    replica: Option<Target>,
    listen: SocketAddr,
    token: String,
    read_only_token: String,
    largest_request: usize,
    largest_key: usize,
    key_locking: bool,
    conditional_writes: bool,
    billing: bool,
    on_request: Option<Hook>,
}

impl LocalUpstash {
    /// Returns the settings of a new server.
    pub fn builder() -> Builder {
        Builder {
            target: Err(io::Error::other("set `redis` or `redis_url`")),
            replica: None,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            token: "local".to_owned(),
            read_only_token: "local-read-only".to_owned(),
            largest_request: 10 * 1024 * 1024,
            largest_key: 32 * 1024,
            key_locking: true,
            conditional_writes: true,
            billing: true,
            on_request: None,
        }
    }

    /// Returns what `UPSTASH_REDIS_REST_URL` is to be.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what `UPSTASH_REDIS_REST_TOKEN` is to be.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.service.token
    }

    /// Returns the token that may only read.
    #[must_use]
    pub fn read_only_token(&self) -> &str {
        &self.service.read_only_token
    }

    /// Returns what was asked so far.
    #[must_use]
    pub fn bill(&self) -> &Bill {
        &self.service.bill
    }

    /// Returns the faults, to inject some.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.service.faults
    }
}

impl Drop for LocalUpstash {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for LocalUpstash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalUpstash")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Serves this Redis.
    pub fn redis(mut self, redis: &RedisServer) -> Self {
        self.target = Ok(redis.target());
        self
    }

    /// Serves the Redis at `redis://[user:password@]host:port/[database]`.
    pub fn redis_url(mut self, url: &str) -> Self {
        self.target = Target::parse(url);
        self
    }

    /// Becomes a global database, and a replica that lags is close: this Redis, which nothing reaches that is written, unless
    /// a test puts it there.
    ///
    /// It answers requests whose commands only read, unless their sync token is of an answer that it did not give: it would
    /// have caught up with that one first, so the primary answers. Scripts may write, and run on the primary, but for those
    /// that cannot (`EVALSHA_RO`).
    pub fn lagging_replica(mut self, redis: &RedisServer) -> Self {
        self.replica = Some(redis.target());
        self
    }

    /// Listens here; a free port of 127.0.0.1 unless set. On a loopback address, requests need a `Host` of this machine.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the token, `local` unless set.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// Sets the token that may only read, `local-read-only` unless set.
    pub fn read_only_token(mut self, token: impl Into<String>) -> Self {
        self.read_only_token = token.into();
        self
    }

    /// Refuses larger request bodies, 10 MB unless set.
    pub fn largest_request(mut self, bytes: usize) -> Self {
        self.largest_request = bytes;
        self
    }

    /// Refuses larger keys, 32 KB unless set.
    pub fn largest_key(mut self, bytes: usize) -> Self {
        self.largest_key = bytes;
        self
    }

    /// Leaves the script flag `allow-key-locking` to Redis, which refuses it.
    pub fn without_key_locking(mut self) -> Self {
        self.key_locking = false;
        self
    }

    /// Leaves `SET … IFEQ` and the like, `DELEX` and `DIGEST` to Redis, which has them from 8.4 only.
    pub fn without_conditional_writes(mut self) -> Self {
        self.conditional_writes = false;
        self
    }

    /// Does not count what scripts call, which spares Redis its MONITOR. For benchmarks.
    pub fn without_script_billing(mut self) -> Self {
        self.billing = false;
        self
    }

    /// Calls this with each entry of the bill.
    pub fn on_request(mut self, hook: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        self.on_request = Some(Box::new(hook));
        self
    }

    async fn executor(&self, target: Target) -> io::Result<Executor> {
        let mut connection = Connection::open(&target).await?;
        Ok(Executor {
            catalogue: Catalogue::load(&mut connection).await?,
            pool: Pool::new(target.clone()),
            scripts: Scripts::default(),
            monitor: self.billing.then(|| Monitor::start(target)),
            key_locking: self.key_locking,
            conditional_writes: self.conditional_writes,
            largest_key: self.largest_key,
        })
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// When Redis cannot be reached or the address is taken.
    pub async fn start(mut self) -> io::Result<LocalUpstash> {
        let target = std::mem::replace(&mut self.target, Err(io::ErrorKind::Other.into()))?;
        let listener = TcpListener::bind(self.listen).await?;
        let executor = Arc::new(self.executor(target).await?);
        let replica = match self.replica.clone() {
            Some(target) => Some(Arc::new(self.executor(target).await?)),
            None => None,
        };
        let service = Arc::new(Service {
            executor,
            replica,
            token: self.token,
            read_only_token: self.read_only_token,
            is_local: self.listen.ip().is_loopback(),
            largest_request: self.largest_request,
            faults: Faults::default(),
            bill: Bill::default(),
            on_request: self.on_request,
            sync: AtomicU64::new(1),
        });
        Ok(LocalUpstash {
            address: listener.local_addr()?,
            task: tokio::spawn(accept(listener, Arc::clone(&service))),
            service,
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, Arc::clone(&service)));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>) {
    // Only a matter of speed.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| Box::pin(Arc::clone(&service).answer(request)));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer);
    let result = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let hangup = result
        .as_ref()
        .err()
        .and_then(|e| e.source()?.downcast_ref());
    // The client may be gone, which is as good.
    let _ = match hangup {
        Some(Hangup::Reset) => stream.set_zero_linger(),
        Some(Hangup::Write(bytes)) => stream.write_all(bytes).await,
        Some(Hangup::Close) | None => stream.shutdown().await,
    };
}
