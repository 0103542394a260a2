//! A Redis, an endpoint before it, and a client.

use local_upstash::{Builder, LocalUpstash, RedisServer};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

pub(crate) struct Site {
    pub(crate) redis: RedisServer,
    pub(crate) server: LocalUpstash,
    client: Client,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        Self::over(RedisServer::start().await.unwrap(), settings).await
    }

    pub(crate) async fn over(
        redis: RedisServer,
        settings: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let server = settings(LocalUpstash::builder().redis(&redis))
            .start()
            .await
            .unwrap();
        Self {
            redis,
            server,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// A request without a token.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.server.url()))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.bare(Method::GET, path)
            .bearer_auth(self.server.token())
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.bare(Method::POST, path)
            .bearer_auth(self.server.token())
            .body(body)
    }

    /// Runs a command; returns the status and the body.
    pub(crate) async fn run(&self, command: Value) -> (u16, Value) {
        answer(self.post("/", command.to_string())).await
    }

    /// Runs a command that succeeds; returns its result.
    pub(crate) async fn result(&self, command: Value) -> Value {
        let (status, mut body) = self.run(command).await;
        assert_eq!(status, 200, "{body}");
        body["result"].take()
    }

    /// Runs a command that fails; returns its error.
    pub(crate) async fn error(&self, command: Value) -> String {
        let (status, body) = self.run(command).await;
        assert_eq!(status, 400, "{body}");
        body["error"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}
