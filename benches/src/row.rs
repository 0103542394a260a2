//! One row of the table: an operation, and what is expected of it.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Does the operation this often. Made anew for each measurement, with what it needs.
pub type Operation = Box<dyn FnMut(u64)>;

/// A row: a name, an operation, and what is expected of it.
pub struct Row {
    pub name: String,
    pub group: &'static str,
    pub prepare: Box<dyn Fn() -> Operation>,
    /// The most instructions.
    pub most: Option<u64>,
    /// The most instructions, as a multiple of another row.
    pub within: Option<(f64, String)>,
    /// The most time, as a multiple of another row.
    pub time: Option<(f64, &'static str)>,
    /// The most allocations.
    pub allocations: Option<u64>,
    /// The row that is part of this one, and is subtracted.
    pub over: Option<&'static str>,
    /// The peer to compare with.
    pub peer: Option<&'static str>,
    /// How many times less often it is done than others.
    pub fewer: u64,
}

impl Row {
    /// Creates a row of an operation that is prepared, then repeated. `group` is the heading above it.
    pub fn new<F: FnMut() + 'static>(
        group: &'static str,
        name: impl Into<String>,
        prepare: impl Fn() -> F + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            group,
            prepare: Box::new(move || {
                let mut operation = prepare();
                Box::new(move |times| (0..times).for_each(|_| operation()))
            }),
            most: None,
            within: None,
            time: None,
            allocations: None,
            over: None,
            peer: None,
            fewer: 1,
        }
    }

    /// Returns the names of the rows that this one cannot be shown without.
    pub fn compared_with(&self) -> Vec<String> {
        let within = self.within.as_ref().map(|(_, of)| of.clone());
        let others = [self.over, self.peer, self.time.map(|(_, of)| of)];
        let others = others.into_iter().flatten().map(str::to_owned);
        others.chain(within).collect()
    }

    /// Expects at most so many instructions.
    pub fn most(mut self, instructions: u64) -> Self {
        self.most = Some(instructions);
        self
    }

    /// Expects at most so many times the instructions of another row.
    pub fn within(mut self, factor: f64, row: impl Into<String>) -> Self {
        self.within = Some((factor, row.into()));
        self
    }

    /// Expects at most so many times the wall time of another row.
    pub fn time(mut self, factor: f64, row: &'static str) -> Self {
        self.time = Some((factor, row));
        self
    }

    /// Expects at most so many allocations.
    pub fn allocations(mut self, allocations: u64) -> Self {
        self.allocations = Some(allocations);
        self
    }

    /// Subtracts another row.
    pub fn over(mut self, row: &'static str) -> Self {
        self.over = Some(row);
        self
    }

    /// Does it so many times less often: it takes long.
    pub fn fewer(mut self, times: u64) -> Self {
        self.fewer = times;
        self
    }

    /// Compares with a row of a peer.
    pub fn peer(mut self, row: &'static str) -> Self {
        self.peer = Some(row);
        self
    }
}

/// Polls a future that does not wait.
#[inline(always)]
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a future that waits"),
    }
}
