//! Processes that ask at the same time for more than there is: together they get exactly the limit.

use std::{io, time::Duration};

use local_upstash::{LocalUpstash, RedisServer};
use tokio::task::JoinSet;
use tower_upstash::{
    quota::{Algorithm, Quota},
    store::{Claim, Kind, Scope, Store as _},
};

use crate::support::process::{Process, say, store};

// More than one process asks for.
const LIMIT: u32 = 12_000;
const PROCESSES: usize = 2;
const TASKS: usize = 8;
const ACQUIRES: usize = 1_000;

/// No unit comes back within a quarter of an hour.
fn quotas() -> [Quota; 2] {
    let decade = Duration::from_secs(3650 * 24 * 60 * 60);
    let gcra = Quota::new(Algorithm::Gcra, LIMIT, decade).unwrap();
    [gcra, Quota::strict(LIMIT, decade)]
}

#[tokio::test]
#[ignore = "what a process does that the tests below start"]
async fn one_of_the_processes() {
    let Some(store) = store() else {
        return;
    };
    store.ping().await.unwrap();
    say("ready");
    io::stdin().read_line(&mut String::new()).unwrap();
    for quota in quotas() {
        let claim = Claim::new(
            Scope::new(Kind::Limit, "x").key(format!("{:?}", quota.algorithm())),
            quota,
        );
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (store, claim) = (store.clone(), claim.clone());
            tasks.spawn(async move {
                let mut admitted = 0;
                for _ in 0..ACQUIRES {
                    let decisions = store.acquire(std::slice::from_ref(&claim)).await.unwrap();
                    admitted += u32::from(decisions.allowed());
                }
                admitted
            });
        }
        let admitted: u32 = tasks.join_all().await.into_iter().sum();
        say(&format!("admitted {admitted}"));
    }
}

async fn admits_exactly_the_limit(place: &str) {
    let start = |_| Process::start(module_path!(), place);
    let mut processes: Vec<_> = (0..PROCESSES).map(start).collect();
    for process in &mut processes {
        process.says("ready").await;
    }
    for process in &mut processes {
        process.tell("go").await;
    }
    for quota in quotas() {
        let mut admitted = Vec::new();
        for process in &mut processes {
            admitted.push(process.says("admitted ").await.parse::<u32>().unwrap());
        }
        assert_eq!(
            admitted.iter().sum::<u32>(),
            LIMIT,
            "{quota:?}: {admitted:?}"
        );
    }
    for process in processes {
        process.ends().await;
    }
}

#[tokio::test]
async fn processes_over_tcp_are_admitted_exactly_the_limit() {
    let redis = RedisServer::start().await.unwrap();
    admits_exactly_the_limit(&redis.url()).await;
}

#[tokio::test]
async fn processes_over_http_are_admitted_exactly_the_limit() {
    let redis = RedisServer::start().await.unwrap();
    // The bill of so many is of no interest.
    let server = LocalUpstash::builder()
        .redis(&redis)
        .without_script_billing();
    let server = server.start().await.unwrap();
    admits_exactly_the_limit(&format!("{} {}", server.url(), server.token())).await;
}
