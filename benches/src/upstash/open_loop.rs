//! Calls that come by a schedule, whatever becomes of those before, against an endpoint that takes 10 ms.
//!
//! A latency counts from when the call was due, so that a stall shows in all calls that it has held up.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, task::JoinHandle};
use tower_upstash::store::Key;

use super::{
    caller::{Caller, put_keys},
    endpoint::Endpoint,
    median, share,
};
use crate::table::{heading, note};

const ROUNDS: usize = 3;
const SECONDS: f64 = 2.0;

/// Prints the latencies at two rates.
pub fn print(endpoint: &Endpoint, runtime: &Runtime) {
    heading("open loop against an endpoint that takes 10 ms, ms; medians of 3 rounds");
    let keys: Arc<[Key]> = put_keys(endpoint, runtime, 64).into();
    let callers = [Caller::ours(endpoint), Caller::bare(endpoint)];
    endpoint.delay(10);
    for rate in [250.0, 2000.0] {
        for caller in &callers {
            latencies(runtime, caller, &keys, rate, 0.3);
        }
        let mut p50 = [const { Vec::new() }; 2];
        let mut p99 = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (at, caller) in callers.iter().enumerate() {
                let sorted = latencies(runtime, caller, &keys, rate, SECONDS);
                p50[at].push(share(&sorted, 0.5));
                p99[at].push(share(&sorted, 0.99));
            }
        }
        let ratio = p50[0].iter().zip(&p50[1]).map(|(ours, bare)| ours / bare);
        let ratio = median(ratio.collect());
        let [[ours, bare], [ours_99, bare_99]] = [p50, p99].map(|of| of.map(median));
        note(
            &format!("{rate}/s, each call a request of bare reqwest"),
            &format!("p50 {bare:.2}, p99 {bare_99:.2}"),
            "",
            None,
        );
        note(
            &format!("{rate}/s, UpstashStore of 4 lanes"),
            &format!("p50 {ours:.2}, p99 {ours_99:.2}, {ratio:.2}×"),
            "p50 ≤ 1.25×",
            Some(ratio <= 1.25),
        );
    }
    endpoint.delay(0);
}

/// Returns the sorted milliseconds from when a call was due until it was answered.
fn latencies(
    runtime: &Runtime,
    caller: &Caller,
    keys: &Arc<[Key]>,
    rate: f64,
    seconds: f64,
) -> Vec<f64> {
    let start = Instant::now();
    // A thread of its own keeps the schedule: timers of a runtime are too coarse.
    let calls: Vec<JoinHandle<f64>> = (0..(rate * seconds) as usize)
        .map(|at| {
            let due = start + Duration::from_secs_f64(at as f64 / rate);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let (caller, keys) = (caller.clone(), Arc::clone(keys));
            runtime.spawn(async move {
                caller.read(&keys[at % keys.len()]).await;
                due.elapsed().as_secs_f64() * 1e3
            })
        })
        .collect();
    let mut millis = runtime.block_on(async {
        let mut millis = Vec::with_capacity(calls.len());
        for call in calls {
            millis.push(call.await.expect("the endpoint answers"));
        }
        millis
    });
    millis.sort_by(f64::total_cmp);
    millis
}
