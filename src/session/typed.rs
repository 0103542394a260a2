//! A session as one value of a type.

use std::{fmt, marker::PhantomData};

use http::Extensions;
use serde_core::{Serialize, de::DeserializeOwned};

use super::{Main, Session, SessionError, error::Result};

/// The key that the value is under.
const KEY: &str = "typed";

/// A [`Session`] whose data are one value of a type, instead of keys and values.
///
/// The value is under a key of the session, `typed`: there is one `T` for each layer, and other keys may be used beside it. It is
/// stored as JSON. Old values have to remain readable by a `T` that has changed: give new fields a `#[serde(default)]`.
///
/// As with [`Session`], reading loads the session once, and writing is queued until the response leaves.
pub struct TypedSession<T, L = Main> {
    session: Session<L>,
    value: PhantomData<fn() -> T>,
}

impl<T, L> TypedSession<T, L>
where
    T: Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    L: 'static,
{
    /// Takes a session.
    #[must_use]
    pub const fn new(session: Session<L>) -> Self {
        Self {
            session,
            value: PhantomData,
        }
    }

    /// Returns the session of the request that has these extensions.
    ///
    /// # Errors
    /// [`MissingLayer`](super::SessionErrorKind::MissingLayer).
    pub fn of(extensions: &Extensions) -> Result<Self, SessionError> {
        Session::of(extensions).map(Self::new)
    }

    /// Returns the value, with what was queued until now; the default where nothing is stored.
    ///
    /// # Errors
    /// As [`Session::get`]: the store could not be asked, or what is stored is no `T`.
    pub async fn get(&self) -> Result<T, SessionError> {
        Ok(self.session.get(KEY).await?.unwrap_or_default())
    }

    /// Changes the value, the default where nothing is stored, when the response leaves.
    ///
    /// The closure must be pure: it runs each time that the value is read after this, and again where somebody else has
    /// written meanwhile, then on their value. So no change of two requests is lost.
    ///
    /// # Errors
    /// As [`Session::update`].
    pub fn modify(
        &self,
        change: impl Fn(&mut T) + Send + Sync + 'static,
    ) -> Result<(), SessionError> {
        self.session
            .update(KEY, move |stored| changed(stored, &change))
    }

    /// Replaces the value, whatever it was, when the response leaves. What somebody else has written meanwhile is lost:
    /// [`modify`](Self::modify) keeps it.
    ///
    /// # Errors
    /// As [`Session::set`].
    pub fn replace(&self, value: &T) -> Result<(), SessionError> {
        self.session.set(KEY, value)
    }

    /// Returns the session: to authenticate, to rotate, to destroy.
    #[must_use]
    pub const fn session(&self) -> &Session<L> {
        &self.session
    }
}

impl<T, L> Clone for TypedSession<T, L>
where
    Session<L>: Clone,
{
    fn clone(&self) -> Self {
        Self {
            session: self.session.clone(),
            value: PhantomData,
        }
    }
}

impl<T, L> fmt::Debug for TypedSession<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedSession").finish_non_exhaustive()
    }
}

fn changed<T: Default>(stored: Option<T>, change: &impl Fn(&mut T)) -> T {
    let mut value = stored.unwrap_or_default();
    change(&mut value);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_begins_with_what_is_stored_or_the_default() {
        let change = |cart: &mut Vec<u64>| cart.push(7);
        assert_eq!(changed(None, &change), [7]);
        assert_eq!(changed(Some(vec![1, 2]), &change), [1, 2, 7]);
    }

    #[test]
    fn handles_go_wherever_a_handler_goes() {
        fn is_free<T: Clone + Send + Sync + 'static>(_: fn(Session) -> T) {}
        fn waits_free<F: Future + Send>(_: fn(&'static TypedSession<Vec<u64>>) -> F) {}
        is_free(TypedSession::<Vec<u64>>::new);
        waits_free(TypedSession::get);
    }
}
