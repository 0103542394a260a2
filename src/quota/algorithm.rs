//! The rules by which quotas admit.

/// The rule by which a [`Quota`](super::Quota) admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// The generic cell rate algorithm: units come back one by one, evenly. At most `burst + limit · d / window` in
    /// any time `d`.
    Gcra,
    /// A window that begins with the first hit of a key.
    FixedWindow,
    /// A window aligned to the Unix epoch: all keys begin anew at once.
    AlignedWindow,
    /// This window and the last one, weighted by how much of it is still in sight. Bit-equal with `@upstash/ratelimit`.
    SlidingWindow,
    /// Ten slices of a window and the one before them, each counted whole: never more than `limit` in any window.
    StrictWindow,
    /// `limit` units come back at once, every `window` from the first hit.
    TokenBucket,
}
