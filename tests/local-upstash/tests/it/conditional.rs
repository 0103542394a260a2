//! `SET … IFEQ` and the like, `DELEX` and `DIGEST`.

use local_upstash::Builder;
use serde_json::json;

use crate::support::Site;

/// XXH3 of `hello`, by `xxhsum -H3`.
const HELLO: &str = "9555e8555c62dcfd";

#[tokio::test]
async fn a_digest_has_16_digits() {
    let site = Site::start().await;
    assert_eq!(site.result(json!(["DIGEST", "k"])).await, json!(null));
    site.result(json!(["SET", "k", "hello"])).await;
    assert_eq!(site.result(json!(["DIGEST", "k"])).await, HELLO);
    site.result(json!(["LPUSH", "l", "x"])).await;
    assert!(
        site.error(json!(["DIGEST", "l"]))
            .await
            .starts_with("WRONGTYPE")
    );
}

#[tokio::test]
async fn set_writes_if_the_value_is_equal_or_is_not() {
    let site = Site::start().await;
    let null = json!(null);
    // Gone: null, and nothing is written.
    assert_eq!(
        site.result(json!(["SET", "k", "x", "IFEQ", "a"])).await,
        null
    );
    assert_eq!(
        site.result(json!(["SET", "k", "x", "IFDEQ", HELLO])).await,
        null
    );
    assert_eq!(site.result(json!(["EXISTS", "k"])).await, 0);
    // Gone is different.
    assert_eq!(
        site.result(json!(["SET", "k", "a", "IFNE", "b"])).await,
        "OK"
    );
    assert_eq!(
        site.result(json!(["SET", "d", "hello", "IFDNE", "00"]))
            .await,
        "OK"
    );
    // Different: null as well.
    assert_eq!(
        site.result(json!(["SET", "k", "x", "IFEQ", "b"])).await,
        null
    );
    assert_eq!(
        site.result(json!(["SET", "k", "x", "IFNE", "a"])).await,
        null
    );
    assert_eq!(
        site.result(json!(["SET", "d", "x", "IFDNE", HELLO])).await,
        null
    );
    assert_eq!(
        site.result(json!(["SET", "d", "x", "IFDEQ", "00"])).await,
        null
    );
    assert_eq!(
        site.result(json!(["MGET", "k", "d"])).await,
        json!(["a", "hello"])
    );
    // Met.
    assert_eq!(
        site.result(json!(["SET", "k", "b", "ifeq", "a", "EX", 100]))
            .await,
        "OK"
    );
    assert_eq!(site.result(json!(["TTL", "k"])).await, 100);
    assert_eq!(
        site.result(json!(["SET", "k", "c", "IFEQ", "b", "KEEPTTL"]))
            .await,
        "OK"
    );
    assert_eq!(site.result(json!(["TTL", "k"])).await, 100);
    assert_eq!(
        site.result(json!(["SET", "d", "x", "PX", 100_000, "IFDEQ", HELLO]))
            .await,
        "OK"
    );
    assert_eq!(site.result(json!(["TTL", "d"])).await, 100);
    // With the old value.
    assert_eq!(
        site.result(json!(["SET", "k", "d", "IFEQ", "c", "GET"]))
            .await,
        "c"
    );
    assert_eq!(
        site.result(json!(["SET", "k", "e", "IFEQ", "c", "GET"]))
            .await,
        "d"
    );
}

#[tokio::test]
async fn delex_deletes_if_the_value_is_equal_or_is_not() {
    let site = Site::start().await;
    for (condition, value, deleted) in [
        ("IFEQ", "hello", 1),
        ("IFEQ", "other", 0),
        ("IFNE", "hello", 0),
        ("IFNE", "other", 1),
        ("IFDEQ", HELLO, 1),
        ("IFDEQ", "00", 0),
        ("IFDNE", HELLO, 0),
        ("IFDNE", "00", 1),
    ] {
        assert_eq!(
            site.result(json!(["DELEX", "gone", condition, value]))
                .await,
            0
        );
        site.result(json!(["SET", "k", "hello"])).await;
        assert_eq!(
            site.result(json!(["DELEX", "k", condition, value])).await,
            deleted,
            "{condition}"
        );
        assert_eq!(site.result(json!(["EXISTS", "k"])).await, 1 - deleted);
    }
    site.result(json!(["SET", "k", "hello"])).await;
    assert_eq!(site.result(json!(["DELEX", "k"])).await, 1);
    assert_eq!(site.result(json!(["DELEX", "k"])).await, 0);
}

#[tokio::test]
async fn what_is_badly_written_is_refused() {
    let site = Site::start().await;
    for command in [
        json!(["SET", "k", "v", "IFEQ"]),
        json!(["SET", "k", "v", "IFEQ", "a", "NX"]),
        json!(["SET", "k", "v", "IFEQ", "a", "IFNE", "b"]),
        json!(["DELEX", "k", "IFEQ"]),
        json!(["DELEX", "k", "NONSENSE", "v"]),
    ] {
        assert_eq!(site.error(command).await, "ERR syntax error");
    }
    // The value may look like an option.
    assert_eq!(site.result(json!(["SET", "k", "IFEQ"])).await, "OK");
    assert_eq!(
        site.result(json!(["SET", "k", "v", "IFEQ", "IFEQ"])).await,
        "OK"
    );
}

#[tokio::test]
async fn one_of_many_swaps_wins() {
    let site = Site::start().await;
    site.result(json!(["SET", "k", "hello"])).await;
    let swaps = (0..20).map(|n| {
        let condition = if n % 2 == 0 {
            ["IFEQ", "hello"]
        } else {
            ["IFDEQ", HELLO]
        };
        site.result(json!(["SET", "k", n, condition[0], condition[1]]))
    });
    let replies = futures_util::future::join_all(swaps).await;
    assert_eq!(replies.iter().filter(|reply| **reply == "OK").count(), 1);
}

#[tokio::test]
async fn they_can_be_left_to_redis() {
    let site = Site::with(Builder::without_conditional_writes).await;
    assert_eq!(
        site.error(json!(["SET", "k", "v", "IFEQ", "a"])).await,
        "ERR syntax error"
    );
    assert!(
        site.error(json!(["DELEX", "k"]))
            .await
            .starts_with("ERR unknown command 'DELEX'")
    );
    assert!(
        site.error(json!(["DIGEST", "k"]))
            .await
            .starts_with("ERR unknown command 'DIGEST'")
    );
}
