//! Processes that count in one session at the same time: nothing is lost, and nobody waits for ever.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use local_upstash::{LocalUpstash, RedisServer};
use tokio::task::JoinSet;
use tower_upstash::{
    session::{Event, SessionLayer},
    store::{RedisStore, SharedStore, Store as _},
};

use super::site::{PATIENCE, add, ask, http, number};
use crate::support::process::{Process, say, store};

const PROCESSES: usize = 2;
const TASKS: usize = 8;
const COMMITS: usize = 100;
/// The limit of a read, that of a commit, and what a busy machine takes.
const LONGEST: Duration = Duration::from_secs(2 + 2 + 2);

/// What became of the commits of a process.
#[derive(Default)]
struct Outcome {
    acknowledged: u64,
    conflicts: u64,
    /// It is not known whether they were done.
    failed: u64,
    longest: Duration,
}

impl Outcome {
    async fn count(&mut self, layer: &SessionLayer, token: &str) {
        let begun = Instant::now();
        let reply = ask(layer, Some(token), async |session| add(&session, "n")).await;
        self.longest = self.longest.max(begun.elapsed());
        match reply.status {
            StatusCode::OK => self.acknowledged += 1,
            StatusCode::CONFLICT => self.conflicts += 1,
            StatusCode::SERVICE_UNAVAILABLE => self.failed += 1,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
#[ignore = "what a process does that the tests below start"]
async fn one_of_the_processes() {
    let Some(store) = store() else {
        return;
    };
    let attempts = Arc::new(AtomicUsize::new(0));
    let again = Arc::clone(&attempts);
    let layer = SessionLayer::new(store.clone()).on_event(move |event| {
        if matches!(event, Event::Conflict { .. }) {
            again.fetch_add(1, Ordering::Relaxed);
        }
    });
    store.ping().await.unwrap();
    say("ready");
    let mut token = String::new();
    io::stdin().read_line(&mut token).unwrap();
    let token: Arc<str> = token.trim().into();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (layer, token) = (layer.clone(), Arc::clone(&token));
        tasks.spawn(async move {
            let mut outcome = Outcome::default();
            for _ in 0..COMMITS {
                outcome.count(&layer, &token).await;
            }
            outcome
        });
    }
    let outcomes = tasks.join_all().await;
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let longest = outcomes
        .iter()
        .map(|outcome| outcome.longest)
        .max()
        .unwrap();
    say(&format!(
        "counted {} {} {} {} {}",
        sum(|outcome| outcome.acknowledged),
        sum(|outcome| outcome.conflicts),
        sum(|outcome| outcome.failed),
        longest.as_millis(),
        attempts.load(Ordering::Relaxed),
    ));
}

async fn add_up(place: &str, store: impl Into<SharedStore>) {
    let layer = SessionLayer::new(store);
    let token = ask(&layer, None, async |session| session.set("n", &0))
        .await
        .token();
    let start = |_| Process::start(module_path!(), place);
    let mut processes: Vec<_> = (0..PROCESSES).map(start).collect();
    for process in &mut processes {
        process.says("ready").await;
    }
    for process in &mut processes {
        process.tell(&token).await;
    }
    let [mut acknowledged, mut refused, mut unknown] = [0; 3];
    for process in &mut processes {
        let said = process.says("counted ").await;
        let numbers = said.split(' ').map(|number| number.parse().unwrap());
        let numbers: Vec<u64> = numbers.collect();
        let [own, conflicts, failed, longest, attempts] = numbers[..] else {
            panic!("{said}");
        };
        eprintln!(
            "{own} done, {conflicts} conflicts, {failed} late, {attempts} more attempts, {longest} ms at most"
        );
        assert!(Duration::from_millis(longest) < LONGEST, "{longest} ms");
        acknowledged += own;
        refused += conflicts;
        unknown += failed;
    }
    let all = (PROCESSES * TASKS * COMMITS) as u64;
    assert_eq!(acknowledged + refused + unknown, all);
    // A machine that is busy enough makes somebody late: of those it is not known whether they were counted.
    assert!(
        refused + unknown <= all / 100,
        "{refused} conflicts, {unknown} late"
    );
    let counted: u64 = number(&layer, &token, "n").await.parse().unwrap();
    let possible = acknowledged..=acknowledged + unknown;
    assert!(possible.contains(&counted), "{counted} of {possible:?}");
    for process in processes {
        process.ends().await;
    }
}

#[tokio::test]
async fn processes_over_tcp_add_up() {
    let redis = RedisServer::start().await.unwrap();
    let store = RedisStore::builder(&redis.url()).time_limit(PATIENCE);
    add_up(&redis.url(), store.build().unwrap()).await;
}

#[tokio::test]
async fn processes_over_http_add_up() {
    let redis = RedisServer::start().await.unwrap();
    // The bill of so many is of no interest.
    let server = LocalUpstash::builder()
        .redis(&redis)
        .without_script_billing();
    let server = server.start().await.unwrap();
    let place = format!("{} {}", server.url(), server.token());
    add_up(&place, http(&server).build().unwrap()).await;
}

#[tokio::test]
async fn processes_over_http_without_conditional_writes_add_up() {
    let redis = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder()
        .redis(&redis)
        .without_script_billing();
    let server = server.without_conditional_writes().start().await.unwrap();
    let place = format!("{} {}", server.url(), server.token());
    add_up(&place, http(&server).build().unwrap()).await;
}
