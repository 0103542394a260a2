//! One promise, and its check.

use std::{fmt, pin::Pin};

use super::{Fixture, Violation};

pub(super) type Checking<'a> = Pin<Box<dyn Future<Output = Result<(), Violation>> + Send + 'a>>;

/// One promise of the contract, and the check of it.
#[derive(Clone, Copy)]
pub struct Promise {
    name: &'static str,
    check: for<'a> fn(&'a Fixture) -> Checking<'a>,
}

impl Promise {
    pub(super) const fn new(
        name: &'static str,
        check: for<'a> fn(&'a Fixture) -> Checking<'a>,
    ) -> Self {
        Self { name, check }
    }

    /// Returns the name: that of the function which checks it, and a sentence.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks whether the store keeps the promise.
    ///
    /// # Errors
    /// What the store does instead.
    pub async fn check(&self, fixture: &Fixture) -> Result<(), Violation> {
        (self.check)(fixture).await
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Promise").field(&self.name).finish()
    }
}
