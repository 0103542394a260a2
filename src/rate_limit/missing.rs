//! What a limit does without an identifier.

/// What happens to a request that has no identifier: no peer address, no such header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// All such requests share one limit. Safe by default: nobody gets out of a limit by leaving something out.
    #[default]
    Shared,
    /// The request is refused, with 400.
    Refuse,
    /// The limit does not apply to the request.
    ///
    /// # Security
    /// Whoever can leave the identifier out is not limited by this limit.
    Exempt,
}
