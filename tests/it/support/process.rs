//! Processes of the operating system, each of which plays a test that is otherwise ignored.

use std::{env, io, io::Write as _, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use tower_upstash::store::{RedisStore, SharedStore, UpstashStore};

const PATIENCE: Duration = Duration::from_secs(60);
/// Where a process finds its store; set only for those that a test starts.
const PLACE: &str = "TOWER_UPSTASH_TEST_PLACE";

pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts the test `one_of_the_processes` of a module, with the URL of a Redis, or URL and token of an endpoint.
    pub(crate) fn start(module: &str, place: &str) -> Self {
        let (_, module) = module.split_once("::").unwrap();
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
    pub(crate) async fn says(&mut self, begin: &str) -> String {
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

    pub(crate) async fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        let line = format!("{line}\n");
        input.write_all(line.as_bytes()).await.unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Waits for its end, which must be a success.
    pub(crate) async fn ends(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// Says a line to whoever has started this process.
pub(crate) fn say(line: &str) {
    // Begins a line: the harness has written the name of the test.
    let line = format!("\n{line}\n");
    io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Opens the store that this process was started with; none if it was not started by a test.
pub(crate) fn store() -> Option<SharedStore> {
    let place = env::var(PLACE).ok()?;
    Some(match place.split_once(' ') {
        Some((url, token)) => {
            let store = UpstashStore::builder(url, token).time_limit(PATIENCE);
            store.lanes(2).build().unwrap().into()
        }
        None => {
            let store = RedisStore::builder(&place).time_limit(PATIENCE);
            store.build().unwrap().into()
        }
    })
}
