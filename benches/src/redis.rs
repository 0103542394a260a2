//! What an acquire costs a Redis server: microseconds by its own `INFO commandstats`, instructions by callgrind as the
//! difference between few calls and many. Printed by `cargo bench -- redis` only: it takes two programs and a while.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tower_upstash::{
    quota::Quota,
    store::{Claim, Kind, RedisStore, Scope, Store},
};

use crate::table::{heading, note};

const FEW: u32 = 500;
const MANY: u32 = 2500;
const HOUR: Duration = Duration::from_secs(3600);

/// Prints the table.
pub fn print(valgrind: bool) {
    heading("acquire on redis-server, µs and instructions of the server");
    let gcra = Quota::per_minute(60_000_000);
    for (name, quota, claims, most) in [
        ("one claim, GCRA", gcra, 1, Some(65_000)),
        ("three claims, GCRA", gcra, 3, None),
        ("one fixed window", Quota::fixed(u32::MAX, HOUR), 1, None),
        (
            "one sliding window",
            Quota::sliding(u32::MAX, HOUR),
            1,
            None,
        ),
        ("one strict window", Quota::strict(u32::MAX, HOUR), 1, None),
        (
            "one token bucket",
            Quota::token_bucket(u32::MAX, HOUR),
            1,
            None,
        ),
    ] {
        let claims: Vec<_> = (0..claims)
            .map(|at| {
                Claim::new(
                    Scope::new(Kind::Limit, "x").key(format!("user-{at}")),
                    quota,
                )
            })
            .collect();
        let micros = Server::start(None).micros(&claims);
        let few = valgrind.then(|| Server::instructions(&claims, FEW));
        let per_call =
            few.map(|few| (Server::instructions(&claims, MANY) - few) / u64::from(MANY - FEW));
        let counted = per_call.map_or_else(String::new, |count| format!(", {count}"));
        let target = most.map_or_else(String::new, |most| format!("≤ {most}"));
        let met = per_call.zip(most).map(|(count, most)| count <= most);
        note(name, &format!("{micros} µs{counted}"), &target, met);
    }
}

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a server, under callgrind if there is a file for what it counts.
    fn start(counts: Option<&str>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let mut command = match counts {
            None => Command::new("redis-server"),
            Some(file) => {
                let mut command = Command::new("valgrind");
                command.args(["--tool=callgrind", &format!("--callgrind-out-file={file}")]);
                command.arg("redis-server");
                command
            }
        };
        let process = command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        Self { process, port }
    }

    fn instructions(claims: &[Claim], calls: u32) -> u64 {
        let file = env::temp_dir().join(format!("callgrind.redis.{}", std::process::id()));
        let name = file.to_string_lossy();
        let mut server = Self::start(Some(&name));
        server.acquire(claims, calls);
        server.ask(&["SHUTDOWN", "NOSAVE"]);
        // Valgrind writes when the server ends.
        let _ = server.process.wait();
        let counts = fs::read_to_string(&file).expect("what callgrind counted");
        let _ = fs::remove_file(&file);
        let total = counts
            .lines()
            .find_map(|line| line.strip_prefix("totals: "));
        total.and_then(|total| total.parse().ok()).expect("a total")
    }

    fn micros(&self, claims: &[Claim]) -> String {
        self.acquire(claims, MANY);
        self.ask(&["CONFIG", "RESETSTAT"]);
        self.acquire(claims, 4 * MANY);
        let info = self.ask(&["INFO", "commandstats"]);
        let line = info
            .lines()
            .find(|line| line.starts_with("cmdstat_evalsha:"));
        let micros = line.and_then(|line| line.split("usec_per_call=").nth(1)?.split(',').next());
        micros.expect("the script has run").to_owned()
    }

    fn acquire(&self, claims: &[Claim], calls: u32) {
        let url = format!("redis://127.0.0.1:{}", self.port);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let store = RedisStore::open(&url).expect("a URL");
            for _ in 0..calls {
                // Under callgrind the first calls may take longer than the store waits: they are counted all the same.
                if let Ok(decisions) = store.acquire(claims).await {
                    assert!(decisions.allowed(), "a limit that is never reached");
                }
            }
        });
    }

    fn ask(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output()
            .expect("redis-cli is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
