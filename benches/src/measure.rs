//! How a row is measured: instructions by callgrind, allocations by the allocator, nanoseconds by the clock.

use std::{
    env,
    hint::black_box,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    heap,
    row::{Operation, Row},
};

/// What one operation of a row costs.
#[derive(Clone, Copy)]
pub struct Cost {
    /// `None` without valgrind.
    pub instructions: Option<f64>,
    pub allocations: f64,
    pub nanos: f64,
}

const FEW: u64 = 1000;
const MANY: u64 = 10_000;
const REPETITIONS: usize = 20;

/// Measures a row, once it is warm.
pub fn measure(row: &Row, valgrind: bool) -> Cost {
    let mut operation = (row.prepare)();
    let (few, many) = (FEW / row.fewer, MANY / row.fewer);
    operation(few);
    let before = heap::allocations();
    operation(few);
    let allocations = (heap::allocations() - before) as f64 / few as f64;
    let fastest = (0..REPETITIONS)
        .map(|_| {
            let start = Instant::now();
            operation(many);
            start.elapsed()
        })
        .min();
    Cost {
        instructions: valgrind.then(|| instructions(row, many)),
        allocations,
        nanos: fastest.unwrap_or(Duration::ZERO).as_secs_f64() * 1e9 / many as f64,
    }
}

/// Returns whether instructions can be counted, and says loudly what to do if not.
pub fn has_valgrind() -> bool {
    let found = Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        eprintln!(
            "\n!! valgrind is missing: NO INSTRUCTIONS ARE COUNTED, and no target is checked."
        );
        eprintln!("!! Install it, e.g. by `apt-get install valgrind`, and run this again.\n");
    }
    found
}

/// Runs this program again, which then calls [`watched`].
fn instructions(row: &Row, iterations: u64) -> f64 {
    let program = env::current_exe().expect("a running program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*measure*watched*")
        .arg(program)
        .args(["--workload", &row.name])
        .args(["--iterations", &iterations.to_string()])
        .output()
        .expect("valgrind was there a moment ago");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", row.name);
    let count = log
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse::<u64>().ok())
        .filter(|count| *count > 0)
        .unwrap_or_else(|| panic!("callgrind tells no count: {log}"));
    count as f64 / iterations as f64
}

/// Repeats a row, warm, in a function that callgrind knows by name: what prepares it does not count.
pub fn repeat(row: &Row, iterations: u64) {
    let mut operation = (row.prepare)();
    operation(FEW / row.fewer);
    watched(&mut operation, iterations);
}

#[inline(never)]
fn watched(operation: &mut Operation, iterations: u64) {
    operation(iterations);
    // Keeps the call above from being a tail call, which callgrind would not see return.
    black_box(());
}
