//! What can be wrong with a setting.

use std::fmt;

use crate::store::Error;

/// A setting of an [`UpstashStore`](super::UpstashStore) that is missing or wrong.
///
/// It names the setting or variable, and never shows its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    place: &'static str,
    problem: &'static str,
}

impl ConfigError {
    pub(super) const fn new(place: &'static str, problem: &'static str) -> Self {
        Self { place, problem }
    }

    /// Returns the name of the setting or variable.
    #[must_use]
    pub const fn place(&self) -> &'static str {
        self.place
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.problem)
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::invalid("a setting of the store is missing or wrong").with_source(error)
    }
}
