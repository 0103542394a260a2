//! What requests cost: trips, and commands as they are billed.

use local_upstash::{LocalUpstash, RedisServer};
use tower_upstash::session::{SessionLayer, SessionLimit};
use tower_upstash::time::ManualClock;

use super::site::{LIFETIME, MINUTE, Reply, add, ask, http, log_in, show};

struct Costs {
    server: LocalUpstash,
    _redis: RedisServer,
    layer: SessionLayer,
    clock: ManualClock,
}

impl Costs {
    /// Starts with scripts that are known to the endpoint, and what it does not know to the store.
    async fn start(
        settings: impl FnOnce(local_upstash::Builder) -> local_upstash::Builder,
    ) -> Self {
        let redis = RedisServer::start().await.unwrap();
        let server = settings(LocalUpstash::builder().redis(&redis));
        let server = server.start().await.unwrap();
        let clock = ManualClock::default();
        let layer = SessionLayer::new(http(&server).build().unwrap());
        let it = Self {
            layer: layer.clock(clock.clone()).lifetime(LIFETIME),
            server,
            _redis: redis,
            clock,
        };
        for layer in [it.layer.clone(), it.limited()] {
            let token = it.counted(&layer).await;
            ask(&layer, Some(&token), async |session| add(&session, "n")).await;
            let token = log_in(&layer, Some(&token), "warm").await;
            ask(&layer, Some(&token), async |session| session.destroy()).await;
            log_in(&layer, None, "warm").await;
            layer.handle().revoke_all("warm").await.unwrap();
        }
        it.server.bill().reset();
        it
    }

    fn limited(&self) -> SessionLayer {
        self.layer
            .clone()
            .per_subject(SessionLimit::evict_oldest(1))
    }

    async fn counted(&self, layer: &SessionLayer) -> String {
        ask(layer, None, async |session| session.set("n", &1))
            .await
            .token()
    }

    /// Expects that a request has cost so many trips and commands.
    #[track_caller]
    fn are(&self, trips: u64, commands: u64, what: &str) {
        let bill = self.server.bill();
        let cost = (bill.requests(), bill.commands());
        bill.reset();
        assert_eq!(cost, (trips, commands), "{what}");
    }
}

fn well(reply: &Reply) {
    assert!(reply.is_ok(), "{reply:?}");
}

/// What the table in the docs of the module says.
async fn are_as_documented(costs: &Costs, condition: u64) {
    let layer = &costs.layer;
    well(&ask(layer, None, async |_| ()).await);
    well(&ask(layer, None, async |session| show(&session, "n").await).await);
    well(
        &ask(layer, Some("malformed"), async |session| {
            show(&session, "n").await
        })
        .await,
    );
    costs.are(0, 0, "a client without a token");

    let token = costs.counted(layer).await;
    costs.are(1, 1, "that makes a session");
    well(&ask(layer, Some(&token), async |_| ()).await);
    costs.are(0, 0, "that does not look");
    let read = async |session| show(&session, "n").await;
    well(&ask(layer, Some(&token), read).await);
    costs.are(1, 1, "that reads");
    well(&ask(layer, Some(&token), async |session| session.set("n", &1)).await);
    costs.are(1, 1, "that writes what is there");
    well(&ask(layer, Some(&token), async |session| add(&session, "n")).await);
    costs.are(2, 1 + condition, "that writes");
    costs.clock.advance(2 * MINUTE);
    well(&ask(layer, Some(&token), read).await);
    costs.are(2, 1 + condition, "whose activity is written down");
    well(&ask(layer, Some(&token), read).await);
    costs.are(1, 1, "whose activity was");

    let rotated = ask(layer, Some(&token), async |session| session.rotate());
    let token = rotated.await.token();
    costs.are(2, 1 + 4, "that rotates");
    let token = log_in(layer, Some(&token), "alice").await;
    costs.are(2, 1 + 9, "the first login, with a session");
    well(&ask(layer, Some(&token), async |session| add(&session, "n")).await);
    costs.are(2, 1 + condition, "that writes to the session of a subject");
    well(&ask(layer, Some(&token), async |session| session.destroy()).await);
    costs.are(1, 1, "a logout");

    let token = log_in(layer, None, "alice").await;
    costs.server.bill().reset();
    let look = ask(layer, Some(&token), async |session| {
        session.require_subject().await?;
        session.destroy()
    });
    well(&look.await);
    costs.are(2, 5, "a logout after a look");
    let counted = costs.counted(layer).await;
    costs.are(1, 1, "that makes a session");
    log_in(layer, None, "alice").await;
    costs.are(1, 7, "a login without a session");
    log_in(layer, Some(&counted), "alice").await;
    costs.are(2, 1 + 8, "a login with a session");
    layer.handle().revoke_all("alice").await.unwrap();
    costs.are(2, 5, "an end of all");
    well(&ask(layer, Some(&token), read).await);
    costs.are(1, 1, "that reads what is gone");

    let token = log_in(layer, None, "alice").await;
    costs.are(1, 8, "the first login, without a session");
    well(
        &ask(layer, Some(&token), async |session| {
            session.revoke_all().await.map(drop)
        })
        .await,
    );
    costs.are(3, 6, "a client who ends all");
}

#[tokio::test]
async fn of_requests_are_as_documented() {
    let costs = Costs::start(|endpoint| endpoint).await;
    are_as_documented(&costs, 1).await;
}

#[tokio::test]
async fn of_requests_without_conditional_writes_are_as_documented() {
    let costs = Costs::start(local_upstash::Builder::without_conditional_writes).await;
    are_as_documented(&costs, 3).await;
}

#[tokio::test]
async fn of_a_limit_are_two_trips_more_where_one_is_evicted() {
    let costs = Costs::start(|endpoint| endpoint).await;
    let layer = costs.limited();
    log_in(&layer, None, "alice").await;
    costs.are(1, 9, "a login");
    let token = log_in(&layer, None, "alice").await;
    costs.are(4, 18, "a login that evicts");
    well(&ask(&layer, Some(&token), async |session| session.destroy()).await);
    costs.are(1, 1, "a logout");
}
