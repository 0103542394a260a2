//! The [`Session`] of a request.

use std::{fmt, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use http::Extensions;
use serde_core::{Serialize, de::DeserializeOwned};

use super::{
    Detached, Event, Fingerprint, Lifetime, SessionError, SessionErrorKind, SessionId, csrf,
    log::Operation, state::State, value,
};
use crate::response_cache::Personal;

/// The session of a request. Cheap to clone; all clones are the same session.
///
/// It lies in the extensions of the request, and is an extractor of axum's (feature `axum`). `L` is the
/// [marker](super::SessionLayer::marker) of its layer, for services with several.
///
/// **Reads** wait for the store once, at the first of them; a request that looks at nothing costs nothing. **Writes** are
/// queued, seen by later reads of the same request, and committed together before the head of the response leaves:
///
/// - If somebody else has written meanwhile, the queue is done again on what he wrote: different keys are merged, the
///   same key has the later value, [`update`](Self::update) runs again.
/// - If the session is gone, by a logout, say, the writes are dropped, and the client's cookie is left alone.
/// - If the service answers 5xx (or a gRPC status of that kind), or fails, the queue is dropped, but for
///   [`destroy`](Self::destroy).
/// - If the store fails, or others write without an end, the client gets an error instead of the response, see
///   [`SessionError`].
/// - What is written later, while a body streams, is an error ([`Committed`](SessionErrorKind::Committed)).
///
/// The session of a client who has none is made by the first write; until then nothing is stored, and no cookie is sent.
///
/// # Errors
/// All methods: [`CrossOrigin`](SessionErrorKind::CrossOrigin) for a request that another origin has made a browser send.
/// Those that wait: [`Store`](SessionErrorKind::Store) if the store could not be asked (it is not known then whether there is a
/// session; later calls in the same request fail at once), [`Corrupt`](SessionErrorKind::Corrupt) if what is stored is no
/// session.
///
/// # Cancellation
/// A read that is dropped has no effect. One that was begun, and is kept without being polled, holds up the others of its request,
/// which fail when the time limit is over.
pub struct Session<L = Main> {
    pub(super) state: Arc<State>,
    layer: PhantomData<fn() -> L>,
}

/// The marker of a layer that has no other.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Main;

/// Puts a session where handlers find it.
pub(super) fn insert<L: 'static>(extensions: &mut Extensions, state: Arc<State>) {
    extensions.insert(Session::<L> {
        state,
        layer: PhantomData,
    });
}

/// As [`insert`], with a mark that caches inside find without knowing the marker.
pub(super) fn insert_marked<L: 'static>(extensions: &mut Extensions, state: Arc<State>) {
    state.set_personal(Personal::of(extensions));
    insert::<L>(extensions, state);
}

/// Returns the mark of the session in the extensions of a request, if there is one: a cache inside takes it.
pub(crate) fn personal(extensions: &Extensions) -> Option<Personal> {
    let session = extensions.get::<Session>()?;
    Some(session.state.personal())
}

/// What belongs to a session and is no key of its user's.
const FLASHES: &str = "\u{1}flash";

impl<L: 'static> Session<L> {
    /// Returns the session in the extensions of a request.
    ///
    /// # Errors
    /// [`MissingLayer`](SessionErrorKind::MissingLayer) if no layer with this marker has put one there.
    pub fn of(extensions: &Extensions) -> Result<Self, SessionError> {
        extensions
            .get()
            .cloned()
            .ok_or_else(|| SessionError::of(SessionErrorKind::MissingLayer))
    }
}

