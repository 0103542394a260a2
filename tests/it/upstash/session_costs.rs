//! What the calls that sessions are made of cost: commands as they are billed, and trips.

use tower_upstash::store::{
    Batch, Condition, Cursor, Key, Kind, Scope, Store as _, UpstashStore, Version, Write,
};

use super::site::{Site, TTL};

struct Costs {
    site: Site,
    store: UpstashStore,
    seen: (u64, u64),
}

impl Costs {
    /// Starts with a script that is loaded, and an index that has a member.
    async fn on(site: Site) -> Self {
        let store = site.over_http();
        let mut costs = Self {
            site,
            store,
            seen: (0, 0),
        };
        costs
            .done(put("warm", Condition::Always).member_of(index()))
            .await;
        // A server without them refuses each once.
        let version = costs.done(put("w", Condition::Always)).await;
        let version = costs.done(put("w", unchanged(&version))).await;
        costs
            .done(delete("w").when(Condition::Unchanged(version.unwrap())))
            .await;
        costs.skip();
        costs
    }

    async fn done(&self, batch: impl Into<Batch>) -> Option<Version> {
        let written = self.store.write(&batch.into()).await.unwrap();
        assert!(written.is_done(), "{written:?}");
        written.version(0).cloned()
    }

    fn skip(&mut self) {
        self.seen = (self.store.usage().trips, self.store.usage().commands);
    }

    /// Expects so many trips and commands since the last time.
    fn are(&mut self, trips: u64, commands: u64, what: &str) {
        let before = self.seen;
        self.skip();
        let cost = (self.seen.0 - before.0, self.seen.1 - before.1);
        assert_eq!(cost, (trips, commands), "{what}");
        assert_eq!(self.seen.1, self.site.server.bill().commands(), "{what}");
    }
}

fn key(id: &str) -> Key {
    Scope::new(Kind::Session, "costs").key(id)
}

fn index() -> Key {
    Scope::new(Kind::Index, "costs").key("subject")
}

fn put(id: &str, condition: Condition) -> Write {
    Write::put(key(id), format!("record of {id}"), TTL).when(condition)
}

fn delete(id: &str) -> Write {
    Write::delete(key(id))
}

fn unchanged(version: &Option<Version>) -> Condition {
    Condition::Unchanged(version.clone().unwrap())
}

#[tokio::test]
async fn of_sessions_are_as_documented() {
    let mut costs = Costs::on(Site::start().await).await;
    let mut version = costs.done(put("a", Condition::Absent)).await;
    costs.are(1, 1, "put, absent");
    version = costs.done(put("a", unchanged(&version))).await;
    costs.are(1, 1, "put, unchanged");

    let rotation = [
        put("b", Condition::Absent),
        delete("a").when(unchanged(&version)),
    ];
    version = costs.done(rotation).await;
    costs.are(1, 4, "rotation");
    let login = [
        put("c", Condition::Absent)
            .member_of_at_most(index(), 5)
            .membership_ttl(TTL * 10),
        delete("b").when(unchanged(&version)),
    ];
    costs.done(login).await;
    costs.are(1, 9, "rotation into an index of bounded size");
    costs.done(put("c", Condition::Always)).await;
    costs.are(1, 1, "put of a member");
    costs.done(delete("c")).await;
    costs.are(1, 1, "delete");
    costs.done(delete("c").member_of(index())).await;
    costs.are(1, 3, "delete out of an index");

    for id in ["1", "2", "3", "4"] {
        costs
            .done(put(id, Condition::Absent).member_of(index()))
            .await;
    }
    costs.skip();
    let members = costs.store.members(&index(), Cursor::START).await.unwrap();
    let ids = members.identifiers.into_iter();
    let keys: Vec<_> = ids.map(|id| key("").scope().key(id)).collect();
    let entries = costs.store.read(&keys).await.unwrap();
    assert_eq!(entries.iter().flatten().count(), 5);
    costs.are(2, 2, "members, and a read of 5");
    let deletes = keys.into_iter();
    let deletes = deletes.map(|key| Write::delete(key).member_of(index()));
    costs.done(deletes.collect::<Batch>()).await;
    costs.are(1, 3, "deletes of 5 out of an index");

    for id in ["1", "2", "3"] {
        costs.done(put(id, Condition::Always)).await;
    }
    costs.skip();
    let plain = ["1", "2", "3"];
    costs.done(plain.map(|id| put(id, Condition::Always))).await;
    costs.are(1, 4, "batch of 3 puts");
    costs.done(plain.map(delete)).await;
    costs.are(1, 2, "batch of 3 deletes");
}

#[tokio::test]
async fn of_conditions_are_higher_where_the_server_has_none() {
    let site = Site::with(|endpoint| endpoint.without_conditional_writes()).await;
    let mut costs = Costs::on(site).await;
    let version = costs.done(put("a", Condition::Absent)).await;
    costs.are(1, 1, "put, absent");
    let version = costs.done(put("a", unchanged(&version))).await;
    costs.are(1, 3, "put, unchanged, by a script");
    costs.done(delete("a").when(unchanged(&version))).await;
    costs.are(1, 3, "delete, unchanged, by a script");
}
