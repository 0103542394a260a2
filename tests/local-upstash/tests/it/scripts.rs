//! Scripts and the flag that only Upstash knows.

use serde_json::json;

use crate::support::Site;

const FLAGGED: &str = "#!lua flags=allow-key-locking\nreturn redis.call('INCR', KEYS[1])";
/// What `sha1sum` says about it.
const SHA: &str = "5c6e36d70d4ec2144321a8f9c663f6c612440510";

#[tokio::test]
async fn a_flagged_script_goes_by_the_sha_of_its_original() {
    let site = Site::start().await;
    assert_eq!(
        site.error(json!(["EVALSHA", SHA, 1, "k"])).await,
        "NOSCRIPT No matching script. Please use EVAL."
    );
    assert_eq!(
        site.result(json!(["SCRIPT", "EXISTS", SHA])).await,
        json!([0])
    );
    assert_eq!(site.result(json!(["SCRIPT", "LOAD", FLAGGED])).await, SHA);
    assert_eq!(
        site.result(json!(["SCRIPT", "EXISTS", SHA.to_uppercase(), "00"]))
            .await,
        json!([1, 0])
    );
    assert_eq!(site.result(json!(["EVALSHA", SHA, 1, "k"])).await, 1);
    assert_eq!(
        site.result(json!(["EVALSHA", SHA.to_uppercase(), 1, "k"]))
            .await,
        2
    );
    site.result(json!(["SCRIPT", "FLUSH"])).await;
    assert!(
        site.error(json!(["EVALSHA", SHA, 1, "k"]))
            .await
            .starts_with("NOSCRIPT ")
    );
    assert_eq!(site.result(json!(["EVAL", FLAGGED, 1, "k"])).await, 3);
    assert_eq!(site.result(json!(["EVALSHA", SHA, 1, "k"])).await, 4);
}

#[tokio::test]
async fn scripts_lost_behind_our_back_are_missed_and_come_back() {
    let site = Site::start().await;
    site.result(json!(["EVAL", FLAGGED, 1, "k"])).await;
    site.redis.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    assert!(
        site.error(json!(["EVALSHA", SHA, 1, "k"]))
            .await
            .starts_with("NOSCRIPT ")
    );
    site.result(json!(["EVAL", FLAGGED, 1, "k"])).await;
    assert_eq!(site.result(json!(["EVALSHA", SHA, 1, "k"])).await, 3);
}

#[tokio::test]
async fn other_flags_stay() {
    let site = Site::start().await;
    let script = "#!lua flags=allow-key-locking,no-writes\nreturn redis.call('SET', KEYS[1], 1)";
    let error = site.error(json!(["EVAL", script, 1, "k"])).await;
    assert!(
        error.contains("Write commands are not allowed from read-only scripts"),
        "{error}"
    );
    let script = "#!lua flags=no-such-flag,allow-key-locking\nreturn 1";
    let error = site.error(json!(["EVAL", script, 0])).await;
    assert!(
        error.contains("Unexpected flag in script shebang: no-such-flag"),
        "{error}"
    );
}

#[tokio::test]
async fn lines_keep_their_numbers() {
    let site = Site::start().await;
    for flags in ["allow-key-locking", "allow-key-locking,no-writes"] {
        let script = format!("#!lua flags={flags}\nlocal x = 1\nreturn nothing.at_all");
        let error = site.error(json!(["EVAL", script, 0])).await;
        assert!(error.contains("user_script:3:"), "{error}");
    }
}

#[tokio::test]
async fn a_flagged_script_uses_only_declared_keys() {
    let site = Site::start().await;
    let script = |body: &str| format!("#!lua flags=allow-key-locking\nreturn {body}");
    for body in [
        "redis.call('GET', 'other')",
        "redis.call('DEL', KEYS[1], 'other')",
        "redis.call('MSET', KEYS[1], 1, 'other', 2)",
        "redis.pcall('SET', 'other', 1)",
    ] {
        let error = site.error(json!(["EVAL", script(body), 1, "k"])).await;
        let text = "ERR Dynamic keys are not allowed in Lua scripts when 'allow-key-locking' flag is set. Key was: other";
        assert!(error.starts_with(text), "{error}");
    }
    for body in [
        "redis.call('SET', KEYS[1], 'other')",
        "redis.call('MSET', KEYS[1], 'other')",
        "redis.call('TIME')",
        "redis.status_reply('fine')",
        "redis.sha1hex('')",
    ] {
        site.result(json!(["EVAL", script(body), 1, "k"])).await;
    }
    assert_eq!(
        site.result(json!(["EVAL", "return redis.call('GET', 'other')", 0]))
            .await,
        json!(null)
    );
}

#[tokio::test]
async fn plain_redis_refuses_the_flag() {
    let site = Site::with(local_upstash::Builder::without_key_locking).await;
    let error = site.error(json!(["EVAL", FLAGGED, 1, "k"])).await;
    assert!(
        error.contains("Unexpected flag in script shebang: allow-key-locking"),
        "{error}"
    );
}
