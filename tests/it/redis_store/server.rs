//! A real server for a test, gone with it.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{Client, Cmd, FromRedisValue, aio::MultiplexedConnection};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tower_upstash::store::RedisStore;

/// How long a busy machine may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Asks again until there is an answer. Fails where none comes, rather than hang.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE * 2, asked).await;
    answer.expect("an answer in time")
}

pub(crate) struct Server {
    process: Option<Child>,
    port: u16,
    arguments: Vec<String>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with([]).await
    }

    /// Starts a node of a cluster that nobody else has joined.
    pub(crate) async fn node() -> Self {
        Self::with(["--cluster-enabled", "yes"]).await
    }

    pub(crate) async fn with<const N: usize>(arguments: [&str; N]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut server = Self {
            process: None,
            port,
            arguments: arguments.map(str::to_owned).into(),
        };
        server.restart().await;
        server
    }

    /// Starts again, empty, at the same address.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(std::env::temp_dir())
            .args(["--cluster-config-file", &Self::nodes(self.port)])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let process = self.process.insert(process);
        let port = self.port;
        eventually(async || {
            let exited = process.try_wait().unwrap();
            assert!(exited.is_none(), "the server does not start");
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()
        })
        .await;
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Lets it answer nothing, without closing a connection.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Returns a name for a file that no other server has.
    fn nodes(port: u16) -> String {
        format!("redis-nodes-{}-{port}.conf", std::process::id())
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Returns a store that waits for as long as a busy machine needs.
    pub(crate) fn store(&self) -> RedisStore {
        let store = RedisStore::builder(&self.url())
            .connect_time_limit(PATIENCE)
            .time_limit(PATIENCE);
        store.build().unwrap()
    }

    pub(crate) async fn client(&self) -> MultiplexedConnection {
        let client = Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Runs a command of the test's own.
    pub(crate) async fn run<T: FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let mut command = Cmd::new();
        words.iter().for_each(|word| {
            command.arg(*word);
        });
        command.query_async(&mut self.client().await).await.unwrap()
    }

    pub(crate) async fn monitor(&self) -> Monitor {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .unwrap();
        stream.write_all(b"MONITOR\r\n").await.unwrap();
        let mut lines = BufReader::new(stream);
        lines.read_line(&mut String::new()).await.unwrap();
        Monitor(lines)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        // Only a node of a cluster has written one.
        let _ = std::fs::remove_file(std::env::temp_dir().join(Self::nodes(self.port)));
    }
}

/// What the server runs, also inside scripts.
pub(crate) struct Monitor(BufReader<TcpStream>);

impl Monitor {
    /// Returns the names of the commands since the last call.
    pub(crate) async fn commands(&mut self, server: &Server) -> Vec<String> {
        let _: String = server.run(&[b"ECHO", b"that is all"]).await;
        let mut commands = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).await.unwrap(), 0);
            let name = line.split('"').nth(1).unwrap_or_default().to_uppercase();
            match &name[..] {
                "ECHO" => return commands,
                // How a client introduces itself, and asks what the server is.
                "CLIENT" | "INFO" => {}
                _ => commands.push(name),
            }
        }
    }
}
