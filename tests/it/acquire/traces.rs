//! Random traces, on Redis and on the model, with one clock for both.

use std::time::Duration;

use tower_upstash::{
    quota::{Algorithm, Quota},
    store::{
        Claim, Decision, Decisions, Kind, MemoryStore, Scope, Spend, Store, UpstashStore, Window,
    },
    time::{Clock, ManualClock, Timestamp},
};

use super::{
    by_client,
    model::Model,
    random::{ALGORITHMS, Random},
};
use local_upstash::{LocalUpstash, RedisServer};

const T0: u64 = 1_700_000_000_000_000;
const STEPS: u64 = 40;

/// What may happen in a trace.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Turmoil {
    /// As any, with quotas at the ends of what can be one.
    Extremes,
    /// Clocks go back, plans change to any other.
    Any,
    /// Time goes on, plans keep their algorithm.
    Plans,
    /// Time goes on by whole milliseconds, plans stay.
    None,
}

pub(super) struct Trace<'a> {
    pub(super) seed: u64,
    pub(super) algorithms: &'a [Algorithm],
    pub(super) turmoil: Turmoil,
    /// The names of its limits: keys of each are claimed.
    pub(super) names: &'a [&'a str],
}

impl Trace<'_> {
    fn quota(&self, random: &mut Random) -> Quota {
        loop {
            if self.turmoil == Turmoil::Extremes {
                return random.extreme_quota(self.algorithms);
            }
            let quota = random.quota(self.algorithms);
            let whole_millis = quota.window().as_micros().is_multiple_of(1000);
            // Their counts do not end at 2^32, as ours do.
            let small = quota.limit() <= 3_000_000;
            if self.turmoil != Turmoil::None || whole_millis && small {
                return quota;
            }
        }
    }

    fn changes(&self) -> bool {
        matches!(self.turmoil, Turmoil::Any | Turmoil::Extremes)
    }

    /// Asks the store and what is to agree with it. Returns how many answers were compared.
    pub(super) async fn run(
        &self,
        store: &impl Store,
        clock: &ManualClock,
        mut agrees: impl AsyncFnMut(&[Claim], Timestamp) -> Decisions,
    ) -> u64 {
        let mut random = Random(self.seed);
        clock.set(Timestamp::from_micros(T0 + self.seed % 1000 * 777_000));
        let keys: Vec<_> = (self.names.iter())
            .map(|name| Scope::new(Kind::Limit, name).key(format!("{}", self.seed)))
            .collect();
        let mut quotas: Vec<_> = (keys.iter()).map(|_| self.quota(&mut random)).collect();
        let mut charges: Vec<Vec<(u32, Window)>> = vec![Vec::new(); keys.len()];
        for step in 0..STEPS {
            let at = random.below(keys.len() as u64) as usize;
            let mut gap = random.gap(&quotas[at]);
            if self.changes() && random.one_in(8) {
                gap = -gap / 2;
            } else {
                gap = gap.max(0);
            }
            if self.turmoil == Turmoil::None {
                gap -= gap % 1000;
            }
            let now = clock.now().as_micros().saturating_add_signed(gap);
            clock.set(Timestamp::from_micros(now));
            if self.turmoil != Turmoil::None && random.one_in(8) {
                let same = [quotas[at].algorithm()];
                quotas[at] = if self.changes() {
                    self.quota(&mut random)
                } else {
                    random.quota(&same)
                };
            }
            let count = if random.one_in(3) {
                1 + random.below(5)
            } else {
                1
            };
            let asked: Vec<_> = (0..count)
                .map(|_| random.below(keys.len() as u64) as usize)
                .collect();
            let claims: Vec<_> = (asked.iter())
                .map(|&at| {
                    let spend = match random.spend(&quotas[at], &charges[at]) {
                        // A shared limit cannot be banned.
                        Spend::Ban(_) if self.turmoil == Turmoil::None => Spend::Reset,
                        spend => spend,
                    };
                    Claim::new(keys[at].clone(), quotas[at]).spend(spend)
                })
                .collect();
            let decisions = store.acquire(&claims).await.unwrap();
            let expected = agrees(&claims, clock.now()).await;
            let waits = expected.iter().filter_map(Decision::retry_after);
            let longest = expected
                .iter()
                .map(Decision::reset_after)
                .chain(waits)
                .max();
            if longest > Some(Duration::from_micros((1 << 53) - now)) {
                return step; // a debt until after 2255, which doubles cut
            }
            assert_eq!(
                decisions, expected,
                "seed {}, step {step}, at {now}: {claims:?}",
                self.seed
            );
            if !decisions.allowed() {
                continue;
            }
            for ((at, claim), decision) in asked.iter().zip(&claims).zip(decisions.iter()) {
                if let Spend::Take(cost) | Spend::Charge(cost) = claim.spending() {
                    charges[*at].push((cost, decision.window()));
                }
            }
        }
        STEPS
    }
}

