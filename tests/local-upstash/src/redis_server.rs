//! A `redis-server` process of its own.

use std::{
    fmt, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis::Value;
use tempfile::TempDir;

use crate::{
    clock::Clock,
    connection::{Connection, Target},
};

const INSTALL: &str = "install it: `apt-get install redis-server` or `brew install redis`";
const START: Duration = Duration::from_secs(10);

/// A real Redis on a free port of 127.0.0.1, without persistence, killed when dropped.
pub struct RedisServer {
    binary: PathBuf,
    port: u16,
    process: Mutex<Process>,
    clock: Option<Clock>,
    folder: TempDir,
}

struct Process {
    redis: Child,
    /// Kills Redis when its standard input ends: a test that is killed drops nothing.
    guard: Child,
}

/// Settings of a [`RedisServer`].
#[derive(Clone, Debug)]
#[must_use = "nothing runs before `start`"]
pub struct RedisBuilder {
    binary: PathBuf,
    clock: bool,
}

impl RedisServer {
    /// Starts the `redis-server` of the path.
    ///
    /// # Errors
    ///
    /// Says what to install when there is none.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Starts the `redis-server` of the path with a clock that [`advance`](Self::advance) moves. Linux only.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and when there is no C compiler.
    pub async fn with_clock() -> io::Result<Self> {
        Self::builder().movable_clock().start().await
    }

    /// Returns the settings, to change them.
    pub fn builder() -> RedisBuilder {
        RedisBuilder {
            binary: "redis-server".into(),
            clock: false,
        }
    }

    /// Starts another server program, such as a newer Redis.
    pub fn binary(path: impl Into<PathBuf>) -> RedisBuilder {
        RedisBuilder {
            binary: path.into(),
            ..Self::builder()
        }
    }

    /// Returns the address as `redis://127.0.0.1:port/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Returns the path of the Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process().redis.id()
    }

    /// Moves the wall clock of the server on, for expiry, `TIME` and scripts alike, at once.
    ///
    /// # Panics
    ///
    /// If the server was not started [with a clock](Self::with_clock).
    pub fn advance(&self, time: Duration) {
        self.clock()
            .advance(time)
            .expect("the file of the clock is ours, and the time is sane");
    }

    /// Returns how far the clock of the server is ahead.
    ///
    /// # Panics
    ///
    /// If the server was not started [with a clock](Self::with_clock).
    #[must_use]
    pub fn ahead(&self) -> Duration {
        self.clock().offset()
    }

    /// Kills the server and starts an empty one on the same port, its clock as far ahead as before.
    ///
    /// # Errors
    ///
    /// When the new one does not start.
    pub async fn restart(&self) -> io::Result<()> {
        self.kill();
        let process = spawn(
            &self.binary,
            self.port,
            self.folder.path(),
            self.clock.as_ref(),
        )?;
        *self.process() = process;
        self.wait().await
    }

    /// Kills the server: connections end, and new ones are refused until [`restart`](Self::restart).
    pub fn kill(&self) {
        let Process { redis, guard } = &mut *self.process();
        for child in [guard, redis] {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends one command on a connection of its own, behind the back of any endpoint.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached; its own errors are values.
    pub async fn command(&self, arguments: &[&str]) -> io::Result<Value> {
        Connection::open(&self.target())
            .await?
            .call(arguments)
            .await
    }

    pub(crate) fn target(&self) -> Target {
        Target::local(self.port)
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> &Clock {
        self.clock
            .as_ref()
            .expect("started by `RedisServer::with_clock`")
    }

    async fn wait(&self) -> io::Result<()> {
        let begin = Instant::now();
        loop {
            if let Ok(Value::SimpleString(_)) = self.command(&["PING"]).await {
                return Ok(());
            }
            let exited = self.process().redis.try_wait()?;
            if exited.is_some() || begin.elapsed() > START {
                let log =
                    std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(io::Error::other(format!(
                    "redis-server did not start: {log}"
                )));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServer")
            .field("url", &self.url())
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

impl RedisBuilder {
    /// Gives the server a clock that moves, by a library compiled with `cc`. Linux only.
    pub fn movable_clock(mut self) -> Self {
        self.clock = true;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    ///
    /// Says what to install when there is no such program.
    pub async fn start(self) -> io::Result<RedisServer> {
        let folder = tempfile::Builder::new()
            .prefix("local-upstash-")
            .tempdir()?;
        let clock = self
            .clock
            .then(|| Clock::compile(folder.path()))
            .transpose()?;
        let port = free_port()?;
        let server = RedisServer {
            process: Mutex::new(spawn(&self.binary, port, folder.path(), clock.as_ref())?),
            binary: self.binary,
            port,
            clock,
            folder,
        };
        server.wait().await?;
        Ok(server)
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn spawn(binary: &Path, port: u16, folder: &Path, clock: Option<&Clock>) -> io::Result<Process> {
    let mut command = Command::new(binary);
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .arg("--dir")
        .arg(folder)
        .arg("--unixsocket")
        .arg(folder.join("redis.sock"))
        .arg("--logfile")
        .arg(folder.join("log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(clock) = clock {
        clock.apply(&mut command);
    }
    let redis = command.spawn().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => {
            let program = binary.display();
            io::Error::new(e.kind(), format!("there is no {program}; {INSTALL}"))
        }
        _ => e,
    })?;
    let guard = Command::new("sh")
        .args([
            "-c",
            r#"read -r _; kill -9 $0; rm -rf "$1""#,
            &redis.id().to_string(),
        ])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Process { redis, guard })
}
