//! What Upstash would bill.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Site, answer};

/// Calls as many commands as its argument says, and `TIME`.
const SCRIPT: &str =
    "for n = 1, ARGV[1] do redis.call('INCR', KEYS[1]) end return redis.call('TIME')";

#[tokio::test]
async fn each_command_counts_and_each_that_a_script_calls() {
    let site = Site::start().await;
    let sha = site.result(json!(["SCRIPT", "LOAD", SCRIPT])).await;
    for (command, billed) in [
        (json!(["SET", "k", 1]), 1),
        (json!(["EVAL", SCRIPT, 1, "n", 3]), 5),
        (json!(["EVALSHA", sha, 1, "n", 0]), 2),
        (json!(["EVAL", "return 1", 0]), 1),
        (json!(["EVALSHA", "0".repeat(40), 0]), 1),
        (json!(["NONSENSE"]), 1),
        // Ours, whatever they take inside.
        (json!(["SET", "k", 2, "IFEQ", "1"]), 1),
        (json!(["SET", "k", 3, "IFDNE", "1"]), 1),
        (json!(["DELEX", "k", "IFNE", "1"]), 1),
        (json!(["DIGEST", "k"]), 1),
    ] {
        site.server.bill().reset();
        site.run(command.clone()).await;
        assert_eq!(site.server.bill().commands(), billed, "{command}");
    }
}

#[tokio::test]
async fn pipelines_and_transactions_cost_what_is_in_them() {
    let site = Site::start().await;
    let body = json!([
        ["SET", "k", "a"],
        ["EVAL", SCRIPT, 1, "n", 2],
        ["SET", "k", "b", "IFEQ", "a"],
        ["EVAL", SCRIPT, 1, "n", 1],
    ]);
    for path in ["/pipeline", "/multi-exec"] {
        site.server.bill().reset();
        answer(site.post(path, body.to_string())).await;
        assert_eq!(site.server.bill().commands(), 1 + 4 + 1 + 3);
    }
}

#[tokio::test]
async fn the_log_names_neither_keys_nor_values() {
    let site = Site::start().await;
    answer(site.get("/set/secret/value")).await;
    site.run(json!(["GET"])).await;
    answer(site.get("/get/secret?_token=x")).await;
    let log: Vec<String> = site
        .server
        .bill()
        .log()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        log,
        [
            "GET /set 200, 1 command",
            "POST / 400, 1 command",
            "GET /get 200, 1 command"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bill_is_exact_while_many_ask_at_once() {
    let site = Site::start().await;
    let noise = site
        .redis
        .command(&["EVAL", "return redis.call('PING')", "0"]);
    let requests = (0..300_u64).map(|n| {
        let script = json!(["EVAL", SCRIPT, 1, "n", n % 7]);
        let swap = json!(["SET", "k", n, "IFNE", "none"]);
        match n % 3 {
            0 => site.post("/", script.to_string()).send(),
            1 => site
                .post("/pipeline", json!([swap, script, ["GET", "k"]]).to_string())
                .send(),
            _ => site.post("/", swap.to_string()).send(),
        }
    });
    let (noise, answers) = futures_util::join!(noise, join_all(requests));
    noise.unwrap();
    assert!(answers.iter().all(|a| a.as_ref().unwrap().status() == 200));
    let mut expected: Vec<u64> = (0..300)
        .map(|n| match n % 3 {
            0 => 2 + n % 7,
            1 => 4 + n % 7,
            _ => 1,
        })
        .collect();
    let mut billed: Vec<u64> = site
        .server
        .bill()
        .log()
        .iter()
        .map(|entry| entry.commands)
        .collect();
    expected.sort_unstable();
    billed.sort_unstable();
    assert_eq!(billed, expected);
    assert_eq!(site.server.bill().requests(), 300);
}

#[tokio::test]
async fn the_bill_goes_on_after_a_restart() {
    let site = Site::start().await;
    site.run(json!(["EVAL", SCRIPT, 1, "n", 1])).await;
    site.redis.restart().await.unwrap();
    site.server.bill().reset();
    let (status, body): (u16, Value) = site.run(json!(["EVAL", SCRIPT, 1, "n", 1])).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(site.server.bill().commands(), 3);
}

#[tokio::test]
async fn without_script_billing_only_what_is_sent_counts() {
    let site = Site::with(local_upstash::Builder::without_script_billing).await;
    site.run(json!(["EVAL", SCRIPT, 1, "n", 3])).await;
    assert_eq!(site.server.bill().commands(), 1);
}
