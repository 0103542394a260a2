//! Processes that ask at the same time for more than there is: together they get exactly the limit.

use std::{env, io, io::Write as _, process::Stdio, time::Duration};

use local_upstash::{LocalUpstash, RedisServer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};
use tower_upstash::{
    quota::{Algorithm, Quota},
    store::{Claim, Kind, RedisStore, Scope, SharedStore, Store as _, UpstashStore},
};

/// Where a process finds its store; set only for those that a test starts.
const PLACE: &str = "TOWER_UPSTASH_TEST_PLACE";
const PATIENCE: Duration = Duration::from_secs(60);
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

fn store(place: &str) -> SharedStore {
    match place.split_once(' ') {
        Some((url, token)) => UpstashStore::builder(url, token)
            .time_limit(PATIENCE)
            .lanes(2)
            .build()
            .unwrap()
            .into(),
        None => RedisStore::builder(place)
            .time_limit(PATIENCE)
            .build()
            .unwrap()
            .into(),
    }
}

fn say(line: &str) {
    // Begins a line: the harness has written the name of the test.
    io::stdout()
        .write_all(format!("\n{line}\n").as_bytes())
        .unwrap();
}

#[tokio::test]
#[ignore = "what a process does that the tests below start"]
async fn one_of_the_processes() {
    let Ok(place) = env::var(PLACE) else {
        return;
    };
    let store = store(&place);
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

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(place: &str) -> Self {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", &format!("{module}::one_of_the_processes")])
            .args(["--ignored", "--nocapture"])
            .env(PLACE, place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for a line that begins so, and returns the rest of it.
    async fn says(&mut self, begin: &str) -> String {
        timeout(PATIENCE, async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.expect("the process fails");
                if let Some(rest) = line.strip_prefix(begin) {
                    return rest.to_owned();
                }
            }
        })
        .await
        .expect("the process hangs")
    }
}

async fn admits_exactly_the_limit(place: &str) {
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| Process::start(place)).collect();
    for process in &mut processes {
        process.says("ready").await;
    }
    for process in &mut processes {
        let input = process.child.stdin.as_mut().unwrap();
        input.write_all(b"go\n").await.unwrap();
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
    for process in &mut processes {
        assert!(process.child.wait().await.unwrap().success());
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
