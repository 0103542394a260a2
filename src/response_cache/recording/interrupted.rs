//! The error of those who read what another was recording.

use std::{error::Error, fmt};

/// A response that was shared with others while it came in has broken off.
///
/// The error of a [`ResponseBody`](crate::response_cache::ResponseBody) where another reader of the same response has
/// met the error of the inner body itself, or where that body has panicked. Nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared response broke off")
    }
}

impl Error for Interrupted {}
