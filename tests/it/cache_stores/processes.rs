//! Two processes of the operating system over one store, and the purges of one seen by the other.

use std::{env, io, io::Write as _, process::Stdio, time::Duration};

use local_upstash::{LocalUpstash, RedisServer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use tower_upstash::{
    response_cache::ResponseCacheLayer,
    store::{RedisStore, SharedStore, UpstashStore},
};

use super::site::App;

/// Where a process finds its store; set only for those that a test starts.
const PLACE: &str = "TOWER_UPSTASH_TEST_CACHE";
const PATIENCE: Duration = Duration::from_secs(60);

fn store(place: &str) -> SharedStore {
    match place.split_once(' ') {
        Some((url, token)) => {
            let store = UpstashStore::builder(url, token).time_limit(PATIENCE);
            store.build().unwrap().into()
        }
        None => {
            let store = RedisStore::builder(place).time_limit(PATIENCE);
            store.build().unwrap().into()
        }
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
    let layer = ResponseCacheLayer::new(store(&place));
    let cache = layer.handle();
    let app = App::new();
    app.header("cache-tag", "tag");
    app.body(format!("by {}", std::process::id()));
    say("ready");
    for line in io::stdin().lines() {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("get", path)) => {
                let answer = app.get(&layer, path).await;
                say(&format!("got {}, {}", answer.text(), answer.how()));
            }
            Some(("post", path)) => {
                app.post(&layer, path).await;
                say("got it");
            }
            Some(("tag", tag)) => {
                cache.purge_tags([tag]).await.unwrap();
                say("got it");
            }
            _ => {
                cache.purge_everything().await.unwrap();
                say("got it");
            }
        }
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

    async fn tell(&mut self, line: &str) -> String {
        let input = self.child.stdin.as_mut().unwrap();
        input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
        self.says("got ").await
    }

    /// Returns by whom the answer was made, and whether it was stored.
    async fn get(&mut self, path: &str) -> (u32, bool) {
        let said = self.tell(&format!("get {path}")).await;
        let (by, how) = said.split_once(", ").unwrap();
        let by = by.strip_prefix("by ").unwrap().parse().unwrap();
        (by, how.contains(";hit"))
    }

    fn id(&self) -> u32 {
        self.child.id().unwrap()
    }
}

async fn know_of_each_other(place: &str) {
    let (mut one, mut other) = (Process::start(place), Process::start(place));
    one.says("ready").await;
    other.says("ready").await;
    let (first, second) = (one.id(), other.id());
    assert_eq!(one.get("/a").await, (first, false));
    assert_eq!(other.get("/a").await, (first, true));
    for purge in ["post /a", "tag tag", "all"] {
        other.tell(purge).await;
        assert_eq!(one.get("/a").await, (first, false), "{purge}");
        assert_eq!(other.get("/a").await, (first, true), "{purge}");
        one.tell(purge).await;
        assert_eq!(other.get("/a").await, (second, false), "{purge}");
        assert_eq!(one.get("/a").await, (second, true), "{purge}");
    }
    // A third one, later.
    let mut third = Process::start(place);
    third.says("ready").await;
    assert_eq!(third.get("/a").await, (second, true));
    for mut process in [one, other, third] {
        drop(process.child.stdin.take());
        assert!(process.child.wait().await.unwrap().success());
    }
}

#[tokio::test]
async fn processes_over_tcp_share_what_they_store_and_purge() {
    let redis = RedisServer::start().await.unwrap();
    know_of_each_other(&redis.url()).await;
}

#[tokio::test]
async fn processes_over_http_share_what_they_store_and_purge() {
    let redis = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    know_of_each_other(&format!("{} {}", server.url(), server.token())).await;
}
