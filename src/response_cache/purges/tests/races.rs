//! Random interleavings of purges, polls and their answers, in two processes over one log.
//!
//! Each call takes effect some time after it began, and returns some time after that, or is dropped. Whatever a process
//! has been told, by an answer to a poll or by a purge of its own that has returned, holds from then on.

use std::{
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll as Ready, Waker},
};

use proptest::prelude::*;

use super::*;

const TAGS: [&str; 3] = ["a", "b", "c"];

/// When what happens takes effect.
#[derive(Default)]
struct Times {
    now: AtomicU64,
    effect: Mutex<Option<u64>>,
}

/// A store that takes its time, before and after.
struct Slow(MemoryStore, Arc<Times>);

impl Slow {
    async fn takes_effect<T>(&self, effect: impl Future<Output = T>) -> T {
        tokio::task::yield_now().await;
        *self.1.effect.lock().expect("no panic") = Some(self.1.now.load(Ordering::SeqCst));
        let answer = effect.await;
        tokio::task::yield_now().await;
        answer
    }
}

impl Store for Slow {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.0.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.0.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.0.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.0.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.0.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.takes_effect(self.0.purge(log, what)).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.takes_effect(self.0.purges(log, since)).await
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Poll(usize),
    /// With the tags of a mask; none: everything.
    Purge(usize, u8),
    Fill(usize, u8),
    GoOn(usize),
    Drop(usize),
}

struct Call {
    process: usize,
    purges: Option<u8>,
    future: Pin<Box<dyn Future<Output = Result<()>>>>,
    begun: u64,
    effect: Option<u64>,
}

struct Purged {
    process: usize,
    mask: u8,
    at: u64,
    has_returned: bool,
}

struct World {
    times: Arc<Times>,
    processes: [(SharedStore, Arc<Purging>); 2],
    // Up to when each has been told everything.
    told: [u64; 2],
    calls: Vec<Call>,
    purged: Vec<Purged>,
    entries: Vec<(Stamp, u8, u64)>,
}

impl World {
    fn new() -> Self {
        let (memory, times) = (MemoryStore::new(), Arc::<Times>::default());
        let processes = [0, 1].map(|_| {
            let store = SharedStore::new(Slow(memory.clone(), Arc::clone(&times)));
            let purging = purging(&store);
            (store, purging)
        });
        Self {
            times,
            processes,
            told: [0; 2],
            calls: Vec::new(),
            purged: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        let now = self.times.now.fetch_add(1, Ordering::SeqCst) + 1;
        match step {
            Step::Poll(process) => self.begin(process, None),
            Step::Purge(process, mask) => self.begin(process, Some(mask)),
            Step::Fill(process, mask) => {
                let stamp = self.processes[process].1.stamp();
                self.entries.extend(stamp.map(|stamp| (stamp, mask, now)));
            }
            Step::GoOn(at) if !self.calls.is_empty() => self.go_on(at % self.calls.len()),
            Step::Drop(at) if !self.calls.is_empty() => {
                drop(self.calls.swap_remove(at % self.calls.len()));
            }
            Step::GoOn(_) | Step::Drop(_) => {}
        }
        self.check();
    }

    fn begin(&mut self, process: usize, purges: Option<u8>) {
        let (store, purging) = self.processes[process].clone();
        let future = async move {
            match purges.map(tags).as_deref() {
                None => {
                    let poll = purging.due(NOW, Duration::ZERO).expect("always");
                    purging.poll(&store, &poll).await
                }
                Some([]) => purging.purge(&store, Purge::Everything).await,
                Some(tags) => purging.purge(&store, Purge::Tags(tags)).await,
            }
        };
        self.calls.push(Call {
            process,
            purges,
            future: Box::pin(future),
            begun: self.times.now.load(Ordering::SeqCst),
            effect: None,
        });
        self.go_on(self.calls.len() - 1);
    }

    fn go_on(&mut self, at: usize) {
        let call = &mut self.calls[at];
        let polled = call
            .future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        let process = call.process;
        if let Some(effect) = self.times.effect.lock().expect("no panic").take() {
            call.effect = Some(effect);
            self.purged.extend(call.purges.map(|mask| Purged {
                process,
                mask,
                at: effect,
                has_returned: false,
            }));
        }
        let Ready::Ready(result) = polled else {
            return;
        };
        result.expect("in memory");
        let call = self.calls.swap_remove(at);
        let effect = call.effect.expect("it has returned");
        if call.purges.is_none() {
            // An answer that comes too late to be believed tells nothing, and nothing is known then. What is known next was
            // asked for later than it.
            let is_known = self.processes[process].1.stamp().is_some();
            let told = if is_known { effect } else { call.begun };
            self.told[process] = self.told[process].max(told);
        }
        let mut purged = self.purged.iter_mut();
        if let Some(purged) = purged.find(|each| each.at == effect) {
            purged.has_returned = true;
        }
    }

    fn check(&self) {
        for (process, (_, purging)) in self.processes.iter().enumerate() {
            let is_told = |purged: &&Purged| {
                purged.at < self.told[process] || purged.has_returned && purged.process == process
            };
            for (stamp, mask, filled) in &self.entries {
                let names = |purged: &Purged| purged.mask == 0 || purged.mask & mask != 0;
                let mut told = self.purged.iter().filter(is_told);
                let is_stale = told.any(|purged| purged.at > *filled && names(purged));
                let admitted = purging.admits(Some(*stamp), &tags(*mask));
                assert!(
                    !(is_stale && admitted),
                    "{process} admits what it knows to be purged"
                );
            }
        }
    }

    /// When all is quiet, a poll is enough for everybody to agree.
    fn settle(&mut self) {
        while !self.calls.is_empty() {
            self.step(Step::GoOn(0));
        }
        for process in [0, 1] {
            self.step(Step::Poll(process));
            while !self.calls.is_empty() {
                self.step(Step::GoOn(0));
            }
        }
        let (_, one) = &self.processes[0];
        let (stamp, all) = (one.stamp(), tags(7));
        assert!(stamp.is_some());
        assert!(
            self.processes
                .iter()
                .all(|(_, purging)| purging.admits(stamp, &all))
        );
    }
}

fn tags(mask: u8) -> Vec<Tag> {
    let named = (0..).zip(TAGS).filter(|(bit, _)| mask >> bit & 1 == 1);
    named.map(|(_, name)| tag(name)).collect()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize).prop_map(Step::Poll),
        2 => (0..2_usize, 1..8_u8).prop_map(|(process, mask)| Step::Purge(process, mask)),
        1 => (0..2_usize).prop_map(|process| Step::Purge(process, 0)),
        4 => (0..2_usize, 0..8_u8).prop_map(|(process, mask)| Step::Fill(process, mask)),
        12 => any::<usize>().prop_map(Step::GoOn),
        1 => any::<usize>().prop_map(Step::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_admits_what_it_was_told_to_be_purged(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
    }
}
