//! One connection to Redis, whose bytes are read and written by the `redis` crate.

use std::{fmt, io, slice};

use combine::{
    parser::combinator::AnySendSyncPartialState,
    stream::{Decoder, PointerOffset},
};
use redis::{ConnectionAddr, IntoConnectionInfo, Value};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// The arguments of a command, its name first.
pub(crate) type Wire = Vec<Vec<u8>>;

/// Where Redis is, and how to log in there.
#[derive(Clone)]
pub(crate) struct Target {
    address: (String, u16),
    setup: Vec<Wire>,
}

pub(crate) struct Connection {
    stream: TcpStream,
    parser: Decoder<AnySendSyncPartialState, PointerOffset<[u8]>>,
    unanswered: usize,
}

impl Target {
    pub(crate) fn local(port: u16) -> Self {
        Self {
            address: ("127.0.0.1".to_owned(), port),
            setup: Vec::new(),
        }
    }

    pub(crate) fn parse(url: &str) -> io::Result<Self> {
        let info = url.into_connection_info().map_err(io::Error::other)?;
        // Over a Unix socket, MONITOR could not tell our connections from each other.
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(io::Error::other("only redis://host:port/ is supported"));
        };
        let mut setup = Vec::new();
        let settings = info.redis_settings();
        if let Some(password) = settings.password() {
            let user = settings.username().unwrap_or("default");
            setup.push(wire(&["AUTH", user, password]));
        }
        if settings.db() != 0 {
            setup.push(wire(&["SELECT", &settings.db().to_string()]));
        }
        Ok(Self {
            address: (host.clone(), *port),
            setup,
        })
    }
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> io::Result<Self> {
        let (host, port) = &target.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            unanswered: 0,
            parser: Decoder::new(),
        };
        for command in &target.setup {
            connection.send(slice::from_ref(command)).await?;
            if let Value::ServerError(e) = connection.receive().await? {
                return Err(io::Error::other(e));
            }
        }
        Ok(connection)
    }

    pub(crate) async fn send(&mut self, commands: &[Wire]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for command in commands {
            bytes.extend(redis::pack_command(command));
        }
        self.stream.write_all(&bytes).await
    }

    /// Sends a command whose reply does not matter; [`receive`](Self::receive) passes over it.
    pub(crate) async fn send_unanswered(&mut self, command: &Wire) -> io::Result<()> {
        self.send(slice::from_ref(command)).await?;
        self.unanswered += 1;
        Ok(())
    }

    pub(crate) async fn receive(&mut self) -> io::Result<Value> {
        while self.unanswered > 0 {
            self.parse().await?;
            self.unanswered -= 1;
        }
        self.parse().await
    }

    async fn parse(&mut self) -> io::Result<Value> {
        redis::parse_redis_value_async(&mut self.parser, &mut self.stream)
            .await
            .map_err(io::Error::other)
    }

    pub(crate) async fn call(&mut self, arguments: &[&str]) -> io::Result<Value> {
        self.send(&[wire(arguments)]).await?;
        self.receive().await
    }

    /// Whether the other side has hung up, as far as one can know without waiting.
    pub(crate) fn is_stale(&self) -> bool {
        !matches!(self.stream.try_read(&mut [0]), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

pub(crate) fn wire(arguments: &[&str]) -> Wire {
    arguments.iter().map(|a| a.as_bytes().to_vec()).collect()
}
