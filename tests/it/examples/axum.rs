//! `rate_limit_axum`: a limit for each matter.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Stdio},
};

use reqwest::{Client, Method, Response};

use super::command;

/// The running example. It ends with the test.
struct Server {
    child: Child,
    url: String,
    // What it has said before it listened, and what it says from then on.
    advice: Vec<String>,
    log: Lines<BufReader<ChildStdout>>,
    client: Client,
}

impl Server {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = command("rate_limit_axum")
            .env("LISTEN", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built");
        let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut advice = Vec::new();
        let url = loop {
            let line = log.next().unwrap().unwrap();
            match line.strip_prefix("listening: ") {
                Some(url) => break url.to_owned(),
                None => advice.push(line),
            }
        };
        Self {
            child,
            url,
            advice,
            log,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.send(Method::GET, path, headers, "").await
    }

    async fn login(&self, password: &'static str) -> Response {
        let key = [("x-api-key", "acme")]; // so that the limit of the address does not come first
        self.send(Method::POST, "/login", &key, password).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Response {
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// Returns what is left of each limit.
fn left(response: &Response) -> Vec<(String, u32)> {
    let items = header(response, "ratelimit").split(", ");
    items
        .filter_map(|item| {
            let (name, parameters) = item.split_once(";r=")?;
            let left = parameters.split(';').next()?.parse().ok()?;
            Some((name.trim_matches('"').to_owned(), left))
        })
        .collect()
}

#[tokio::test]
async fn every_route_has_its_own_limits_and_health_is_exempt() {
    let server = Server::start(&[]);
    assert!(server.advice.is_empty(), "{:?}", server.advice);
    let policy = async |path| {
        let response = server.get(path, &[]).await;
        header(&response, "ratelimit-policy").to_owned()
    };
    assert_eq!(policy("/items").await, r#""api";q=60;w=60"#);
    assert_eq!(
        policy("/chat").await,
        r#""api";q=60;w=60, "tokens";q=10000;qu="tokens";w=60"#
    );
    assert_eq!(
        header(&server.login("sesame").await, "ratelimit-policy"),
        r#""api";q=600;w=60, "login";q=5;w=900"#
    );
    assert_eq!(policy("/health").await, "");
}

#[tokio::test]
async fn a_client_beyond_its_limit_is_told_why_and_when_to_come_again() {
    let mut server = Server::start(&[]);
    for _ in 0..10 {
        assert_eq!(server.get("/items", &[]).await.status(), 200);
    }
    // One unit comes back each second: a slow machine may get some on the way.
    let refused = loop {
        let response = server.get("/items", &[]).await;
        if response.status() != 200 {
            break response;
        }
    };
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "content-type"), "application/problem+json");
    assert_eq!(header(&refused, "retry-after"), "1");
    assert_eq!(header(&refused, "ratelimit"), r#""api";r=0;t=1"#);
    let problem: serde_json::Value =
        serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["violated-policies"], serde_json::json!(["api"]));
    assert_eq!(problem["status"], 429);
    assert_eq!(server.log.next().unwrap().unwrap(), "refused by api");
    for _ in 0..20 {
        assert_eq!(server.get("/health", &[]).await.status(), 200);
    }
}

#[tokio::test]
async fn a_plan_has_its_own_quota_and_a_customer_its_own_counter() {
    let server = Server::start(&[]);
    let tiny = [("x-api-key", "tiny")];
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(server.get("/items", &tiny).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
    let acme = server.get("/items", &[("x-api-key", "acme")]).await;
    assert_eq!(left(&acme), [("api".to_owned(), 99)]);
    assert_eq!(
        left(&server.get("/items", &[]).await),
        [("api".to_owned(), 9)]
    );
    let unknown = server.get("/items", &[("x-api-key", "made up")]).await;
    assert_eq!(unknown.status(), 401);
}

#[tokio::test]
async fn only_failed_logins_count() {
    let server = Server::start(&[]);
    for _ in 0..20 {
        assert_eq!(server.login("sesame").await.status(), 200);
    }
    for _ in 0..5 {
        assert_eq!(server.login("wrong").await.status(), 401);
    }
    for password in ["wrong", "sesame"] {
        let refused = server.login(password).await;
        assert_eq!(refused.status(), 429);
        let wait: u64 = header(&refused, "retry-after").parse().unwrap();
        assert!((800..=1000).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn what_a_model_has_not_used_of_its_reservation_comes_back() {
    let server = Server::start(&[]);
    let acme = [("x-api-key", "acme")];
    // Five reservations of 4000 would not fit into 10,000.
    for _ in 0..5 {
        assert_eq!(server.get("/chat", &acme).await.status(), 200);
    }
}

#[tokio::test]
async fn a_forwarding_header_is_believed_only_of_trusted_proxies() {
    let left_of = async |server: &Server, forwarded: &str| {
        let response = server
            .get("/items", &[("x-forwarded-for", forwarded)])
            .await;
        left(&response)[0].1
    };
    let direct = Server::start(&[]);
    assert_eq!(left_of(&direct, "192.0.2.1").await, 9);
    assert!(left_of(&direct, "192.0.2.2").await < 9);

    let behind_one = Server::start(&[("PROXIES", "1")]);
    assert_eq!(left_of(&behind_one, "192.0.2.1").await, 9);
    assert_eq!(left_of(&behind_one, "192.0.2.2").await, 9);
    // What is to the left of the proxy's entry, the client has written.
    assert!(left_of(&behind_one, "198.51.100.7, 192.0.2.2").await < 9);
}

#[tokio::test]
async fn numbers_come_from_configuration_and_a_typo_ends_the_program() {
    let server = Server::start(&[("LIMITS", "login=2/15min,api=6/min burst 3")]);
    let items = server.get("/items", &[]).await;
    assert_eq!(header(&items, "ratelimit-policy"), r#""api";q=6;w=60"#);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(server.login("wrong").await.status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 429]);

    for wrong in ["lgoin=2/15min", "api:6/min"] {
        let output = command("rate_limit_axum")
            .env("LIMITS", wrong)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("known: api, everyone, login, tokens"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn without_its_store_the_api_goes_on_and_logins_wait() {
    // Nobody listens there: the port is taken, and given up.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let server = Server::start(&[
        ("UPSTASH_REDIS_REST_URL", &url),
        ("UPSTASH_REDIS_REST_TOKEN", "token"),
    ]);
    assert!(
        server
            .advice
            .iter()
            .any(|line| line.contains("the store does not answer as it should")),
        "{:?}",
        server.advice
    );
    assert_eq!(server.get("/items", &[]).await.status(), 200);
    let login = server.login("sesame").await;
    assert_eq!(login.status(), 503);
    assert_eq!(header(&login, "retry-after"), "1");
}

#[cfg(unix)]
#[tokio::test]
async fn it_ends_in_peace_when_it_is_interrupted() {
    let mut server = Server::start(&[]);
    assert_eq!(server.get("/items", &[]).await.status(), 200);
    server.client = Client::new(); // closes the connection
    let id = server.child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    assert!(server.child.wait().unwrap().success());
}
