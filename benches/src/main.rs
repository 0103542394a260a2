//! The benchmarks: `cargo bench` prints one table. `cargo bench -- WORD` prints the rows whose names or headings
//! contain the word.
//!
//! Two sections are printed only when they are named, since they take other programs and a minute or two:
//!
//! - `cargo bench -- redis`: what an acquire costs a Redis server (`redis-server`, and `node` for a peer).
//! - `cargo bench -- upstash`: the store over HTTPS, against an endpoint on this machine that stands on a real Redis
//!   (`redis-server`, and `node` for a peer). The endpoint is this program once more, with `--serve`.
//!
//! Instructions are counted by callgrind, and the same in every run of one build. Nanoseconds are a courtesy:
//! the fastest of twenty runs on whatever machine this is.

mod cache;
mod heap;
mod layer;
mod many;
mod measure;
mod npm;
mod peers;
mod redis;
mod row;
mod session;
mod store;
mod table;
mod upstash;

use std::env;

use crate::{
    many::Latencies,
    row::Row,
    table::{Table, heading, note},
};

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

const MILLION: u32 = 1_000_000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let of = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1)
    };
    if arguments.iter().any(|argument| argument == "--serve") {
        return upstash::serve();
    }
    match (of("--workload"), of("--iterations")) {
        (Some(name), Some(iterations)) => repeat(name, iterations),
        _ => print(arguments.iter().find(|argument| !argument.starts_with('-'))),
    }
}

fn rows() -> Vec<Row> {
    [
        peers::rows(),
        store::rows(),
        layer::rows(),
        cache::rows(),
        session::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What callgrind watches.
fn repeat(name: &str, iterations: &str) {
    let rows = rows();
    let row = rows.iter().find(|row| row.name == name);
    let iterations = iterations.parse().expect("a number of iterations");
    measure::repeat(row.expect("a known workload"), iterations);
}

fn print(filter: Option<&String>) {
    println!("release defaults: opt-level 3, 16 codegen units, no LTO");
    println!(
        "SystemClock everywhere: valgrind hides the vdso, so a clock read counts as a bare system call\n"
    );
    let valgrind = measure::has_valgrind();
    if filter.is_some_and(|word| word == "redis") {
        return redis::print(valgrind);
    }
    if filter.is_some_and(|word| word == "upstash") {
        return upstash::print();
    }
    let mut table = Table::default();
    Table::header();
    for row in chosen(filter) {
        table.add(&row, measure::measure(&row, valgrind));
    }
    if filter.is_none() {
        bytes_per_key();
        insert_latency();
    }
}

/// Returns the rows whose names or headings contain the word, and all that they are compared with.
fn chosen(filter: Option<&String>) -> Vec<Row> {
    let mut rows = rows();
    let Some(word) = filter else {
        return rows;
    };
    let asked = |row: &&Row| row.name.contains(word) || row.group.contains(word);
    let mut names: Vec<String> = rows
        .iter()
        .filter(asked)
        .map(|row| row.name.clone())
        .collect();
    let mut at = 0;
    while let Some(name) = names.get(at) {
        let row = rows.iter().find(|row| row.name == *name);
        names.extend(row.map(Row::compared_with).unwrap_or_default());
        at += 1;
    }
    rows.retain(|row| names.contains(&row.name));
    rows
}

fn bytes_per_key() {
    heading("heap bytes per key of a limit");
    let small = many::bytes_per_key(&[MILLION / 10]);
    note("0.1 M keys", &format!("{:.1}", small[0]), "", None);
    let sizes: Vec<u32> = (10..=20).map(|step| step * MILLION / 20).collect();
    let bytes = many::bytes_per_key(&sizes);
    let least = bytes.iter().copied().fold(f64::INFINITY, f64::min);
    let most = bytes.iter().copied().fold(0.0, f64::max);
    let range = format!("{least:.1} to {most:.1}");
    note("0.5, 0.55, … 1 M keys", &range, "≤ 56", Some(most <= 56.0));
}

fn insert_latency() {
    heading("insert of 10 M distinct keys, µs");
    let latencies = Latencies::measure(10 * MILLION);
    for (name, share) in [
        ("p50", 0.5),
        ("p99", 0.99),
        ("p99.99", 0.9999),
        ("max", 1.0),
    ] {
        note(name, &format!("{:.2}", latencies.micros(share)), "", None);
    }
    let slow = latencies.micros(0.999);
    note("p99.9", &format!("{slow:.2}"), "≤ 50", Some(slow <= 50.0));
}