impl<L> Session<L> {
    /// Returns the value of a key; `None` where there is none.
    ///
    /// # Errors
    /// [`Value`](SessionErrorKind::Value) if it is no `T`. And as [above](Self#errors).
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        value::read(self.state.value(key).await?.as_deref())
    }

    /// Sets the value of a key: anything that is written as JSON. To set the same value again is no write.
    ///
    /// # Errors
    /// [`InvalidKey`](SessionErrorKind::InvalidKey) for a key of no or more than 128 bytes, or with a control character;
    /// [`TooLarge`](SessionErrorKind::TooLarge) for a value [beyond what a session may hold](super::SessionLayer::max_bytes), and
    /// for more than a thousand changes beside one for each key that a session may have;
    /// [`Value`](SessionErrorKind::Value) for one that is no JSON; [`Committed`](SessionErrorKind::Committed).
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), SessionError> {
        let value = value::write(value, self.state.config.max_bytes)?;
        self.state.push(Operation::Set {
            key: value::key(key)?,
            value,
        })
    }

    /// Changes the value of a key: the function gets what is there, and returns what shall be.
    ///
    /// It runs when the value is read, and when it is written; once more for each time that somebody else was faster. So
    /// nothing is lost of what several requests count up at the same time, and the function must have no effect
    /// besides.
    ///
    /// ```
    /// # use tower_upstash::session::{Session, SessionError};
    /// # fn count(session: &Session) -> Result<(), SessionError> {
    /// session.update("hits", |hits: Option<u64>| hits.unwrap_or(0) + 1)
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set). If what is there is no `T`, the next read fails, or the commit.
    pub fn update<T, F>(&self, key: &str, update: F) -> Result<(), SessionError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(Option<T>) -> T + Send + Sync + 'static,
    {
        let most = self.state.config.max_bytes;
        let update =
            move |old: Option<&[u8]>| value::write(&update(value::read(old)?), most).map(Some);
        self.state.push(Operation::Update {
            key: value::key(key)?,
            update: Arc::new(update),
        })
    }

    /// Removes a key, if it is there.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn remove(&self, key: &str) -> Result<(), SessionError> {
        self.state.push(Operation::Remove {
            key: value::key(key)?,
        })
    }

    /// Returns the value of a key, and removes it. A newer value that somebody else has set meanwhile stays.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`set`](Self::set).
    pub async fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        let Some(taken) = self.state.value(key).await? else {
            return Ok(None);
        };
        let value = value::read(Some(&taken))?;
        let update = move |old: Option<&[u8]>| {
            Ok(old.filter(|old| *old != taken).map(Bytes::copy_from_slice))
        };
        self.state.push(Operation::Update {
            key: value::key(key)?,
            update: Arc::new(update),
        })?;
        Ok(value)
    }

    /// Removes all keys. The session stays, and so does who is authenticated: [`destroy`](Self::destroy) logs out.
    ///
    /// # Errors
    /// [`Committed`](SessionErrorKind::Committed). And as [above](Self#errors).
    pub fn clear(&self) -> Result<(), SessionError> {
        self.state.push(Operation::Clear)
    }

    /// Leaves a message for the next page that [asks](Self::take_flashes): "saved", say, before a redirect. Of messages that
    /// nobody asks for, the last 32 are kept.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn flash<T: Serialize + ?Sized>(&self, message: &T) -> Result<(), SessionError> {
        let most = self.state.config.max_bytes;
        let message = value::write(message, most)?;
        self.state.push(Operation::Update {
            key: FLASHES.into(),
            update: Arc::new(move |old| value::appended(old, &message).map(Some)),
        })
    }

    /// Returns the messages that were left, and removes them. One that is no `T` is left out, and removed as well.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`set`](Self::set).
    pub async fn take_flashes<T: DeserializeOwned>(&self) -> Result<Vec<T>, SessionError> {
        let Some(taken) = self.state.value(FLASHES).await? else {
            return Ok(Vec::new());
        };
        let messages = value::messages(&taken);
        self.state.push(Operation::Update {
            key: FLASHES.into(),
            update: Arc::new(move |old| value::without(old, &taken)),
        })?;
        Ok(messages)
    }

    /// Sets for how long this session lives, from now on and for good, whatever the lifetime of the layer is. "Remember me"
    /// is [`Lifetime::persistent`].
    ///
    /// # Errors
    /// [`Committed`](SessionErrorKind::Committed). And as [above](Self#errors).
    pub fn set_lifetime(&self, lifetime: Lifetime) -> Result<(), SessionError> {
        self.state.change(|work| {
            work.pending.intent.lifetime = Some(lifetime);
            Ok(())
        })
    }

    /// Says that this request is no activity: for what a page asks again and again by itself.
    pub fn no_touch(&self) {
        self.state.work().is_no_activity = true;
    }

    /// Returns whether there is a session, or will be.
    ///
    /// # Errors
    /// As [above](Self#errors).
    pub async fn exists(&self) -> Result<bool, SessionError> {
        self.state.exists().await
    }

    /// Returns the name of the session in [lists](Self::list): no secret, and the same after each rotation. `None` where
    /// there is no session yet.
    ///
    /// # Errors
    /// As [above](Self#errors).
    pub async fn id(&self) -> Result<Option<SessionId>, SessionError> {
        self.state.read(|work| work.id()).await
    }

    /// Returns a token for forms: another text each time, valid as long as the
    /// session has this token. A client who has no session gets one.
    ///
    /// In a request that also [rotates](Self::rotate) or [authenticates](Self::authenticate), ask for it after that.
    ///
    /// # Errors
    /// As [above](Self#errors); [`Committed`](SessionErrorKind::Committed) where a session would have to be made.
    pub async fn csrf_token(&self) -> Result<String, SessionError> {
        self.state.touch()?;
        self.state.load().await?;
        let token = self.state.token_to_come()?;
        csrf::make(&token)
    }

    /// Checks what a form has brought.
    ///
    /// # Errors
    /// [`CsrfToken`](SessionErrorKind::CsrfToken) if it is not from this session. And as [above](Self#errors).
    pub async fn verify_csrf(&self, text: &str) -> Result<(), SessionError> {
        let current = self.state.read(|work| work.current.clone()).await?;
        if let Some(current) = current {
            if csrf::is_of(text, &current.token) {
                return Ok(());
            }
            let session = Fingerprint::of(&current.identifier);
            self.state.config.tell(&Event::CsrfToken { session });
        }
        Err(SessionError::of(SessionErrorKind::CsrfToken))
    }

    /// Writes what is queued now, instead of with the head of the response: for who wants to know what became of it. What
    /// is queued later is written with the head.
    ///
    /// # Errors
    /// As [above](Self#errors), and [`Gone`](SessionErrorKind::Gone) if the session was ended meanwhile,
    /// [`Conflict`](SessionErrorKind::Conflict), [`LimitReached`](SessionErrorKind::LimitReached), [`TooLarge`](SessionErrorKind::TooLarge), [`Value`](SessionErrorKind::Value).
    /// What was queued is dropped, but for [`destroy`](Self::destroy), which is tried again with the head.
    ///
    /// # Cancellation
    /// It is written or not. The session cannot be used any more in this request, but for [`destroy`](Self::destroy), which is
    /// tried again with the head.
    pub async fn commit(&self) -> Result<(), SessionError> {
        self.state.commit_now().await
    }

    /// Returns a handle for what outlives the request: see [`Detached`]. `None` where there is no session. If the session is to
    /// have a new token, or to be made, it is [committed](Self::commit) before.
    ///
    /// # Errors
    /// As [above](Self#errors).
    pub async fn detach(&self) -> Result<Option<Detached>, SessionError> {
        self.state.settle().await?;
        let current = self.state.read(|work| work.current.clone()).await?;
        let config = &self.state.config;
        Ok(current.map(|current| Detached::new(Arc::clone(config), current.identifier.clone())))
    }
}

impl<L> Clone for Session<L> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            layer: PhantomData,
        }
    }
}

impl<L> fmt::Debug for Session<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.state.config.scope.name())
            .finish_non_exhaustive()
    }
}
