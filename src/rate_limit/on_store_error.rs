//! What a limit does without its store.

/// What a limit does when the store cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStoreError {
    /// Counts in this process, from zero: with n processes up to n times the limit is allowed meanwhile.
    ///
    /// What was admitted is charged to the store with the key's next request after it is back, in the same window, and
    /// under the same quota. Not what was admitted after a time limit: the call that got no answer may have charged
    /// already, and nothing is charged twice.
    ///
    /// Each process hands in what it has admitted, up to a whole quota for each key: after an attack during an outage, n
    /// processes leave a key that many quotas in debt. Bans are known to the store alone: meanwhile they do not count.
    #[default]
    CountLocally,
    /// Lets the request pass. A store that is there, but cannot decide this one request
    /// ([`Corrupt`](crate::store::ErrorKind::Corrupt), [`Unsupported`](crate::store::ErrorKind::Unsupported) and the
    /// like), is no outage: then this process counts.
    Allow,
    /// Refuses the request, with 503. One limit that refuses is enough.
    Refuse,
}
