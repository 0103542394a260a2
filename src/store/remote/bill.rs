//! What a call costs: billed commands.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
    sync::Arc,
};

use super::{Reply, command::Effect};

/// Commands that were billed. Every command inside a script counts, beside the script itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bill {
    /// Commands that read, and scripts themselves.
    pub(crate) reads: u64,
    /// Commands that write: on a global database, each is billed in every region.
    pub(crate) writes: u64,
}

impl Bill {
    pub(crate) const fn new(reads: u64, writes: u64) -> Self {
        Self { reads, writes }
    }

    /// Returns the bill, or none for a script of which nothing but itself is known to have run.
    pub(super) fn unless_refused(self, reply: &Reply) -> Self {
        match reply {
            Reply::Refused(_) => Self::default(),
            _ => self,
        }
    }

    /// Returns the bill of one command.
    pub(crate) const fn of(effect: Effect) -> Self {
        match effect {
            Effect::Read => Self::new(1, 0),
            Effect::Write => Self::new(0, 1),
        }
    }
}

impl Add for Bill {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(
            self.reads.saturating_add(other.reads),
            self.writes.saturating_add(other.writes),
        )
    }
}

impl AddAssign for Bill {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Bill {
    fn sum<I: Iterator<Item = Self>>(bills: I) -> Self {
        bills.fold(Self::default(), Self::add)
    }
}

/// Reads from the reply to a script what it has run. It goes with the command, since whoever asked may be gone when the
/// reply comes: it was billed all the same.
#[derive(Clone)]
pub(crate) struct Tally(Arc<dyn Fn(&Reply) -> Bill + Send + Sync>);

impl Tally {
    /// More than a script runs, whatever a reply says.
    const MOST: u64 = 1 << 20;

    pub(super) fn new(read: impl Fn(&Reply) -> Bill + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Of a script that answers first how many commands it ran that read, and how many that write.
    pub(super) fn counted() -> Self {
        Self::new(|reply| Bill::new(reply.count_at(0), reply.count_at(1)))
    }

    pub(crate) fn of(&self, reply: &Reply) -> Bill {
        let bill = (self.0)(reply);
        Bill::new(bill.reads.min(Self::MOST), bill.writes.min(Self::MOST))
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").finish_non_exhaustive()
    }
}
