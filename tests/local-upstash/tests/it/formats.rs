//! Base64 and RESP2.

use serde_json::{Value, json};

use crate::support::{Site, answer};

const ENCODING: &str = "Upstash-Encoding";
const FORMAT: &str = "Upstash-Response-Format";

#[tokio::test]
async fn bytes_that_are_not_utf8_are_replaced_or_encoded() {
    let site = Site::start().await;
    answer(site.post("/set/k", vec![b'a', 0xff])).await;
    assert_eq!(site.result(json!(["GET", "k"])).await, "a\u{fffd}");
    let encoded = site.get("/get/k").header(ENCODING, "base64");
    assert_eq!(answer(encoded).await.1, json!({ "result": "Yf8=" }));
}

#[tokio::test]
async fn base64_leaves_ok_errors_and_numbers_alone() {
    let site = Site::start().await;
    let body = json!([
        ["SET", "k", "OK"],
        ["GET", "k"],
        ["MGET", "k", "none"],
        ["INCR", "n"],
        ["INCR", "k"]
    ]);
    let (status, body) = answer(
        site.post("/pipeline", body.to_string())
            .header(ENCODING, "base64"),
    )
    .await;
    assert_eq!(status, 200);
    let error = json!({ "error": "ERR value is not an integer or out of range" });
    let results =
        [json!("OK"), json!("OK"), json!(["T0s=", null]), json!(1)].map(|r| json!({ "result": r }));
    let expected: Value = results.into_iter().chain([error]).collect();
    assert_eq!(body, expected);
}

#[tokio::test]
async fn resp2_is_answered_as_redis_writes_it() {
    let site = Site::start().await;
    answer(site.post("/set/k", vec![0xff])).await;
    let body = json!(["MGET", "k", "none"]).to_string();
    let response = site
        .post("/", body)
        .header(FORMAT, "resp2")
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/octet-stream"
    );
    assert_eq!(
        response.bytes().await.unwrap(),
        &b"*2\r\n$1\r\n\xff\r\n$-1\r\n"[..]
    );
    let body = json!([["SET", "k", 1], ["INCR", "k"], ["LPOP", "k"], ["PING"]]).to_string();
    let response = site
        .post("/pipeline", body)
        .header(FORMAT, "resp2")
        .send()
        .await
        .unwrap();
    let text = "*4\r\n+OK\r\n:2\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n+PONG\r\n";
    assert_eq!(response.text().await.unwrap(), text);
    let response = site
        .get("/nonsense")
        .header(FORMAT, "resp2")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("-ERR unknown command")
    );
}

#[tokio::test]
async fn formats_that_do_not_exist_are_refused() {
    let site = Site::start().await;
    let resp2 = || site.get("/ping").header(FORMAT, "resp2");
    assert_eq!(answer(resp2()).await.0, 200);
    assert_eq!(answer(resp2().header(ENCODING, "base64")).await.0, 400);
    assert_eq!(
        answer(site.get("/ping").header(FORMAT, "resp3")).await.0,
        400
    );
    let body = json!([["PING"]]).to_string();
    assert_eq!(
        answer(site.post("/multi-exec", body).header(FORMAT, "resp2"))
            .await
            .0,
        400
    );
}
