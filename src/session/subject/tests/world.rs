//! Sessions made by hand.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{super::index, schedule::Hooked};
use crate::{
    session::{
        Lifetime, SessionId,
        config::Config,
        data::Data,
        lifetime::Times,
        record::{Record, Seal},
    },
    store::{Condition, Identifier, Key, MemoryStore, SharedStore, Store, Write, Written},
    time::{Clock, ManualClock, Timer, Timestamp},
};

pub(crate) const IDLE: Duration = Duration::from_secs(30 * 60);
pub(crate) const START: u64 = 1_700_000_000;

/// A store, and a layer over it. The entries live longer than the sessions.
pub(crate) struct World {
    pub(crate) memory: MemoryStore,
    pub(crate) clock: ManualClock,
    pub(crate) config: Arc<Config>,
    pub(crate) events: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(SharedStore::new, None)
    }

    pub(crate) fn hooked(hook: impl FnOnce(MemoryStore) -> Hooked) -> Self {
        Self::with(|memory| SharedStore::new(hook(memory)), None)
    }

    pub(crate) fn with(
        store: impl FnOnce(MemoryStore) -> SharedStore,
        timer: Option<fn(ManualClock) -> Timer>,
    ) -> Self {
        let clock = ManualClock::at(seconds(START));
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        let events: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&events);
        let config = Config {
            lifetime: Lifetime::new(IDLE, 24 * IDLE),
            timer: timer.map(|timer| timer(clock.clone())),
            clock: Arc::new(clock.clone()),
            on_event: Some(Arc::new(move |event| {
                told.lock().unwrap().push(format!("{event:?}"));
            })),
            ..Config::new(store(memory.clone()))
        };
        Self {
            memory,
            clock,
            config: Arc::new(config),
            events,
        }
    }

    /// Returns a record, authenticated and touched so many seconds after the start.
    pub(crate) fn record(name: u8, subject: &str, at: u64) -> Record {
        Record {
            writes: 0,
            id: SessionId::from_bytes([name; 16]),
            times: Times {
                created: seconds(START),
                authenticated: Some(seconds(START + at)),
                touched: seconds(START + at),
            },
            lifetime: None,
            indexed: None,
            subject: Some(subject.into()),
            data: Data::default(),
        }
    }

    /// Stores a session of Alice, of that name and under that token.
    pub(crate) fn session(&self, name: u8, at: u64) -> Identifier {
        self.put(u16::from(name), "alice", &Self::record(name, "alice", at))
    }

    /// Stores a record as a member of the index of a subject.
    pub(crate) fn put(&self, token: u16, index_of: &str, record: &Record) -> Identifier {
        self.put_bytes(token, index_of, encode(record))
    }

    pub(crate) fn put_bytes(&self, token: u16, index_of: &str, bytes: Vec<u8>) -> Identifier {
        let put =
            Write::put(self.key(token), bytes, 48 * IDLE).member_of(index(&self.config, index_of));
        assert!(now(self.memory.write(&put.into())).unwrap().is_done());
        id(token)
    }

    pub(crate) fn key(&self, token: u16) -> Key {
        self.config.key(&id(token))
    }

    pub(crate) fn is_stored(&self, token: u16) -> bool {
        let store = SharedStore::new(self.memory.clone());
        now(store.get(&self.key(token))).unwrap().is_some()
    }

    /// Returns the tokens that are stored, of all that tests use.
    pub(crate) fn stored(&self) -> Vec<u16> {
        (0..256).filter(|token| self.is_stored(*token)).collect()
    }

    pub(crate) fn told(&self, what: &str) -> usize {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| event.contains(what)).count()
    }
}

/// Gives a session of Alice one token after the other, until it is gone. It has read the session before.
pub(crate) fn rotate(world: &World, tokens: Vec<u16>) -> impl Future<Output = ()> + use<> {
    let config = Arc::clone(&world.config);
    let known = SharedStore::new(world.memory.clone());
    let entry = now(known.get(&world.key(tokens[0]))).unwrap().unwrap();
    let index = index(&config, "alice");
    async move {
        for pair in tokens.windows(2) {
            let (old, new) = (config.key(&id(pair[0])), config.key(&id(pair[1])));
            // The same bytes have the same version.
            let put = Write::put(new, entry.value().clone(), IDLE)
                .when(Condition::Absent)
                .member_of(index.clone());
            let delete = Write::delete(old)
                .when(Condition::Unchanged(entry.version()))
                .member_of(index.clone());
            let written = config.store.write(&[put, delete].into()).await.unwrap();
            if let Written::Refused { .. } = written {
                return;
            }
        }
    }
}

pub(crate) fn encode(record: &Record) -> Vec<u8> {
    let seal = Seal {
        keyring: None,
        place: "",
    };
    record.encode(seal).unwrap().to_vec()
}

pub(crate) fn id(token: u16) -> Identifier {
    let mut digest = [7; 32];
    digest[..2].copy_from_slice(&token.to_be_bytes());
    Identifier::digest(digest)
}

pub(crate) fn seconds(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// Returns what a future has at once.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn the_clock_of_a_world_is_that_of_its_layer() {
    let world = World::new();
    world.clock.advance(IDLE);
    assert_eq!(world.config.now(), world.clock.now());
}
