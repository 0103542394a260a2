//! The clock that moves.

use std::time::Duration;

use local_upstash::RedisServer;
use serde_json::{Value, json};

use crate::support::Site;

const HOUR: Duration = Duration::from_secs(3600);

fn seconds(time: &Value) -> u64 {
    time[0].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn expiry_and_time_move_together_at_once() {
    let site = Site::over(RedisServer::with_clock().await.unwrap(), |b| b).await;
    let script = "return redis.call('TIME')";
    site.result(json!(["SET", "short", "v", "PX", 3_599_000]))
        .await;
    site.result(json!(["SET", "long", "v", "PX", 7_200_000]))
        .await;
    let before = seconds(&site.result(json!(["TIME"])).await);
    assert_eq!(site.result(json!(["GET", "short"])).await, "v");
    site.redis.advance(HOUR);
    assert_eq!(site.redis.ahead(), HOUR);
    assert_eq!(site.result(json!(["GET", "short"])).await, json!(null));
    assert_eq!(site.result(json!(["GET", "long"])).await, "v");
    for time in [
        site.result(json!(["TIME"])).await,
        site.result(json!(["EVAL", script, 0])).await,
    ] {
        assert!((3600..3605).contains(&(seconds(&time) - before)));
    }
    let left = site.result(json!(["PTTL", "long"])).await.as_u64().unwrap();
    assert!((3_590_000..=3_600_000).contains(&left));
    site.redis.advance(Duration::from_micros(3_600_000_001));
    assert_eq!(
        site.result(json!(["EVAL", "return redis.call('GET', 'long')", 0]))
            .await,
        json!(null)
    );
}

#[tokio::test]
async fn a_restart_keeps_the_clock() {
    let redis = RedisServer::with_clock().await.unwrap();
    redis.advance(10 * HOUR);
    let ahead = time(&redis).await;
    redis.restart().await.unwrap();
    assert!((0..5).contains(&(time(&redis).await - ahead)));
}

async fn time(redis: &RedisServer) -> i64 {
    let text = format!(
        "{:?}",
        redis
            .command(&["EVAL", "return tonumber(redis.call('TIME')[1])", "0"])
            .await
            .unwrap()
    );
    text.trim_start_matches("int(")
        .trim_end_matches(')')
        .parse()
        .unwrap()
}
