//! A call that nobody joins: what the queue and its driver add to a request.

use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tower_upstash::store::Key;

use super::{
    caller::{Caller, put_keys},
    endpoint::Endpoint,
    median,
};
use crate::table::{heading, note};

const CALLS: usize = 3000;

/// Prints requests and microseconds of a lone call.
pub fn print(endpoint: &Endpoint, runtime: &Runtime) {
    heading("a lone read, median µs of 3,000 in turn with bare reqwest");
    let key = put_keys(endpoint, runtime, 1).remove(0);
    let single = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let measure = |name, run: &dyn Fn([Caller; 2]) -> [f64; 2]| {
        let callers = [Caller::ours(endpoint), Caller::bare(endpoint)];
        let before = endpoint.requests();
        let [ours, bare] = run(callers);
        let requests = (endpoint.requests() - before) as f64 / CALLS as f64 - 1.0;
        note(
            name,
            &format!(
                "{ours:.1}, bare {bare:.1}: {:+.1} µs; {requests:.3} requests",
                ours - bare
            ),
            "1 request",
            Some(requests == 1.0),
        );
    };
    measure("on current_thread", &|callers| {
        single.block_on(calls(callers, key.clone()))
    });
    measure("on a worker of two", &|callers| {
        let calls = calls(callers, key.clone());
        runtime.block_on(async { runtime.spawn(calls).await.expect("answered calls") })
    });
}

/// Returns the median microseconds of each.
async fn calls(callers: [Caller; 2], key: Key) -> [f64; 2] {
    let mut micros = [const { Vec::new() }; 2];
    for _ in 0..CALLS {
        for (caller, micros) in callers.iter().zip(&mut micros) {
            let start = Instant::now();
            caller.read(&key).await;
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    micros.map(median)
}
