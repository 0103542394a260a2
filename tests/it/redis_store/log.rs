//! The purge log against a model of it: nothing stale is admitted, nothing good refused, whatever happens to the log.

use std::{cell::Cell, rc::Rc};

use proptest::{prelude::*, test_runner::TestRunner};
use tower_upstash::store::{
    ErrorKind, Identifier, Kind, Position, Purge, PurgeView, Scope, SharedStore, Stamp, Store, Tag,
};

use super::server::Server;

#[derive(Clone, Debug)]
enum Step {
    /// Some tags are purged.
    Purge(u8),
    /// As above, by a server whose clock is far behind.
    PurgeLate(u8),
    Everything,
    /// The log is deleted, evicted, or expires.
    Delete,
    /// From here on, what happens is lost at the next takeover.
    Save,
    /// A replica takes over that knows what was saved.
    TakeOver,
    /// A node asks for news, and looks at all entries.
    Poll(usize),
    /// A node makes an entry with some tags, looked up at its last poll.
    Fill(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let (node, tags) = (0..NODES, 1..1u8 << TAGS);
    prop_oneof![
        5 => tags.clone().prop_map(Step::Purge),
        2 => tags.clone().prop_map(Step::PurgeLate),
        1 => Just(Step::Everything),
        1 => Just(Step::Delete),
        2 => Just(Step::Save),
        1 => Just(Step::TakeOver),
        8 => node.clone().prop_map(Step::Poll),
        6 => (node, tags).prop_map(|(node, tags)| Step::Fill(node, tags)),
    ]
}

const NODES: usize = 3;
const TAGS: usize = 3;

struct Entry {
    stamp: Stamp,
    // How much had happened when it was looked up.
    known: usize,
    tags: u8,
}

#[derive(Default)]
struct Node {
    view: PurgeView,
    // None: never, or in a history that was lost.
    known: Option<usize>,
}

struct World {
    server: Rc<Server>,
    store: SharedStore,
    log: Scope,
    // The tags of each purge; all of them where everything was.
    happened: Vec<u8>,
    saved: (usize, Option<Vec<u8>>),
    late: u128,
    nodes: [Node; NODES],
    entries: Vec<Entry>,
}

fn tags(mask: u8) -> Vec<Tag> {
    let tags = (0..TAGS).filter(|tag| mask & 1 << tag != 0);
    tags.map(|tag| Tag::new(tag.to_string())).collect()
}

impl World {
    fn key(&self) -> String {
        self.log.key("").to_text()
    }

    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        let key = self.key();
        match step {
            Step::Purge(mask) => {
                let tags = tags(mask);
                self.store
                    .purge(&self.log, Purge::Tags(&tags))
                    .await
                    .unwrap();
                self.happened.push(mask);
            }
            Step::PurgeLate(mask) => self.purge_late(mask).await,
            Step::Everything => {
                self.store
                    .purge(&self.log, Purge::Everything)
                    .await
                    .unwrap();
                self.happened.push(u8::MAX);
            }
            Step::Delete => {
                let _: u64 = self.server.run(&[b"DEL", key.as_bytes()]).await;
                self.happened.push(u8::MAX);
            }
            Step::Save => {
                let dump = self.server.run(&[b"DUMP", key.as_bytes()]).await;
                self.saved = (self.happened.len(), dump);
            }
            Step::TakeOver => self.take_over().await,
            Step::Poll(node) => return self.poll(node).await,
            Step::Fill(node, tags) => {
                let node = &self.nodes[node];
                if let (Some(stamp), Some(known)) = (node.view.stamp(), node.known) {
                    self.entries.push(Entry { stamp, known, tags });
                }
            }
        }
        Ok(())
    }

    /// What the script does where the time is less than the last id: the next is another one after each takeover.
    async fn purge_late(&mut self, mask: u8) {
        let end = self.store.purges(&self.log, None).await.unwrap().position;
        self.late += 1;
        let id = end.id() + self.late;
        let proof = format!("~~{}:{:032x}", id % 1024, end.epoch().as_u128());
        let (key, id) = (self.key(), id.to_string());
        for member in tags(mask)
            .iter()
            .map(|tag| tag.identifier().to_text())
            .chain([proof])
        {
            let _: u64 = self
                .server
                .run(&[b"ZADD", key.as_bytes(), id.as_bytes(), member.as_bytes()])
                .await;
        }
        self.happened.push(mask);
    }

