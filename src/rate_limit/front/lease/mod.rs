//! Leases: several units of a hot key debited in one trip, and handed out in this process.
//!
//! One rule above all: nothing is handed out that was not debited before. Units that were in a call whose outcome is
//! unknown are never handed out, and never given back.

mod call;
mod debit;
mod entry;
mod leases;
mod table;
#[cfg(test)]
mod tests;
mod waiting;

pub(in crate::rate_limit) use self::leases::Leases;
