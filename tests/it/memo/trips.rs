//! What it costs: against a real Redis, behind an endpoint that bills as Upstash does.

use local_upstash::{LocalUpstash, RedisServer};
use tower_upstash::store::UpstashStore;

use super::*;

#[tokio::test]
async fn a_hit_is_one_trip_and_what_is_made_costs_one_more() {
    let redis = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    let builder = UpstashStore::builder(&server.url(), server.token());
    let upstash = builder.time_limit(Duration::from_secs(20)).build().unwrap();
    let (store, model) = (SharedStore::from(upstash.clone()), Model::default());

    let mut told = upstash.usage();
    let mut trips_and_commands = || {
        let (now, then) = (upstash.usage(), told);
        told = now;
        (now.trips - then.trips, now.commands - then.commands)
    };
    let value = vec![0xff; 1000];
    let make = || async {
        model.begin();
        Ok::<_, ()>(value.clone())
    };
    assert_eq!(
        cached(&store, ANSWERS, "a", make).await.as_ref(),
        Ok(&value)
    );
    assert_eq!(trips_and_commands(), (2, 2));
    assert_eq!(
        cached(&store, ANSWERS, "a", make).await.as_ref(),
        Ok(&value)
    );
    assert_eq!(trips_and_commands(), (1, 1));

    // Another process has its own handle.
    let other = SharedStore::from(upstash.clone());
    assert_eq!(
        cached(&other, ANSWERS, "a", make).await.as_ref(),
        Ok(&value)
    );
    assert_eq!(trips_and_commands(), (1, 1));
    forget(&other, ANSWERS, "a").await.unwrap();
    assert_eq!(trips_and_commands(), (1, 1));
    assert_eq!(
        cached(&store, ANSWERS, "a", make).await.as_ref(),
        Ok(&value)
    );
    assert_eq!(model.calls(), 2);
}
