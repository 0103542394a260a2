//! Counts what scripts call, from the lines of Redis' MONITOR.
//!
//! Redis runs one command at a time and shows an `EVAL` before what it calls, so each `lua` line belongs to the last
//! line of a client. A request with scripts has its connection for itself and stands between two marks, `ECHO`s of a
//! number: the first begins the count of that connection, the second ends it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::Value;
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    conditional,
    connection::{Connection, Target, Wire, wire},
};

/// What our marks begin with; nobody else's `ECHO` does.
const MARK: &str = "local-upstash-mark-";
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Monitor {
    next: AtomicU64,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<u64>>>>,
    connected: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

/// The marks around the commands of one request.
pub(crate) struct Marks {
    pub(crate) begin: Wire,
    pub(crate) end: Wire,
    count: oneshot::Receiver<u64>,
}

impl Monitor {
    pub(crate) fn start(target: Target) -> Self {
        let waiting = Arc::default();
        let (connect, connected) = watch::channel(false);
        let task = tokio::spawn(follow(target, Arc::clone(&waiting), connect));
        Self {
            next: AtomicU64::new(0),
            waiting,
            connected,
            task,
        }
    }

    /// Waits until MONITOR is on, for a while.
    pub(crate) async fn ready(&self) {
        let mut connected = self.connected.clone();
        let _ = timeout(PATIENCE, connected.wait_for(|on| *on)).await;
    }

    pub(crate) fn marks(&self) -> Marks {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, count) = oneshot::channel();
        lock(&self.waiting).insert(number, sender);
        Marks {
            begin: wire(&["ECHO", MARK]),
            end: wire(&["ECHO", &format!("{MARK}{number}")]),
            count,
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Marks {
    /// What the scripts between the marks called; zero when MONITOR broke off.
    pub(crate) async fn count(self) -> u64 {
        match timeout(PATIENCE, self.count).await {
            Ok(Ok(count)) => count,
            _ => 0,
        }
    }
}

/// Whether a line of MONITOR is about a mark.
pub(crate) fn is_mark(line: &str) -> bool {
    line.contains(&format!("\"ECHO\" \"{MARK}"))
}

type Waiting = Mutex<HashMap<u64, oneshot::Sender<u64>>>;

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<u64>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow(target: Target, waiting: Arc<Waiting>, connect: watch::Sender<bool>) {
    loop {
        if let Ok(mut connection) = Connection::open(&target).await
            && connection.call(&["MONITOR"]).await.is_ok()
        {
            connect.send_replace(true);
            let mut tally = Tally::default();
            while let Ok(Value::SimpleString(line)) = connection.receive().await {
                if let Some((number, count)) = tally.read(&line)
                    && let Some(sender) = lock(&waiting).remove(&number)
                {
                    // A request that failed waits no more.
                    let _ = sender.send(count);
                }
            }
        }
        connect.send_replace(false);
        lock(&waiting).clear();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The counts of the connections between their marks.
#[derive(Default)]
struct Tally {
    counts: HashMap<SocketAddr, u64>,
    /// Whose command runs, if its calls count.
    running: Option<SocketAddr>,
}

impl Tally {
    /// Reads `1339518083.107412 [0 127.0.0.1:60866] "evalsha" "…"`; returns the number and count of an end mark.
    fn read(&mut self, line: &str) -> Option<(u64, u64)> {
        let (_, line) = line.split_once(" [")?;
        let (source, command) = line.split_once("] \"")?;
        let (_, client) = source.split_once(' ')?;
        if client == "lua" {
            if let Some(count) = self.running.and_then(|c| self.counts.get_mut(&c)) {
                *count += 1;
            }
            return None;
        }
        let client: Option<SocketAddr> = client.parse().ok();
        self.running = client.filter(|_| !conditional::is_ours(command));
        let mark = command.strip_prefix("ECHO\" \"")?.strip_prefix(MARK)?;
        let number = mark.strip_suffix('"')?;
        if number.is_empty() {
            self.counts.insert(client?, 0);
            return None;
        }
        Some((
            number.parse().ok()?,
            self.counts.remove(&client?).unwrap_or(0),
        ))
    }
}