    async fn take_over(&mut self) {
        let key = self.key();
        let _: u64 = self.server.run(&[b"DEL", key.as_bytes()]).await;
        if let Some(dump) = &self.saved.1 {
            let _: () = self
                .server
                .run(&[b"RESTORE", key.as_bytes(), b"0", dump])
                .await;
        }
        let kept = self.saved.0;
        self.happened.truncate(kept);
        // Looked up in a history that is lost: no clock of a replica can tell what that was. Not checked.
        self.entries.retain(|entry| entry.known <= kept);
        for node in &mut self.nodes {
            node.known = node.known.filter(|known| *known <= kept);
        }
        if self.saved.1.is_none() {
            // There was no log: what begins is another, whatever was saved.
            self.happened.push(u8::MAX);
        }
    }

    async fn poll(&mut self, node: usize) -> Result<(), TestCaseError> {
        let node = &mut self.nodes[node];
        node.view.refresh(&self.store, &self.log).await.unwrap();
        node.known = Some(self.happened.len());
        for entry in &self.entries {
            let purged = self.happened[entry.known..]
                .iter()
                .any(|mask| mask & entry.tags != 0);
            let admitted = node.view.admits(entry.stamp, &tags(entry.tags));
            prop_assert_eq!(admitted, !purged, "admitted: {}", admitted);
        }
        Ok(())
    }
}

#[test]
fn log_admits_what_no_purge_has_met() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let server = Rc::new(runtime.block_on(Server::start()));
    let number = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let steps = proptest::collection::vec(step(), 1..60);
    let outcome = runner.run(&steps, |steps| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let mut world = World {
                store: SharedStore::new(server.store()),
                log: Scope::new(Kind::Purge, &number.get().to_string()),
                happened: Vec::new(),
                saved: (0, None),
                late: 0,
                nodes: Default::default(),
                entries: Vec::new(),
                server: Rc::clone(&server),
            };
            for step in steps {
                world.take(step).await?;
            }
            Ok(())
        })
    });
    outcome.unwrap();
}

#[tokio::test]
async fn too_many_tags_begin_an_epoch() {
    let server = Server::start().await;
    let (store, log) = (
        SharedStore::new(server.store()),
        Scope::new(Kind::Purge, "tags"),
    );
    let start = store.purges(&log, None).await.unwrap().position;
    // 65,536 tags are kept, and a few more where the set has room that its proofs do not take.
    for round in 0..=260 {
        let tags: Vec<_> = (0..256)
            .map(|at| Tag::new(format!("{round}-{at}")))
            .collect();
        let end = store.purge(&log, Purge::Tags(&tags)).await.unwrap();
        assert!(round >= 256 || end.epoch() == start.epoch(), "{round}");
        if end.epoch() != start.epoch() {
            assert_eq!(store.purges(&log, None).await.unwrap().marks, []);
            return;
        }
    }
    panic!("no end of tags");
}

