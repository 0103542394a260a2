//! No executor: whoever needs one has to set it.

use super::Executor;

pub(crate) const WAKES_OTHERS: bool = true;

pub(super) const fn executor() -> Option<Executor> {
    None
}
