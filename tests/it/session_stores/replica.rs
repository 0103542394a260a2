//! A global database whose replica lags behind: who logs in here and is redirected there is logged in.

use local_upstash::{LocalUpstash, RedisServer};
use tower_upstash::session::SessionLayer;

use super::site::{Told, add, ask, http, lives, log_in, number};

#[tokio::test]
async fn a_login_here_is_found_there_though_the_replica_has_not_seen_it() {
    let primary = RedisServer::start().await.unwrap();
    // Nothing reaches it.
    let replica = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder()
        .redis(&primary)
        .lagging_replica(&replica);
    let server = server.start().await.unwrap();
    let process = || SessionLayer::new(http(&server).global(1).build().unwrap());

    let before = ask(&process(), None, async |session| session.set("n", &1))
        .await
        .token();
    let after = log_in(&process(), Some(&before), "alice").await;
    assert!(lives(&process(), &after).await);
    assert!(!lives(&process(), &before).await);
    let there = process();
    let write = ask(&there, Some(&after), async |session| add(&session, "n"));
    assert_eq!(write.await.told, Told::Nothing);
    assert_eq!(number(&process(), &after, "n").await, "2");

    // Without that, nobody is there.
    let careless = || SessionLayer::new(http(&server).build().unwrap());
    assert!(!lives(&careless(), &after).await);

    let there = process();
    let logout = ask(&there, Some(&after), async |session| session.destroy());
    assert_eq!(logout.await.told, Told::Removal);
    assert!(!lives(&process(), &after).await);
}
