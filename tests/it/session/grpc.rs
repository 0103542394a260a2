//! Calls of tonic's client over loopback, to a server behind the layer.

use std::{convert::Infallible, net::SocketAddr};

use http::Response;
use tokio::net::TcpListener;
use tonic::{
    Code, Request, Status,
    body::Body,
    metadata::{Ascii, MetadataValue},
    server::NamedService,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::session::{Session, SessionErrorKind, SessionLayer, Transport};

use super::{app::App, spy::Trouble};

/// What a call does with its session: the name of the service that is asked for.
async fn act(session: &Session, what: &str) -> Result<(), Status> {
    match what {
        "login" => session.authenticate("alice")?,
        "logout" => session.destroy()?,
        "fail" => {
            session.set("n", &1)?;
            return Err(Status::internal("for a test"));
        }
        "refuse" => {
            session.set("n", &1)?;
            return Err(Status::not_found("for a test"));
        }
        "fresh" => {
            let minute = std::time::Duration::from_secs(60);
            session.require_fresh(minute).await?;
        }
        "subject" => {
            let subject = session.subject().await?;
            return Err(Status::already_exists(format!("{subject:?}")));
        }
        _ => {}
    }
    Ok(())
}

/// Health checks that do something with their session first: `act` decides by a field of the metadata.
#[derive(Clone)]
struct Acting<S>(S);

impl<S: NamedService> NamedService for Acting<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> tower::Service<http::Request<Body>> for Acting<S>
where
    S: tower::Service<http::Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let what = request
                .headers()
                .get("act")
                .map(|act| act.to_str().unwrap().to_owned());
            let session: Session = Session::of(request.extensions()).unwrap();
            match act(&session, what.as_deref().unwrap_or_default()).await {
                Ok(()) => inner.oneshot(request).await,
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

async fn serve(layer: &SessionLayer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(layer.clone())
        .add_service(Acting(health))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    address
}

/// A client that keeps the token that it is told.
struct Client {
    health: HealthClient<Channel>,
    token: Option<MetadataValue<Ascii>>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            health: HealthClient::new(endpoint.connect().await.unwrap()),
            token: None,
        }
    }

    async fn call(&mut self, act: &'static str) -> Result<(), Status> {
        let mut request = Request::new(HealthCheckRequest::default());
        request
            .metadata_mut()
            .insert("act", MetadataValue::from_static(act));
        if let Some(token) = &self.token {
            request.metadata_mut().insert("x-session", token.clone());
        }
        let answer = self.health.check(request).await;
        let metadata = match &answer {
            Ok(response) => response.metadata(),
            Err(status) => status.metadata(),
        };
        if let Some(told) = metadata.get("x-session") {
            self.token = (!told.is_empty()).then(|| told.clone());
        }
        answer.map(|_| ())
    }

    async fn subject(&mut self) -> String {
        self.call("subject").await.unwrap_err().message().to_owned()
    }
}

fn app() -> App {
    App::with(|layer| layer.transports([Transport::header("x-session")]))
}

#[tokio::test]
async fn a_client_logs_in_and_out_by_metadata() {
    let app = app();
    let mut client = Client::connect(serve(&app.layer).await).await;
    assert_eq!(client.subject().await, "None");
    let stale = client.call("fresh").await.unwrap_err();
    assert_eq!(stale.code(), Code::Unauthenticated);
    client.call("login").await.unwrap();
    assert_eq!(client.subject().await, r#"Some("alice")"#);
    client.call("fresh").await.unwrap();
    let thief = client.token.clone();
    client.call("logout").await.unwrap();
    assert_eq!(client.token, None);
    client.token = thief;
    assert_eq!(client.subject().await, "None");
}

#[tokio::test]
async fn a_call_that_fails_writes_nothing_and_one_that_is_refused_does() {
    let app = app();
    let mut client = Client::connect(serve(&app.layer).await).await;
    assert_eq!(
        client.call("fail").await.unwrap_err().code(),
        Code::Internal
    );
    assert_eq!(client.token, None);
    assert_eq!(app.store.calls(), []);
    assert_eq!(
        client.call("refuse").await.unwrap_err().code(),
        Code::NotFound
    );
    assert!(client.token.is_some());
}

#[tokio::test]
async fn a_commit_that_fails_is_unavailable_in_the_headers_alone() {
    let app = app();
    let mut client = Client::connect(serve(&app.layer).await).await;
    app.store.set(Trouble::Writes);
    let failed = client.call("login").await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    assert!(!failed.message().contains("10.0.0.7"));
    assert_eq!(client.token, None);
    app.store.set(Trouble::None);
    client.call("login").await.unwrap();
    app.store.set(Trouble::Reads);
    assert_eq!(
        client.call("subject").await.unwrap_err().code(),
        Code::Unavailable
    );
}

/// As the wire has it: no body, and so no trailers.
#[tokio::test]
async fn the_status_of_a_failed_commit_ends_the_stream() {
    use http_body::Body as _;

    let app = app();
    app.store.set(Trouble::Writes);
    let service = app
        .layer
        .layer(service_fn(async |request: http::Request<()>| {
            let session: Session = Session::of(request.extensions()).unwrap();
            session.set("n", &1).unwrap();
            let response = Response::builder().header("content-type", "application/grpc");
            Ok::<_, Infallible>(response.body(Body::empty()).unwrap())
        }));
    let response = service.oneshot(http::Request::new(())).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "14");
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert!(response.body().is_end_stream());
    let error = response
        .extensions()
        .get::<tower_upstash::session::SessionError>();
    assert_eq!(error.unwrap().kind(), SessionErrorKind::Store);
}
