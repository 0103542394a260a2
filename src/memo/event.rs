//! The [`MemoEvent`].

use crate::store::Error;

/// What has become of a call. It names no input, no subject and no value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum MemoEvent<'a> {
    /// The value was in the store.
    Hit,
    /// The value came from somebody else's call for the same input at the same time.
    Collapsed,
    /// The call was made, and has returned a value.
    Called,
    /// The call was made, and has failed.
    CallFailed,
    /// The store could not be asked, or could not keep the value. The caller does not learn of it.
    StoreError {
        /// Why not.
        error: &'a Error,
    },
    /// The value is larger than [`limits`](crate::store::Store::limits) and was not stored.
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// What is stored cannot be read: it is of another format, or [`from_bytes`](super::MemoValue::from_bytes) refused it.
    /// It is made anew.
    Unreadable,
}
