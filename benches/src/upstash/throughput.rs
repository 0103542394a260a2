//! Many callers at once, each of which calls again as soon as it is answered.

use std::{sync::Arc, time::Instant};

use tokio::{runtime::Runtime, task::JoinSet};
use tower_upstash::store::Key;

use super::{
    caller::{Caller, put_keys},
    endpoint::Endpoint,
    median,
};
use crate::table::{heading, note};

pub const CALLERS: usize = 64;
pub const CALLS: usize = 300;
pub const ROUNDS: usize = 5;

/// Prints requests per call, and calls per second against one by one and against a request for each call.
pub fn print(endpoint: &Endpoint, runtime: &Runtime) {
    heading("64 callers × 300 reads over HTTP, 2 workers; medians of 5 rounds");
    let ours = Caller::ours(endpoint);
    let bare = Caller::bare(endpoint);
    let keys: Arc<[Key]> = put_keys(endpoint, runtime, CALLERS).into();
    let run = |caller, callers, calls| run(runtime, caller, &keys, callers, calls);
    run(&ours, CALLERS, 30);
    run(&bare, CALLERS, 30);
    let (mut together, mut unpipelined, mut one_by_one) = (Vec::new(), Vec::new(), Vec::new());
    let mut requests = 0;
    for _ in 0..ROUNDS {
        let before = endpoint.requests();
        together.push(run(&ours, CALLERS, CALLS));
        requests += endpoint.requests() - before;
        unpipelined.push(run(&bare, CALLERS, CALLS / 3));
        one_by_one.push(run(&ours, 1, 4 * CALLS));
    }
    let times = |others: &[f64]| {
        let ratios = together
            .iter()
            .zip(others)
            .map(|(ours, other)| ours / other);
        median(ratios.collect())
    };
    let (over_bare, over_alone) = (times(&unpipelined), times(&one_by_one));
    let per_call = requests as f64 / (ROUNDS * CALLERS * CALLS) as f64;
    note(
        "HTTP requests per call",
        &format!("{per_call:.3}"),
        "≤ 0.1",
        Some(per_call <= 0.1),
    );
    let per_second = |rates| format!("{:.0} calls/s", median(rates));
    note("UpstashStore", &per_second(together.clone()), "", None);
    note(
        "one by one",
        &format!("{}, {over_alone:.1}×", per_second(one_by_one)),
        "≥ 10×",
        Some(over_alone >= 10.0),
    );
    note(
        "each call a request of bare reqwest",
        &format!("{}, {over_bare:.1}×", per_second(unpipelined)),
        "≥ 4×",
        Some(over_bare >= 4.0),
    );
}

/// Returns how many calls were answered in a second.
pub fn run(
    runtime: &Runtime,
    caller: &Caller,
    keys: &Arc<[Key]>,
    callers: usize,
    calls: usize,
) -> f64 {
    let start = Instant::now();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for at in 0..callers {
            let (caller, keys) = (caller.clone(), Arc::clone(keys));
            tasks.spawn(async move {
                for _ in 0..calls {
                    caller.read(&keys[at]).await;
                }
            });
        }
        tasks.join_all().await;
    });
    (callers * calls) as f64 / start.elapsed().as_secs_f64()
}
