//! Injected faults.

use std::time::{Duration, Instant};

use local_upstash::Fault;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Site, answer};

/// Sends `INCR n` by hand; returns all bytes up to the end of the connection.
async fn raw(site: &Site) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(site.server.url().trim_start_matches("http://")).await?;
    let head = "POST /incr/n HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer local\r\nconnection: close\r\n";
    stream
        .write_all(format!("{head}content-length: 0\r\n\r\n").as_bytes())
        .await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn count(site: &Site) -> Value {
    site.result(json!(["GET", "n"])).await
}

#[tokio::test]
async fn a_dropped_connection_is_executed_or_not() {
    let site = Site::start().await;
    site.server.faults().inject(Fault::DropBefore.times(1));
    assert_eq!(raw(&site).await.unwrap(), b"");
    assert_eq!(count(&site).await, json!(null));
    site.server.faults().inject(Fault::DropAfter.times(1));
    assert_eq!(raw(&site).await.unwrap(), b"");
    assert_eq!(count(&site).await, "1");
    let log = site.server.bill().log();
    assert_eq!((log[0].status, log[0].commands), (None, 0));
    assert_eq!((log[2].status, log[2].commands), (None, 1));
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let site = Site::start().await;
    site.server.faults().inject(Fault::Reset.times(1));
    assert_eq!(
        raw(&site).await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
    assert_eq!(count(&site).await, json!(null));
}

#[tokio::test]
async fn garbage_is_no_http() {
    let site = Site::start().await;
    site.server.faults().inject(Fault::Garbage.times(1));
    let bytes = raw(&site).await.unwrap();
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP"));
    site.server.faults().inject(Fault::Garbage.times(1));
    site.get("/ping").send().await.unwrap_err();
    assert_eq!(count(&site).await, json!(null));
}

#[tokio::test]
async fn a_truncated_answer_ends_early_under_its_full_length() {
    let site = Site::start().await;
    site.server.faults().inject(Fault::Truncated.times(1));
    let text = String::from_utf8(raw(&site).await.unwrap()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-length: 12"),
        "{head}"
    );
    assert_eq!(body, r#"{"resu"#);
    site.server.faults().inject(Fault::Truncated.times(1));
    let response = site.get("/incr/n").send().await.unwrap();
    response.text().await.unwrap_err();
    assert_eq!(count(&site).await, "2");
}

#[tokio::test]
async fn cut_json_is_complete_http() {
    let site = Site::start().await;
    site.server.faults().inject(Fault::CutJson.times(1));
    assert_eq!(answer(site.get("/incr/n")).await, (200, json!(r#"{"resu"#)));
    assert_eq!(count(&site).await, "1");
}

#[tokio::test]
async fn answers_of_others_are_imitated() {
    let site = Site::start().await;
    let faults = site.server.faults();
    faults.inject(Fault::Html(503).times(1));
    faults.inject(Fault::ErrorWith200("ERR no".to_owned()).times(1));
    faults.inject(Fault::WrongToken.times(1));
    faults.inject(Fault::QuotaExceeded.times(1));
    let response = site.get("/incr/n").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert!(response.text().await.unwrap().starts_with("<html>"));
    assert_eq!(
        answer(site.get("/incr/n")).await,
        (200, json!({ "error": "ERR no" }))
    );
    assert_eq!(answer(site.get("/incr/n")).await.0, 401);
    let quota = "ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.";
    assert_eq!(
        answer(site.get("/incr/n")).await,
        (400, json!({ "error": quota }))
    );
    assert_eq!(count(&site).await, json!(null));
}

#[tokio::test]
async fn a_delayed_request_is_executed_even_if_the_client_gives_up() {
    let site = Site::start().await;
    let time = Duration::from_millis(100);
    site.server.faults().inject(Fault::Delay(time).times(2));
    let begin = Instant::now();
    assert_eq!(answer(site.get("/incr/n")).await.0, 200);
    assert!(begin.elapsed() >= time);
    site.get("/incr/n")
        .timeout(time / 4)
        .send()
        .await
        .unwrap_err();
    while count(&site).await != "2" {}
}

#[tokio::test]
async fn a_black_hole_never_answers() {
    let site = Site::start().await;
    site.server.faults().inject(Fault::BlackHole);
    let request = site.get("/incr/n").timeout(Duration::from_millis(100));
    assert!(request.send().await.unwrap_err().is_timeout());
    site.server.faults().clear();
    assert_eq!(count(&site).await, json!(null));
}

#[tokio::test]
async fn lost_scripts_are_not_found() {
    let site = Site::start().await;
    let sha = site.result(json!(["SCRIPT", "LOAD", "return 1"])).await;
    site.server.faults().inject(Fault::ScriptsLost.times(1));
    assert!(
        site.error(json!(["EVALSHA", sha, 0]))
            .await
            .starts_with("NOSCRIPT ")
    );
}

#[tokio::test]
async fn a_fault_may_be_for_one_path() {
    let site = Site::start().await;
    site.server.faults().inject(Fault::WrongToken.on("/incr"));
    site.server
        .faults()
        .inject(Fault::Html(500).on("/").times(1));
    assert_eq!(answer(site.get("/ping")).await.0, 200);
    assert_eq!(answer(site.get("/incr/n")).await.0, 401);
    assert_eq!(answer(site.get("/incr/n")).await.0, 401);
    assert_eq!(site.run(json!(["PING"])).await.0, 500);
    assert_eq!(site.run(json!(["PING"])).await.0, 200);
}
