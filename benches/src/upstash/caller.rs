//! The two ways to call: our store, and a bare `reqwest::Client` that sends each call by itself and reads no answer.

use std::time::Duration;

use reqwest::{
    Client, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect, retry,
};
use tokio::runtime::Runtime;
use tower_upstash::store::{Key, Kind, Scope, SharedStore, Store, UpstashStore};

use super::endpoint::{Endpoint, TOKEN};

const HOUR: Duration = Duration::from_secs(3600);

/// How a key is read.
#[derive(Clone)]
pub enum Caller {
    Ours(UpstashStore),
    /// Without a queue, without base64 and JSON of the answer: the least that an unpipelined call can cost.
    Bare(Client, Url, HeaderMap),
}

impl Caller {
    pub fn ours(endpoint: &Endpoint) -> Self {
        Self::Ours(open(endpoint))
    }

    /// As the client that our store makes, and the headers that it sends.
    pub fn bare(endpoint: &Endpoint) -> Self {
        let client = Client::builder()
            .user_agent("tower-upstash")
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(Duration::from_secs(1))
            .pool_idle_timeout(Duration::from_secs(30));
        let mut headers = HeaderMap::new();
        let token = format!("Bearer {TOKEN}");
        headers.insert(AUTHORIZATION, token.parse().expect("a token"));
        for (name, value) in [
            (ACCEPT, "application/json"),
            (CONTENT_TYPE, "application/json"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert("upstash-encoding", HeaderValue::from_static("base64"));
        let url = Url::parse(endpoint.url()).expect("a URL");
        Self::Bare(client.build().expect("a client"), url, headers)
    }

    pub async fn read(&self, key: &Key) {
        match self {
            Self::Ours(store) => {
                let read = store.read(std::slice::from_ref(key)).await;
                let entry = read.expect("the endpoint answers").into_first();
                assert!(entry.is_some(), "a key that was put");
            }
            Self::Bare(client, url, headers) => {
                let body = format!("[\"GET\",\"{}\"]", key.to_text());
                let post = client.post(url.clone()).headers(headers.clone());
                let answer = post.body(body).send().await.expect("the endpoint answers");
                assert!(answer.status().is_success());
                let body = answer.bytes().await.expect("a whole answer");
                assert!(body.len() > VALUE.len(), "a key that was put");
            }
        }
    }
}

/// JSON, so that the peer which parses values can.
const VALUE: &str = r#"{"name":"Ada Lovelace","city":"London","born":"1815-12-10","languages":["English","French"]}"#;

/// Opens a store that waits longer than a busy machine takes.
pub fn open(endpoint: &Endpoint) -> UpstashStore {
    let builder = UpstashStore::builder(endpoint.url(), TOKEN);
    let builder = builder.time_limit(Duration::from_secs(5));
    builder.build().expect("the URL of the endpoint")
}

/// Puts a value under so many keys.
pub fn put_keys(endpoint: &Endpoint, runtime: &Runtime, count: usize) -> Vec<Key> {
    let scope = Scope::new(Kind::Data, "bench");
    let keys: Vec<_> = (0..count)
        .map(|at| scope.key(format!("user-{at}")))
        .collect();
    runtime.block_on(async {
        let store = SharedStore::from(open(endpoint));
        for key in &keys {
            store.put(key, VALUE, HOUR).await.expect("a put");
        }
    });
    keys
}
