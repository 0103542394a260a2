//! Single commands: in the body, in the path, refused.

use reqwest::Method;
use serde_json::json;

use crate::support::{Site, answer};

#[tokio::test]
async fn a_command_in_the_body_is_run() {
    let site = Site::start().await;
    assert_eq!(site.result(json!(["SET", "k", "v", "EX", 100])).await, "OK");
    assert_eq!(site.result(json!(["get", "k"])).await, "v");
    assert_eq!(site.result(json!(["GET", "none"])).await, json!(null));
    assert_eq!(site.result(json!(["ECHO", "hi"])).await, "hi");
    assert_eq!(site.result(json!(["PING"])).await, "PONG");
}

#[tokio::test]
async fn literals_are_kept_as_they_are_written() {
    let site = Site::start().await;
    for literal in [
        "1.50",
        "1e3",
        "12345678901234567890",
        "-0",
        "true",
        "null",
        r#"{"a": 1}"#,
        "[1,2]",
    ] {
        let body = format!(r#"["ECHO", {literal}]"#);
        assert_eq!(
            answer(site.post("/", body)).await,
            (200, json!({ "result": literal }))
        );
    }
}

#[tokio::test]
async fn integers_are_numbers_and_doubles_are_strings() {
    let site = Site::start().await;
    site.result(json!(["SET", "n", "9223372036854775806"]))
        .await;
    assert_eq!(
        site.result(json!(["INCR", "n"])).await,
        json!(9223372036854775807_i64)
    );
    assert_eq!(site.result(json!(["INCRBYFLOAT", "f", "1.5"])).await, "1.5");
    site.result(json!(["ZADD", "z", 1.5, "m"])).await;
    assert_eq!(site.result(json!(["ZSCORE", "z", "m"])).await, "1.5");
}

#[tokio::test]
async fn a_command_in_the_path_takes_body_and_query_as_arguments() {
    let site = Site::start().await;
    assert_eq!(
        answer(site.get("/set/a%2Fb/x%20y/EX/100")).await.1,
        json!({ "result": "OK" })
    );
    assert_eq!(site.result(json!(["GET", "a/b"])).await, "x y");
    let (status, _) = answer(site.post("/set/raw?EX=100&NX", vec![0xff, 0x00, b'\n'])).await;
    assert_eq!(status, 200);
    assert_eq!(site.result(json!(["STRLEN", "raw"])).await, 3);
    assert_eq!(site.result(json!(["TTL", "raw"])).await, 100);
    assert_eq!(
        answer(site.post("/incr/count", "")).await.1,
        json!({ "result": 1 })
    );
    let put = site
        .bare(Method::PUT, "/set/put")
        .bearer_auth("local")
        .body("v");
    assert_eq!(answer(put).await.0, 200);
    assert_eq!(
        answer(site.get("/get/put")).await.1,
        json!({ "result": "v" })
    );
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let site = Site::start().await;
    let delete = site.bare(Method::DELETE, "/get/k").bearer_auth("local");
    assert_eq!(answer(delete).await.0, 405);
    let head = site.bare(Method::HEAD, "/set/k/v").bearer_auth("local");
    let response = head.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), "");
    assert_eq!(site.result(json!(["GET", "k"])).await, "v");
}

#[tokio::test]
async fn the_token_stands_in_the_header_or_in_the_query() {
    let site = Site::with(|b| b.token("secret")).await;
    let refused = (
        401,
        json!({ "error": "WRONGPASS invalid or missing auth token" }),
    );
    assert_eq!(answer(site.bare(Method::GET, "/ping")).await, refused);
    assert_eq!(
        answer(site.bare(Method::GET, "/ping").bearer_auth("wrong")).await,
        refused
    );
    assert_eq!(
        answer(site.bare(Method::GET, "/ping?_token=wrong")).await,
        refused
    );
    assert_eq!(
        answer(site.bare(Method::GET, "/ping?_token=secret")).await,
        (200, json!({ "result": "PONG" }))
    );
    assert_eq!(site.server.bill().commands(), 1);
}

