//! The endpoint in a process of its own, which is this program: lines in, lines out.

use std::{
    env,
    io::{self, BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use local_upstash::{Fault, LocalUpstash, RedisServer};

use super::workers;

/// Its token.
pub const TOKEN: &str = "local";

/// Serves until the standard input ends. `requests` asks for their number, a number of milliseconds delays answers.
pub fn serve() {
    workers().block_on(async {
        let redis = RedisServer::start().await.expect("redis-server runs");
        let server = LocalUpstash::builder()
            .redis(&redis)
            .token(TOKEN)
            .without_script_billing();
        let server = server.start().await.expect("a free port");
        println!("{}", server.url());
        for line in io::stdin().lines() {
            let line = line.expect("the parent writes text");
            if let Ok(millis) = line.parse() {
                server.faults().clear();
                if millis > 0 {
                    let delay = Fault::Delay(Duration::from_millis(millis));
                    server.faults().inject(delay);
                }
            }
            println!("{}", server.bill().requests());
        }
    });
}

/// That process, as its parent sees it.
pub struct Endpoint {
    process: Child,
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    url: String,
}

impl Endpoint {
    pub fn start() -> Self {
        let program = env::current_exe().expect("a running program has a path");
        let mut process = Command::new(program)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let input = process.stdin.take().expect("it is piped");
        let output = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let url = lines
            .next()
            .and_then(Result::ok)
            .expect("redis-server is installed");
        Self {
            process,
            pipes: Mutex::new((input, lines)),
            url,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns how many HTTP requests there were so far.
    pub fn requests(&self) -> u64 {
        self.ask("requests")
    }

    /// Delays every answer from now on.
    pub fn delay(&self, millis: u64) {
        self.ask(&millis.to_string());
    }

    fn ask(&self, question: &str) -> u64 {
        let mut pipes = self.pipes.lock().expect("nobody panics here");
        let (input, output) = &mut *pipes;
        writeln!(input, "{question}").expect("the endpoint runs");
        let answer = output.next().and_then(Result::ok);
        answer.and_then(|line| line.parse().ok()).expect("a number")
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