#[tokio::test]
async fn secret_is_no_tag_but_no_mark_either() {
    let server = Server::start().await;
    let (store, log) = (
        SharedStore::new(server.store()),
        Scope::new(Kind::Purge, "tags"),
    );
    let secret = [Tag::new(Identifier::secret("x"))];
    let error = store.purge(&log, Purge::Tags(&secret)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn overwritten_proof_is_answered_with_all_marks() {
    let server = Server::start().await;
    let (store, log) = (
        SharedStore::new(server.store()),
        Scope::new(Kind::Purge, "tags"),
    );
    let purge = async || {
        store
            .purge(&log, Purge::Tags(&[Tag::new("hot")]))
            .await
            .unwrap()
    };
    let first = purge().await;
    let seen = store.purges(&log, Some(first)).await.unwrap();
    assert!(!seen.complete && seen.marks.is_empty());
    let mut end = purge().await;
    while end.id() % 1024 != first.id() % 1024 {
        end = purge().await;
    }
    let seen = store.purges(&log, Some(first)).await.unwrap();
    assert_eq!((seen.complete, seen.position), (true, end));
    assert_eq!(seen.marks, [(Tag::new("hot"), end.id())]);
    // However many purges there were.
    let members: u64 = server
        .run(&[b"ZCARD", log.key("").to_text().as_bytes()])
        .await;
    assert!(members <= 1024 + 1, "{members}");
}

async fn add(server: &Server, key: &str, id: u128, member: &str) {
    let id = id.to_string();
    let _: u64 = server
        .run(&[b"ZADD", key.as_bytes(), id.as_bytes(), member.as_bytes()])
        .await;
}

/// The id was always the last one and one: a purge after the takeover had the id and the proof of the lost one, so that a
/// reader who had seen that was told nothing.
#[tokio::test]
async fn purge_after_a_lost_one_is_news_where_the_clock_is_behind() {
    let server = Server::start().await;
    let store = SharedStore::new(server.store());
    let log = Scope::new(Kind::Purge, "late");
    let key = log.key("").to_text();
    let mut view = PurgeView::new();
    view.refresh(&store, &log).await.unwrap();
    let epoch = view.position().unwrap().epoch().as_u128();
    let last = 4_000_000_000_000_000; // far from now
    add(
        &server,
        &key,
        last,
        &format!("~~{}:{epoch:032x}", last % 1024),
    )
    .await;
    view.refresh(&store, &log).await.unwrap();
    let stamp = view.stamp().unwrap();
    let copy = |from: String, to: String| {
        let server = &server;
        async move {
            let words: [&[u8]; 4] = [b"COPY", from.as_bytes(), to.as_bytes(), b"REPLACE"];
            let _: u64 = server.run(&words).await;
        }
    };
    copy(key.clone(), "replica".into()).await;
    let purge = async |name: &str| {
        let tags = [Tag::new(name)];
        store.purge(&log, Purge::Tags(&tags)).await.unwrap()
    };
    let lost = purge("a").await;
    assert!((last + 1..=last + (1 << 20)).contains(&lost.id()));
    view.refresh(&store, &log).await.unwrap();
    copy("replica".into(), key).await;
    assert_ne!(purge("b").await, lost);
    view.refresh(&store, &log).await.unwrap();
    assert!(!view.admits(stamp, &[Tag::new("b")]));
}

/// The scripts took them, and the reader did not: after the write, it failed.
#[tokio::test]
async fn what_only_looks_like_a_proof_begins_anew() {
    let server = Server::start().await;
    let store = SharedStore::new(server.store());
    let log = Scope::new(Kind::Purge, "forged");
    let key = log.key("").to_text();
    let epoch = "0123456789abcdef".repeat(2);
    let short = epoch[1..].to_owned();
    let tags = [Tag::new("a")];
    for (id, proof) in [
        (2000, format!("~~976:{short}")),
        (2000, format!("~~976:{}", epoch.to_uppercase())),
        (2000, format!("~~975:{epoch}")),
        (2000, format!("~~0976:{epoch}")),
        (2000, format!("~~:{epoch}")),
        (0, format!("~~0:{epoch}")),
        (1 << 60, format!("~~0:{epoch}")),
    ] {
        let mut ends: Vec<Position> = Vec::new();
        for purges in [true, false] {
            let _: u64 = server.run(&[b"DEL", key.as_bytes()]).await;
            add(&server, &key, id, &proof).await;
            ends.push(if purges {
                store.purge(&log, Purge::Tags(&tags)).await.unwrap()
            } else {
                let read = store.purges(&log, None).await.unwrap();
                assert!(read.marks.is_empty() && read.complete);
                read.position
            });
        }
        let forged = u128::from_str_radix(&epoch, 16).unwrap();
        assert_ne!(ends[0].epoch().as_u128(), forged, "{proof}");
        // That of 2^60 is one, but no id can follow it.
        let proves = id == 1 << 60;
        assert_eq!(ends[1].epoch().as_u128() == forged, proves, "{proof}");
    }
}