#[tokio::test]
async fn the_read_only_token_only_reads() {
    let site = Site::start().await;
    site.result(json!(["SET", "k", "v"])).await;
    let read = |command: serde_json::Value| {
        let token = site.server.read_only_token();
        answer(
            site.bare(Method::POST, "/")
                .bearer_auth(token)
                .body(command.to_string()),
        )
    };
    assert_eq!(
        read(json!(["GET", "k"])).await,
        (200, json!({ "result": "v" }))
    );
    assert_eq!(
        read(json!(["DIGEST", "none"])).await,
        (200, json!({ "result": null }))
    );
    for command in [
        json!(["SET", "k", "w"]),
        json!(["SCAN", 0]),
        json!(["KEYS", "*"]),
        json!(["EVAL", "return 1", 0]),
        json!(["EVALSHA_RO", "0", 0]),
        json!(["DELEX", "k"]),
        json!(["FLUSHALL"]),
    ] {
        let (status, body) = read(command).await;
        assert_eq!(status, 400);
        assert!(
            body["error"]
                .as_str()
                .unwrap()
                .starts_with("NOPERM this user has no permissions")
        );
    }
}

#[tokio::test]
async fn commands_of_connections_and_blocking_ones_are_not_available() {
    let site = Site::start().await;
    for command in [
        json!(["BLPOP", "l", 1]),
        json!(["WATCH", "k"]),
        json!(["MULTI"]),
        json!(["SUBSCRIBE", "c"]),
        json!(["MONITOR"]),
        json!(["AUTH", "x"]),
        json!(["ACL", "WHOAMI"]),
        json!(["MIGRATE", "127.0.0.1", 1, "k", 0, 100]),
        json!(["WAIT", 1, 0]),
        json!(["XREAD", "BLOCK", 1, "STREAMS", "s", "$"]),
    ] {
        assert!(
            site.error(command)
                .await
                .starts_with("ERR Command is not available: '")
        );
    }
    assert_eq!(
        site.result(json!(["XREAD", "STREAMS", "s", "0"])).await,
        json!(null)
    );
    assert_eq!(site.server.bill().commands(), 1);
}

/// Any page in a browser could read and delete everything: the token was a known one, and nobody asked who called.
#[tokio::test]
async fn requests_of_web_pages_are_forbidden() {
    let site = Site::start().await;
    site.result(json!(["SET", "k", "v"])).await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("host", "attacker.example"),
        ("host", "127.0.0.1.attacker.example:80"),
        ("host", "localhost@attacker.example"),
    ] {
        let request = site.get("/del/k").header(name, value);
        let (status, body) = answer(request).await;
        assert_eq!(status, 403, "{name}: {value}");
        assert!(body["error"].as_str().unwrap().starts_with("ERR "));
    }
    for (name, value) in [
        ("sec-fetch-site", "none"),
        ("host", "localhost:8079"),
        ("host", "[::1]:8079"),
    ] {
        let request = site.get("/get/k").header(name, value);
        assert_eq!(answer(request).await, (200, json!({ "result": "v" })));
    }
}

#[tokio::test]
async fn a_server_that_listens_elsewhere_takes_any_host() {
    let site = Site::with(|b| b.listen(([0, 0, 0, 0], 0).into())).await;
    let request = |name, value| site.get("/ping").header(name, value);
    assert_eq!(answer(request("host", "upstash")).await.0, 200);
    assert_eq!(answer(request("origin", "http://upstash")).await.0, 403);
}

#[tokio::test]
async fn errors_of_redis_are_answered_with_400() {
    let site = Site::start().await;
    assert!(
        site.error(json!(["NONSENSE"]))
            .await
            .starts_with("ERR unknown command")
    );
    site.result(json!(["LPUSH", "l", "x"])).await;
    assert!(
        site.error(json!(["GET", "l"]))
            .await
            .starts_with("WRONGTYPE Operation")
    );
    for body in ["", "nonsense", "[]", "{}", r#"["SET","#] {
        let (status, answer) = answer(site.post("/", body)).await;
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().starts_with("ERR "));
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let site = Site::with(|b| b.largest_request(100).largest_key(5)).await;
    let (status, body) = answer(site.post("/", vec![b'x'; 3_000_000])).await;
    assert_eq!(
        (status, body),
        (400, json!({ "error": "ERR max request size exceeded" }))
    );
    let text = "ERR max key size exceeded. Limit: 5 bytes, Actual: 6 bytes";
    assert_eq!(site.error(json!(["SET", "123456", "v"])).await, text);
    assert_eq!(site.error(json!(["MGET", "a", "123456", "b"])).await, text);
    assert_eq!(
        site.error(json!(["EVAL", "return 1", 1, "123456"])).await,
        text
    );
    assert_eq!(site.result(json!(["SET", "12345", "longer"])).await, "OK");
    assert_eq!(
        site.result(json!(["EVAL", "return 1", 0, "123456"])).await,
        1
    );
}

#[tokio::test]
async fn every_answer_has_a_new_sync_token() {
    let site = Site::start().await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let response = site.get("/ping").send().await.unwrap();
        tokens.push(response.headers()["upstash-sync-token"].clone());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}
