//! Random traces of every method but `acquire`, which has its own: what a remote store answers is what the memory store
//! answers, with one clock for both.

use std::{collections::HashMap, time::Duration};

use local_upstash::{LocalUpstash, RedisServer};
use tower_upstash::{
    store::{
        Condition, Cursor, Error, ErrorKind, Identifier, Key, Kind, MemoryStore, Purge, PurgeView,
        RedisStore, Refusal, Result, Scope, SharedStore, Stamp, Store, Tag, UpstashStore, Version,
        Write, Written,
    },
    time::ManualClock,
};

use crate::acquire::random::Random;

const PATIENCE: Duration = Duration::from_secs(20);
const VALUES: [&[u8]; 10] = [
    b"",
    b"\x01",
    b"\x02",
    b"\x01_w",
    b"\x02\xff",
    b"5",
    b"-1",
    b" 5",
    b"\xff\xfe",
    b"\x00",
];
const TAGS: [&str; 3] = ["a", "~", "b:c"];

/// One trace: the same calls to both stores.
struct Trace<'a> {
    random: Random,
    remote: &'a SharedStore,
    memory: SharedStore,
    clock: ManualClock,
    redis: &'a RedisServer,
    scopes: [Scope; 2],
    counters: Scope,
    indexes: Scope,
    log: Scope,
    // By the text of a key: the versions that both stores gave to one value.
    versions: HashMap<String, (Version, Version)>,
    views: (PurgeView, PurgeView),
    stamps: Vec<(Stamp, Stamp)>,
}

impl<'a> Trace<'a> {
    fn new(seed: u64, remote: &'a SharedStore, redis: &'a RedisServer) -> Self {
        let clock = ManualClock::default();
        let scope = |kind, name| Scope::new(kind, name).within(&seed.to_string());
        Self {
            random: Random(seed),
            remote,
            memory: MemoryStore::builder().clock(clock.clone()).build().into(),
            clock,
            redis,
            scopes: [scope(Kind::Session, "s"), scope(Kind::Data, "t")],
            counters: scope(Kind::Counter, "n"),
            indexes: scope(Kind::Index, "i"),
            log: scope(Kind::Purge, "p"),
            versions: HashMap::new(),
            views: Default::default(),
            stamps: Vec::new(),
        }
    }

    async fn step(&mut self) {
        match self.random.below(12) {
            0 => self.advance(),
            1 | 2 => self.increment().await,
            3 => self.purge().await,
            4 => self.poll().await,
            _ => self.write().await,
        }
        self.compare().await;
    }

    /// By tens of seconds: every life ends between two such steps.
    fn advance(&mut self) {
        let by = Duration::from_secs(10 * (1 + self.random.below(4)));
        self.clock.advance(by);
        self.redis.advance(by);
    }

    fn ttl(&mut self) -> Duration {
        Duration::from_secs(5 + 10 * self.random.below(8))
    }

    fn identifiers() -> [Identifier; 6] {
        [
            Identifier::new(""),
            Identifier::new("a:b\0"),
            Identifier::new([255; 255]),
            Identifier::new([b'x'; 256]),
            Identifier::hashed("a"),
            Identifier::from(std::net::IpAddr::from([192, 0, 2, 7])),
        ]
    }

    fn key(&mut self) -> Key {
        let at = self.random.below(2) as usize;
        let id = self.random.below(6) as usize;
        self.scopes[at].key(Self::identifiers()[id].clone())
    }

    /// The same write for each store, but for its versions.
    fn change(&mut self) -> (Write, Write) {
        let key = self.key();
        let write = if self.random.one_in(3) {
            Write::delete(key.clone())
        } else {
            let value = self.random.pick(&VALUES);
            Write::put(key.clone(), value.to_vec(), self.ttl())
        };
        let index = self.indexes.key(["i", "j"][self.random.below(2) as usize]);
        let write = match self.random.below(4) {
            0 => write.member_of(index),
            1 => write.member_of_at_most(index, self.random.below(5) as u32),
            _ => write,
        };
        let write = if self.random.one_in(3) {
            write.membership_ttl(self.ttl())
        } else {
            write
        };
        let known = self.versions.get(&key.to_text()).cloned();
        let condition = match (self.random.below(6), known) {
            (0, _) => (Condition::Absent, Condition::Absent),
            (1, _) => (Condition::Present, Condition::Present),
            (2 | 3, Some((remote, memory))) => {
                (Condition::Unchanged(remote), Condition::Unchanged(memory))
            }
            _ => return (write.clone(), write),
        };
        (write.clone().when(condition.0), write.when(condition.1))
    }

    async fn write(&mut self) {
        let count = 1 + self.random.below(3) * self.random.below(2);
        let (remote, memory): (Vec<_>, Vec<_>) = (0..count).map(|_| self.change()).unzip();
        let texts: Vec<_> = remote.iter().map(|write| write.key().to_text()).collect();
        let shown = format!("{remote:?}");
        let remote = self.remote.write(&remote.into_iter().collect()).await;
        let memory = self.memory.write(&memory.into_iter().collect()).await;
        assert_eq!(outcome(&remote), outcome(&memory), "{shown}");
        for (at, text) in texts.into_iter().enumerate() {
            let version = |written: &Result<Written>| written.as_ref().ok()?.version(at).cloned();
            if let (Some(remote), Some(memory)) = (version(&remote), version(&memory)) {
                self.versions.insert(text, (remote, memory));
            }
        }
    }