/// Other ones in every run; a failure names its own.
fn seeds(tests: u64) -> impl Iterator<Item = u64> {
    let first = 1000 * u64::from(std::process::id());
    first..first + tests
}

#[tokio::test]
async fn decisions_are_those_of_a_step() {
    let server = RedisServer::start().await.unwrap();
    let clock = ManualClock::default();
    let store = by_client(&server.url(), clock.clone(), &[]);
    let mut compared = 0;
    for seed in seeds(300) {
        let one = [ALGORITHMS[seed as usize % 6]];
        let algorithms = if seed % 3 == 0 { &ALGORITHMS[..] } else { &one };
        let mut model = Model::default();
        compared += Trace {
            seed,
            algorithms,
            turmoil: Turmoil::Any,
            names: &["a", "b", "c"],
        }
        .run(&store, &clock, async |claims, now| {
            model.acquire(claims, now)
        })
        .await;
    }
    assert!(compared > 300 * STEPS * 3 / 4, "{compared} steps");
}

#[tokio::test]
async fn decisions_on_extreme_quotas_are_those_of_a_step() {
    let server = RedisServer::start().await.unwrap();
    let clock = ManualClock::default();
    let store = by_client(&server.url(), clock.clone(), &[]);
    let mut compared = 0;
    for seed in seeds(300) {
        let one = [ALGORITHMS[seed as usize % 6]];
        let algorithms = if seed % 3 == 0 { &ALGORITHMS[..] } else { &one };
        let mut model = Model::default();
        compared += Trace {
            seed,
            algorithms,
            turmoil: Turmoil::Extremes,
            names: &["a", "b"],
        }
        .run(&store, &clock, async |claims, now| {
            model.acquire(claims, now)
        })
        .await;
    }
    assert!(compared > 300 * STEPS / 4, "{compared} steps");
}

#[tokio::test]
async fn decisions_are_those_of_the_memory_store() {
    let server = RedisServer::start().await.unwrap();
    let clock = ManualClock::default();
    let store = by_client(&server.url(), clock.clone(), &[]);
    let mut compared = 0;
    for seed in seeds(100) {
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        compared += Trace {
            seed,
            algorithms: &ALGORITHMS,
            turmoil: Turmoil::Plans,
            names: &["a", "b", "c", "d"],
        }
        .run(&store, &clock, async |claims, _| {
            memory.acquire(claims).await.unwrap()
        })
        .await;
    }
    assert!(compared > 100 * STEPS * 3 / 4, "{compared} steps");
}

#[tokio::test]
async fn decisions_over_https_are_those_of_the_memory_store() {
    let redis = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder()
        .redis(&redis)
        .without_script_billing();
    let server = server.start().await.unwrap();
    let clock = ManualClock::default();
    let store = UpstashStore::builder(&server.url(), server.token())
        .time_limit(Duration::from_secs(20)) // for a busy machine
        .clock(clock.clone())
        .client_clock()
        .build()
        .unwrap();
    let mut compared = 0;
    for seed in seeds(30) {
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        compared += Trace {
            seed,
            algorithms: &ALGORITHMS,
            turmoil: Turmoil::Plans,
            names: &["a", "b", "c"],
        }
        .run(&store, &clock, async |claims, _| {
            memory.acquire(claims).await.unwrap()
        })
        .await;
    }
    assert!(compared > 30 * STEPS * 3 / 4, "{compared} steps");
}

#[tokio::test]
async fn shared_windows_decide_as_our_own() {
    let server = RedisServer::start().await.unwrap();
    let clock = ManualClock::default();
    let shared = [("x", "@upstash/ratelimit:x"), ("y", "y")];
    let store = by_client(&server.url(), clock.clone(), &shared);
    let mut compared = 0;
    for seed in seeds(100) {
        let mut model = Model::default();
        compared += Trace {
            seed,
            algorithms: &[[Algorithm::AlignedWindow, Algorithm::SlidingWindow][seed as usize % 2]],
            turmoil: Turmoil::None,
            names: &["x", "y", "a"],
        }
        .run(&store, &clock, async |claims, now| {
            model.acquire(claims, now)
        })
        .await;
    }
    assert!(compared > 60 * STEPS * 3 / 4, "{compared} steps");
}
