//! A limiter of `@upstash/ratelimit` in a process of its own, a line for each question.

use std::process::Stdio;

use local_upstash::{LocalUpstash, NodeSdks};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

use super::{PATIENCE, model::Limit};

pub(crate) struct Limiter {
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
    _sdks: NodeSdks,
}

impl Limiter {
    pub(crate) fn start(sdks: NodeSdks, server: &LocalUpstash) -> Self {
        let mut command = sdks.script("limiter.mjs", server).unwrap();
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            questions: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
            _process: process,
            _sdks: sdks,
        }
    }

    /// Returns whether it is a success, and how much remains.
    pub(crate) async fn limit(
        &mut self,
        limit: &Limit,
        id: &str,
        cost: u64,
        now: u64,
    ) -> (bool, u64) {
        let question = json!({
            "algorithm": limit.algorithm.name(),
            "limit": limit.limit,
            "window": limit.window,
            "refill": limit.refill,
            "prefix": "p",
            "id": id,
            "cost": cost,
            "now": now,
        });
        let line = format!("{question}\n");
        self.questions.write_all(line.as_bytes()).await.unwrap();
        let answer = timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.expect("Node answers").unwrap().expect("Node runs");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let success = answer["success"].as_bool();
        let remaining = answer["remaining"].as_u64();
        success.zip(remaining).unwrap_or_else(|| panic!("{answer}"))
    }
}