    async fn increment(&mut self) {
        let exact = 1 << 53;
        let by = self
            .random
            .pick(&[0, 1, -1, 5, exact, -exact - 1, i64::MAX, i64::MIN]);
        let (key, ttl) = (self.counters.key("x"), self.ttl());
        let remote = self.remote.increment(&key, by, ttl).await;
        let memory = self.memory.increment(&key, by, ttl).await;
        assert_eq!(
            remote.map_err(|error| kind(&error)),
            memory.map_err(|error| kind(&error)),
            "{by}"
        );
        if self.random.one_in(4) {
            // What is put can be counted on, if it is a number.
            let value = self
                .random
                .pick(&["7", "-0", "05", " 5", "1e3", "9007199254740993"]);
            self.remote.put(&key, value, ttl).await.unwrap();
            self.memory.put(&key, value, ttl).await.unwrap();
        }
    }

    async fn purge(&mut self) {
        let tags: Vec<_> = TAGS.iter().map(|tag| Tag::new(*tag)).collect();
        let what = match self.random.below(8) {
            0 => Purge::Everything,
            at => Purge::Tags(&tags[..at as usize % 4]),
        };
        self.remote.purge(&self.log, what).await.unwrap();
        self.memory.purge(&self.log, what).await.unwrap();
    }

    async fn poll(&mut self) {
        let (remote, memory) = &mut self.views;
        remote.refresh(self.remote, &self.log).await.unwrap();
        memory.refresh(&self.memory, &self.log).await.unwrap();
        self.stamps.extend(remote.stamp().zip(memory.stamp()));
        for (at, (known, expected)) in self.stamps.iter().enumerate() {
            for tag in TAGS.map(Tag::new) {
                assert_eq!(
                    remote.admits(*known, [&tag]),
                    memory.admits(*expected, [&tag]),
                    "stamp {at}"
                );
            }
        }
    }

    async fn compare(&self) {
        let keys = self
            .scopes
            .iter()
            .flat_map(|scope| Self::identifiers().map(|identifier| scope.key(identifier)));
        let keys: Vec<_> = keys.chain([self.counters.key("x")]).collect();
        let [remote, memory] = [
            self.remote.read(&keys).await.unwrap(),
            self.memory.read(&keys).await.unwrap(),
        ]
        .map(|entries| {
            entries
                .into_iter()
                .map(|entry| entry.map(tower_upstash::store::Entry::into_value))
                .collect::<Vec<_>>()
        });
        assert_eq!(remote, memory);
        for index in ["i", "j"].map(|index| self.indexes.key(index)) {
            let listed = self.remote.members(&index, Cursor::START).await.unwrap();
            let expected = self.memory.members(&index, Cursor::START).await.unwrap();
            // A listing may name what has ended.
            let missing = expected
                .identifiers
                .iter()
                .find(|member| !listed.identifiers.contains(member));
            assert_eq!(missing, None);
        }
    }
}

fn kind(error: &Error) -> ErrorKind {
    error.kind()
}

/// What became of a write, without versions, which are each store's own.
fn outcome(written: &Result<Written>) -> String {
    match written {
        Ok(Written::Done(versions)) => {
            let puts: Vec<_> = versions.iter().map(Option::is_some).collect();
            format!("done {puts:?}")
        }
        Ok(Written::Refused { at, why }) => match why {
            Refusal::Conflict(entry) => format!("{at}: conflict with {:?}", entry.value()),
            why => format!("{at}: {why:?}"),
        },
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// Other seeds in every run; a failure names its own.
async fn traces(remote: impl Into<SharedStore>, redis: &RedisServer, count: u64) {
    let remote = remote.into();
    let first = 1000 * u64::from(std::process::id());
    for seed in first..first + count {
        let _named = NamesSeed(seed);
        let mut trace = Trace::new(seed, &remote, redis);
        for _ in 0..30 {
            trace.step().await;
        }
    }
}

struct NamesSeed(u64);

impl Drop for NamesSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

#[tokio::test]
async fn redis_answers_as_memory_does() {
    let redis = RedisServer::with_clock().await.unwrap();
    let store = RedisStore::builder(&redis.url()).time_limit(PATIENCE);
    traces(store.build().unwrap(), &redis, 60).await;
}

#[tokio::test]
async fn upstash_answers_as_memory_does() {
    for native in [true, false] {
        let redis = RedisServer::with_clock().await.unwrap();
        let server = LocalUpstash::builder()
            .redis(&redis)
            .without_script_billing();
        let server = if native {
            server
        } else {
            server.without_conditional_writes().without_key_locking()
        };
        let server = server.start().await.unwrap();
        let store = UpstashStore::builder(&server.url(), server.token()).time_limit(PATIENCE);
        traces(store.build().unwrap(), &redis, 25).await;
    }
}
