//! The purge log against a model of it: nothing stale is admitted, nothing good refused, whatever happens to the log.

use std::{cell::Cell, rc::Rc};

use proptest::{prelude::*, test_runner::TestRunner};
use tower_upstash::store::{
    ErrorKind, Identifier, Kind, Purge, PurgeView, Scope, SharedStore, Stamp, Store, Tag,
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

    /// What the script does where the time is less than the last id.
    async fn purge_late(&mut self, mask: u8) {
        let end = self.store.purges(&self.log, None).await.unwrap().position;
        let id = end.id() + 1;
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
