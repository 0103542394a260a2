//! What an acquire costs a Redis server: microseconds by its own `INFO commandstats`, instructions by callgrind as the
//! difference between few calls and many. Printed by `cargo bench -- redis` only: it takes two programs and a while.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tower_upstash::{
    quota::Quota,
    store::{Claim, Kind, RedisStore, Scope, Store},
};

use crate::{
    npm,
    table::{heading, note},
};

const FEW: u32 = 500;
const MANY: u32 = 2500;
const HOUR: Duration = Duration::from_secs(3600);

/// Prints the table.
pub fn print(valgrind: bool) {
    heading("on redis-server: µs by its own count, and instructions");
    let gcra = Quota::per_minute(60_000_000);
    for (name, quota, claims, most) in [
        ("one claim, GCRA", gcra, 1, Some((12.0, 65_000))),
        ("three claims, GCRA", gcra, 3, Some((30.0, 140_000))),
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
        show(name, &Load::Acquire(claims), most, valgrind);
    }
    let get = b"*2\r\n$3\r\nGET\r\n$6\r\nuser-0\r\n".to_vec();
    let put = b"*3\r\n$3\r\nSET\r\n$6\r\nuser-0\r\n$1\r\nv\r\n".to_vec();
    let load = Load::Command("get", put, get);
    show("GET", &load, None, valgrind);
    if let Some(load) = sliding_window_of_npm() {
        let name = "@upstash/ratelimit, its sliding window";
        show(name, &load, None, valgrind);
    }
}

/// What is met is met by one of the two.
fn show(name: &str, load: &Load, most: Option<(f64, u64)>, valgrind: bool) {
    let micros = Server::start(None).micros(load);
    let few = valgrind.then(|| Server::instructions(load, FEW));
    let per_call = few.map(|few| (Server::instructions(load, MANY) - few) / u64::from(MANY - FEW));
    let counted = per_call.map_or_else(String::new, |count| format!(", {count}"));
    let target = most.map_or_else(String::new, |(micros, count)| {
        format!("≤ {micros} µs or ≤ {count}")
    });
    let met = most.map(|(most_micros, most)| {
        micros <= most_micros || per_call.is_some_and(|count| count <= most)
    });
    note(name, &format!("{micros} µs{counted}"), &target, met);
}

/// What a server is asked, one by one.
enum Load {
    Acquire(Vec<Claim>),
    /// The name of a command, what prepares it, and what is repeated, as they go over the wire.
    Command(&'static str, Vec<u8>, Vec<u8>),
}

impl Load {
    const fn command(&self) -> &'static str {
        match self {
            Self::Acquire(_) => "evalsha",
            Self::Command(name, ..) => name,
        }
    }
}

/// Asks the package itself for its script and what it calls it with.
fn sliding_window_of_npm() -> Option<Load> {
    let folder = npm::install()?;
    let ask = |what| {
        let script = include_str!("sliding_window.mjs");
        let output = npm::node(&folder, "sliding_window.mjs", script)
            .arg(what)
            .output()
            .expect("node was there a moment ago");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        output.stdout
    };
    Some(Load::Command("evalsha", ask("load"), ask("call")))
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

    fn instructions(load: &Load, calls: u32) -> u64 {
        let file = env::temp_dir().join(format!("callgrind.redis.{}", std::process::id()));
        let name = file.to_string_lossy();
        let mut server = Self::start(Some(&name));
        server.run(load, calls);
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

    fn micros(&self, load: &Load) -> f64 {
        self.run(load, MANY);
        self.ask(&["CONFIG", "RESETSTAT"]);
        self.run(load, 4 * MANY);
        let info = self.ask(&["INFO", "commandstats"]);
        let name = format!("cmdstat_{}:", load.command());
        let line = info.lines().find(|line| line.starts_with(&name));
        let micros = line.and_then(|line| line.split("usec_per_call=").nth(1)?.split(',').next());
        let micros = micros.and_then(|micros| micros.parse().ok());
        micros.expect("the command has run")
    }

    fn run(&self, load: &Load, calls: u32) {
        match load {
            Load::Acquire(claims) => self.acquire(claims, calls),
            Load::Command(_, prepare, call) => self.repeat(prepare, call, calls),
        }
    }

    /// Sends commands one by one, the next after the reply.
    fn repeat(&self, prepare: &[u8], call: &[u8], calls: u32) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server runs");
        stream.set_nodelay(true).expect("a TCP stream");
        let mut replies = BufReader::new(&stream);
        let mut line = String::new();
        let mut ask = |words| {
            (&stream).write_all(words).expect("the server runs");
            // Of a header, so many lines follow.
            let mut lines = 1;
            while lines > 0 {
                line.clear();
                replies.read_line(&mut line).expect("the server answers");
                assert!(!line.starts_with('-'), "{line}");
                lines -= 1;
                if let Some(count) = line.strip_prefix('*') {
                    lines += count.trim().parse::<u32>().expect("a length");
                } else if line.starts_with('$') {
                    lines += 1;
                }
            }
        };
        ask(prepare);
        for _ in 0..calls {
            ask(call);
        }
    }

    fn acquire(&self, claims: &[Claim], calls: u32) {
        let url = format!("redis://127.0.0.1:{}", self.port);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let store = RedisStore::new(&url).expect("a URL");
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
