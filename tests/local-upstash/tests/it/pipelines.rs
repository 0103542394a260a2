//! `/pipeline` and `/multi-exec`.

use serde_json::{Value, json};

use crate::support::{Site, answer};

async fn post(site: &Site, path: &str, commands: Value) -> (u16, Value) {
    answer(site.post(path, commands.to_string())).await
}

#[tokio::test]
async fn each_command_of_a_pipeline_has_its_own_answer() {
    let site = Site::start().await;
    let commands = json!([
        ["SET", "k", "v"],
        ["BLPOP", "l", 1],
        ["LPOP", "k"],
        ["GET", "k"]
    ]);
    let (status, body) = post(&site, "/pipeline", commands).await;
    assert_eq!(status, 200);
    assert_eq!(body[0], json!({ "result": "OK" }));
    assert_eq!(
        body[1],
        json!({ "error": "ERR Command is not available: 'BLPOP'" })
    );
    assert!(body[2]["error"].as_str().unwrap().starts_with("WRONGTYPE"));
    assert_eq!(body[3], json!({ "result": "v" }));
    assert_eq!(site.server.bill().commands(), 3);
}

#[tokio::test]
async fn a_runtime_error_in_a_transaction_is_one_item() {
    let site = Site::start().await;
    let commands = json!([["SET", "k", "v"], ["LPOP", "k"], ["GET", "k"]]);
    let (status, body) = post(&site, "/multi-exec", commands).await;
    assert_eq!(status, 200);
    assert_eq!(body[0], json!({ "result": "OK" }));
    assert_eq!(
        body[1],
        json!({ "error": "WRONGTYPE Operation against a key holding the wrong kind of value" })
    );
    assert_eq!(body[2], json!({ "result": "v" }));
    assert_eq!(site.server.bill().commands(), 3);
}

#[tokio::test]
async fn a_transaction_with_a_bad_command_is_discarded_as_a_whole() {
    let site = Site::start().await;
    for bad in [json!(["NONSENSE"]), json!(["GET"]), json!(["WATCH", "k"])] {
        let (status, body) = post(&site, "/multi-exec", json!([["SET", "k", "v"], bad])).await;
        assert_eq!(status, 400);
        assert!(
            body["error"].as_str().unwrap().starts_with("ERR "),
            "{body}"
        );
        assert_eq!(site.result(json!(["GET", "k"])).await, json!(null));
    }
}

#[tokio::test]
async fn conditional_writes_and_digests_work_in_both() {
    let site = Site::start().await;
    for path in ["/pipeline", "/multi-exec"] {
        let commands = json!([
            ["SET", "k", "a"],
            ["SET", "k", "b", "IFEQ", "a"],
            ["DIGEST", "k"],
            ["DELEX", "k"]
        ]);
        let (status, body) = post(&site, path, commands).await;
        assert_eq!(status, 200);
        let results: Vec<&Value> = body
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["result"])
            .collect();
        assert_eq!(results[..2], ["OK", "OK"]);
        assert_eq!(results[2].as_str().unwrap().len(), 16);
        assert_eq!(*results[3], 1);
    }
}

#[tokio::test]
async fn a_body_that_is_no_list_of_commands_is_refused() {
    let site = Site::start().await;
    for path in ["/pipeline", "/multi-exec"] {
        for body in ["", "[]", r#"["GET","k"]"#, "[[]]", "nonsense"] {
            let (status, answer) = answer(site.post(path, body)).await;
            assert_eq!(status, 400);
            assert!(answer["error"].is_string());
        }
    }
}

#[tokio::test]
async fn a_thousand_commands_are_answered_in_order() {
    let site = Site::start().await;
    let commands: Value = (0..1000).map(|n| json!(["ECHO", n])).collect();
    let (_, body) = post(&site, "/pipeline", commands).await;
    let expected: Value = (0..1000)
        .map(|n: u32| json!({ "result": n.to_string() }))
        .collect();
    assert_eq!(body, expected);
}
