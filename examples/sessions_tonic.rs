//! A gRPC server with sessions, and a client that carries its token in the metadata.
//!
//! ```sh
//! cargo run --example sessions_tonic
//! ```
//!
//! ```text
//! serving:  grpc.health.v1.Health on 127.0.0.1:41393
//! count     calls: 1, a new token
//! count     calls: 2
//! account   code 16 (Unauthenticated): This needs a login.
//! login     calls: 2, a new token
//! account   calls: 2
//! logout    calls: 0
//! account   code 16 (Unauthenticated): This needs a login.
//! ```
use std::{
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    codegen::BoxStream,
    metadata::AsciiMetadataValue,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_client::HealthClient,
    health_server::{Health, HealthServer},
};
use tower_upstash::{
    session::{Session, SessionLayer, Transport},
    store::MemoryStore,
};

const TOKEN: &str = "x-session";

/// Stands for a service of yours: this one needs no protoc. What it shall do is the name in the request.
struct Account;

#[tonic::async_trait]
impl Health for Account {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let session: Session = Session::of(request.extensions())?;
        match &*request.get_ref().service {
            "login" => session.authenticate("alice")?, // whose password was checked
            "logout" => session.destroy()?,
            "account" => session.require_fresh(Duration::from_secs(600)).await?,
            _ => session.update("calls", |calls: Option<u64>| calls.unwrap_or(0) + 1)?,
        }
        let calls: u64 = session.get("calls").await?.unwrap_or_default();
        let mut response = Response::new(HealthCheckResponse::default());
        response.metadata_mut().insert("x-calls", calls.into());
        Ok(response)
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("there is nothing to watch"))
    }
}

struct Client {
    health: HealthClient<Channel>,
    token: Option<AsciiMetadataValue>,
}

impl Client {
    async fn call(&mut self, what: &str) {
        let mut request = Request::new(HealthCheckRequest {
            service: what.to_owned(),
        });
        if let Some(token) = &self.token {
            request.metadata_mut().insert(TOKEN, token.clone());
        }
        let told = match self.health.check(request).await {
            Ok(response) => self.read(&response),
            Err(status) => {
                let (code, message) = (status.code(), status.message());
                format!("code {} ({code:?}): {message}", code as i32)
            }
        };
        say(&format!("{what:<9} {told}"));
    }

    /// Keeps the token that came, and tells what else did.
    fn read(&mut self, response: &Response<HealthCheckResponse>) -> String {
        let metadata = response.metadata();
        let calls = metadata
            .get("x-calls")
            .and_then(|calls| calls.to_str().ok());
        let calls = format!("calls: {}", calls.unwrap_or_default());
        match metadata.get(TOKEN) {
            None => calls,
            // The session has ended.
            Some(none) if none.is_empty() => {
                self.token = None;
                calls
            }
            Some(token) => {
                let mut token = token.clone();
                token.set_sensitive(true);
                self.token = Some(token);
                calls + ", a new token"
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let sessions = SessionLayer::new(MemoryStore::new()).transports([Transport::header(TOKEN)]);
    let server = Server::builder()
        .layer(sessions)
        .add_service(HealthServer::new(Account))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    say(&format!("serving:  grpc.health.v1.Health on {address}"));

    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    let mut client = Client {
        health: HealthClient::new(endpoint.connect().await?),
        token: None,
    };
    for what in [
        "count", "count", "account", "login", "account", "logout", "account",
    ] {
        client.call(what).await;
    }
    Ok(())
}

/// Prints a line. Whoever reads it may be gone: that is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
