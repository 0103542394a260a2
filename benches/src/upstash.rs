//! The store over HTTPS, against an endpoint on this machine that stands on a real Redis and runs in a process of its own.
//! Printed by `cargo bench -- upstash` only.
//!
//! Client, endpoint and Redis share the machine, so calls per second say little; ratios are of one run, and the median of
//! some rounds in which the ways to call take turns.

mod bill;
mod caller;
mod endpoint;
mod joins;
mod limits;
mod lone;
mod open_loop;
mod sdk;
mod throughput;

use tokio::runtime::{Builder, Runtime};

use self::endpoint::Endpoint;
pub use self::endpoint::serve;

/// Prints the table.
pub fn print() {
    let endpoint = Endpoint::start();
    let runtime = workers();
    throughput::print(&endpoint, &runtime);
    sdk::print(&endpoint, &runtime);
    lone::print(&endpoint, &runtime);
    joins::print(&endpoint, &runtime);
    open_loop::print(&endpoint, &runtime);
    bill::print(&runtime);
    limits::print(&runtime);
}

fn workers() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    share(&values, 0.5)
}

/// Returns the value below which this share of sorted values lies.
fn share(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[(last as f64 * share).round() as usize]
}
