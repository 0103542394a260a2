//! The table: one line for each row, with what was expected beside what was measured.

use std::collections::HashMap;

use crate::{measure::Cost, row::Row};

/// The costs of the rows measured so far.
#[derive(Default)]
pub struct Table {
    costs: HashMap<String, Cost>,
    // Without what is subtracted.
    own: HashMap<String, Cost>,
    group: &'static str,
}

impl Table {
    pub fn header() {
        line("", "instr", "target", "×", "allocs", "ns");
    }

    /// Prints a row, and remembers it for those that refer to it.
    pub fn add(&mut self, row: &Row, cost: Cost) {
        if self.group != row.group {
            self.group = row.group;
            heading(row.group);
        }
        self.costs.insert(row.name.clone(), cost);
        let own = self.without_base(row, cost);
        self.own.insert(row.name.clone(), own);
        let sign = if row.over.is_some() { "+" } else { "" };
        line(
            &row.name,
            &own.instructions
                .map_or("-".into(), |count| format!("{sign}{count:.0}")),
            &self.target(row, own),
            &self.ratio(row, own),
            &format!(
                "{sign}{:.2}{}",
                own.allocations,
                row.allocations
                    .map_or("", |most| mark(own.allocations <= most as f64))
            ),
            &format!("{sign}{:.0}{}", own.nanos, self.time(row, own)),
        );
    }

    fn without_base(&self, row: &Row, cost: Cost) -> Cost {
        let Some(base) = row.over.and_then(|name| self.costs.get(name)) else {
            return cost;
        };
        Cost {
            instructions: cost.instructions.zip(base.instructions).map(|(a, b)| a - b),
            allocations: cost.allocations - base.allocations,
            nanos: (cost.nanos - base.nanos).max(0.0),
        }
    }

    fn target(&self, row: &Row, own: Cost) -> String {
        let Some(count) = own.instructions else {
            return String::new();
        };
        let absolute = row.most.map(|most| (most as f64, format!("≤ {most}")));
        let relative = row.within.as_ref().and_then(|(factor, of)| {
            let other = self.own.get(of)?.instructions?;
            let times = count / other;
            Some((factor * other, format!("{times:.2} ≤ {factor}× “{of}”")))
        });
        [absolute, relative]
            .into_iter()
            .flatten()
            .map(|(most, text)| format!("{text} {}", mark(count.round() <= most.round())))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Returns whether a row is as fast as it should be, if that is asked of it.
    fn time(&self, row: &Row, own: Cost) -> &'static str {
        let other = row
            .time
            .and_then(|(factor, of)| Some((factor, self.own.get(of)?)));
        other.map_or("", |(factor, other)| {
            mark(own.nanos <= factor * other.nanos)
        })
    }

    fn ratio(&self, row: &Row, own: Cost) -> String {
        let ratio = row.peer.and_then(|name| {
            let peer = self.own.get(name)?.instructions?;
            Some(format!("{:.2}× {name}", own.instructions? / peer))
        });
        ratio.unwrap_or_default()
    }
}

pub fn heading(text: &str) {
    println!("── {text}");
}

/// Prints a measurement that is not one of an operation.
pub fn note(name: &str, value: &str, target: &str, met: Option<bool>) {
    println!("  {name:<46} {value}  {target} {}", met.map_or("", mark));
}

fn line(name: &str, count: &str, target: &str, ratio: &str, allocations: &str, nanos: &str) {
    println!("  {name:<46} {count:>6} {allocations:>8} {nanos:>6}  {ratio:<29} {target}");
}

fn mark(met: bool) -> &'static str {
    if met { "✓" } else { "✗" }
}
