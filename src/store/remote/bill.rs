//! What a call costs: billed commands.

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
}
