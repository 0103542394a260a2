//! `response_cache_axum`: what handlers say, policies, tags, purges, and a page for each user.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, Method, Response};

use super::command;

/// The running example. It ends with the test.
struct Server {
    child: Child,
    url: String,
    log: Lines<BufReader<ChildStdout>>,
    client: Client,
}

impl Server {
    fn start() -> Self {
        let mut child = command("response_cache_axum")
            .env("LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built");
        let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = log.next().unwrap().unwrap();
        Self {
            child,
            url: url.strip_prefix("listening: ").unwrap().to_owned(),
            log,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Sends a request with a key, also to whom none is asked of.
    async fn send(&self, method: Method, path: &str, key: &str) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !key.is_empty() {
            request = request.header("x-api-key", key);
        }
        request.send().await.unwrap()
    }

    /// Gets a page, and tells what the cache has done, and the page.
    async fn get(&self, path: &str, key: &str) -> (&'static str, String) {
        let response = self.send(Method::GET, path, key).await;
        assert_eq!(response.status(), 200);
        let status = response.headers()["cache-status"].to_str().unwrap();
        let outcome = match status.strip_prefix("tower-upstash;").unwrap() {
            status if status.starts_with("hit;ttl=") => "hit",
            status if status.starts_with("fwd=uri-miss;") && status.ends_with(";stored") => {
                "stored"
            }
            _ => panic!("{status}"),
        };
        (outcome, response.text().await.unwrap())
    }

    async fn post(&self, path: &str, key: &str) -> u16 {
        self.send(Method::POST, path, key).await.status().as_u16()
    }

    fn said(&mut self, lines: usize) -> Vec<String> {
        self.log.by_ref().take(lines).map(Result::unwrap).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn made(outcome: &'static str, page: &str, number: u32) -> (&'static str, String) {
    (outcome, format!("{page}, made as no. {number}\n"))
}

#[tokio::test]
async fn what_a_handler_says_is_stored_and_each_event_is_logged() {
    let mut server = Server::start();
    assert_eq!(server.get("/", "").await, made("stored", "home", 1));
    assert_eq!(server.get("/", "").await, made("hit", "home", 1));
    assert_eq!(
        server.said(3),
        ["http: miss", "http: stored 20 bytes", "http: hit"]
    );
    for (path, said) in [("/", "http: hit"), ("/posts/1", "http: miss")] {
        let head = server.send(Method::HEAD, path, "").await;
        assert_eq!(head.status(), 200);
        assert_eq!(server.said(1), [said]);
    }
}

#[tokio::test]
async fn a_slow_page_is_made_once_whatever_else_its_links_carry() {
    let server = Server::start();
    let start = Instant::now();
    assert_eq!(
        server.get("/news?page=2", "").await,
        made("stored", "page 2", 1)
    );
    assert!(start.elapsed() >= Duration::from_secs(1));
    for link in ["/news?page=2", "/news?utm_source=mail&page=2"] {
        assert_eq!(server.get(link, "").await, made("hit", "page 2", 1));
    }
    assert_eq!(
        server.get("/news?page=3", "").await,
        made("stored", "page 3", 2)
    );
}

#[tokio::test]
async fn a_change_invalidates_its_url_and_a_purge_all_that_carries_the_tag() {
    let server = Server::start();
    assert_eq!(
        server.get("/posts/1", "").await,
        made("stored", "post 1", 1)
    );
    assert_eq!(
        server.get("/posts/2", "").await,
        made("stored", "post 2", 2)
    );
    assert_eq!(server.post("/posts/1", "").await, 204);
    assert_eq!(
        server.get("/posts/1", "").await,
        made("stored", "post 1", 3)
    );
    assert_eq!(server.get("/posts/2", "").await, made("hit", "post 2", 2));

    for (key, status) in [("", 401), ("alice", 403)] {
        assert_eq!(server.post("/purge/posts", key).await, status);
    }
    assert_eq!(server.get("/posts/2", "").await, made("hit", "post 2", 2));
    assert_eq!(server.post("/purge/post-1", "root").await, 204);
    assert_eq!(
        server.get("/posts/1", "").await,
        made("stored", "post 1", 4)
    );
    assert_eq!(server.get("/posts/2", "").await, made("hit", "post 2", 2));
    assert_eq!(server.post("/purge/posts", "root").await, 204);
    assert_eq!(
        server.get("/posts/1", "").await,
        made("stored", "post 1", 5)
    );
    assert_eq!(
        server.get("/posts/2", "").await,
        made("stored", "post 2", 6)
    );
}

#[tokio::test]
async fn users_have_pages_of_their_own() {
    let server = Server::start();
    assert_eq!(server.send(Method::GET, "/me", "").await.status(), 401);
    assert_eq!(server.get("/me", "alice").await, made("stored", "alice", 1));
    assert_eq!(server.get("/me", "root").await, made("stored", "root", 2));
    assert_eq!(server.get("/me", "alice").await, made("hit", "alice", 1));
    assert_eq!(server.get("/me", "root").await, made("hit", "root", 2));
    assert_eq!(server.send(Method::GET, "/me", "").await.status(), 401);
}
