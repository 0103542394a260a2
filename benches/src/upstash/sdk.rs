//! Against npm's `@upstash/redis`, on the same endpoint and in the same rounds.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
    sync::Arc,
};

use tokio::runtime::Runtime;
use tower_upstash::store::Key;

use super::{
    caller::{Caller, put_keys},
    endpoint::{Endpoint, TOKEN},
    median,
    throughput::{CALLERS, CALLS, ROUNDS, run},
};
use crate::{
    npm,
    table::{heading, note},
};

/// Prints calls per second and requests per call of both.
pub fn print(endpoint: &Endpoint, runtime: &Runtime) {
    heading("the same, with @upstash/redis by Node in turn");
    let Some(folder) = npm::install() else {
        return;
    };
    let keys: Arc<[Key]> = put_keys(endpoint, runtime, CALLERS).into();
    let ours = Caller::ours(endpoint);
    let names: Vec<_> = keys.iter().map(Key::to_text).collect();
    let mut node = npm::node(&folder, "sdk.mjs", include_str!("sdk.mjs"))
        .env("UPSTASH_REDIS_REST_URL", endpoint.url())
        .env("UPSTASH_REDIS_REST_TOKEN", TOKEN)
        .env("KEYS", names.join(" "))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node was there a moment ago");
    let mut input = node.stdin.take().expect("it is piped");
    let mut output = BufReader::new(node.stdout.take().expect("it is piped")).lines();
    let mut theirs = |calls: usize| {
        writeln!(input, "{CALLERS} {calls}").expect("node runs");
        let seconds = output.next().and_then(Result::ok);
        let seconds: f64 = seconds.and_then(|line| line.parse().ok()).expect("seconds");
        (CALLERS * calls) as f64 / seconds
    };
    // Warm, compiled and connected.
    theirs(CALLS);
    run(runtime, &ours, &keys, CALLERS, 30);
    let (mut rates, mut peers) = (Vec::new(), Vec::new());
    let mut requests = [0; 2];
    for _ in 0..ROUNDS {
        let before = endpoint.requests();
        rates.push(run(runtime, &ours, &keys, CALLERS, CALLS));
        let between = endpoint.requests();
        peers.push(theirs(CALLS));
        requests[0] += between - before;
        requests[1] += endpoint.requests() - between;
    }
    drop(input);
    let _ = node.wait();
    let calls = (ROUNDS * CALLERS * CALLS) as f64;
    let [per_call, per_call_of_theirs] = requests.map(|requests| requests as f64 / calls);
    let times = rates.iter().zip(&peers).map(|(ours, theirs)| ours / theirs);
    let times = median(times.collect());
    let line = |rates, per_call| {
        format!(
            "{:.0} calls/s, {per_call:.3} requests per call",
            median(rates)
        )
    };
    note("@upstash/redis", &line(peers, per_call_of_theirs), "", None);
    note(
        "UpstashStore",
        &format!("{}, {times:.1}×", line(rates, per_call)),
        "≥ 1×",
        Some(times >= 1.0),
    );
}
