//! The mark of a response that belongs to one user.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::Extensions;

#[cfg(not(feature = "session"))]
use self::nobody as of_session;
#[cfg(feature = "session")]
use crate::session::personal as of_session;

/// Says that a response belongs to one user: the cache does not store it, whatever its header fields say. Clones share
/// the mark.
///
/// For layers that know users, such as one of sessions, and for handlers. It works in both orders of stacking: the mark
/// lies in the extensions of the request, where the outer of the two layers puts it and the inner one finds it.
///
/// ```
/// use http::Request;
/// use tower_upstash::response_cache::Personal;
///
/// /// A handle of a user's session, which handlers find in the extensions.
/// #[derive(Clone)]
/// struct Session {
///     personal: Personal,
/// }
///
/// impl Session {
///     fn user(&self) -> &str {
///         self.personal.mark(); // from here on, the response depends on the user
///         "alice"
///     }
/// }
///
/// /// What the layer does with each request.
/// fn call<B>(request: &mut Request<B>) {
///     let personal = Personal::of(request.extensions_mut());
///     request.extensions_mut().insert(Session { personal });
/// }
/// # let mut request = Request::new(());
/// # call(&mut request);
/// # let cache = Personal::of(request.extensions_mut());
/// # assert!(!cache.is_marked());
/// # assert_eq!(request.extensions().get::<Session>().unwrap().user(), "alice");
/// # assert!(cache.is_marked());
/// ```
///
/// A service that makes requests anew loses their extensions. It may put a mark into those of the response instead:
/// with axum, `(Extension(Personal::marked()), response)`.
///
/// The cache looks when the head of the response is there, and once more before it stores: a body that touches a session
/// while it streams is in time. The mark is for good.
#[derive(Clone, Debug, Default)]
pub struct Personal(Arc<AtomicBool>);

impl Personal {
    /// Nobody's yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody's.
    #[must_use]
    pub fn marked() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Returns the one in the extensions of a request or response, which is put there if there is none.
    #[must_use]
    pub fn of(extensions: &mut Extensions) -> Self {
        if let Some(known) = extensions.get::<Self>() {
            return known.clone();
        }
        let new = of_session(extensions).unwrap_or_default();
        extensions.insert(new.clone());
        new
    }

    /// Says that the response belongs to one user.
    pub fn mark(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Returns whether anybody said so.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// In the extensions of the request to a layer inside of another one: that one has decided what is stored, or that
/// nothing is, and the outer one stores nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Outer(Arc<AtomicBool>);

impl Outer {
    /// Tells the layer outside, if there is one.
    pub(super) fn tell(extensions: &Extensions) {
        if let Some(Self(has_inner)) = extensions.get() {
            has_inner.store(true, Ordering::Release);
        }
    }
}

/// The marks that are looked at for one response: of its request, and its own.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    personal: [Option<Personal>; 2],
    outer: Outer,
}

impl Marks {
    /// Before the service is called.
    pub(super) fn of_request(extensions: &mut Extensions) -> Self {
        let outer = Outer::default();
        extensions.insert(outer.clone());
        Self {
            personal: [Some(Personal::of(extensions)), None],
            outer,
        }
    }

    /// When the head of the response is there.
    pub(super) fn and_response(mut self, extensions: &Extensions) -> Self {
        let [_, response] = &mut self.personal;
        *response = extensions.get().cloned();
        self
    }

    pub(super) fn is_personal(&self) -> bool {
        self.personal.iter().flatten().any(Personal::is_marked)
    }

    /// Returns whether the response came through a layer inside of this one.
    pub(super) fn is_nested(&self) -> bool {
        self.outer.0.load(Ordering::Acquire)
    }
}

#[cfg(not(feature = "session"))]
const fn nobody(_: &Extensions) -> Option<Personal> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The session layer outside has put the mark there; inside, it finds that of the cache.
    #[test]
    fn a_mark_is_seen_in_both_orders_of_stacking() {
        let mut request = Extensions::new();
        let outer = Personal::of(&mut request);
        let marks = Marks::of_request(&mut request);
        assert!(!marks.is_personal());
        outer.mark();
        assert!(marks.is_personal());

        let mut request = Extensions::new();
        let marks = Marks::of_request(&mut request);
        let inner = Personal::of(&mut request.clone());
        let marks = marks.and_response(&Extensions::new());
        assert!(!marks.is_personal());
        inner.mark();
        assert!(marks.is_personal());
    }

    #[test]
    fn a_mark_in_a_response_is_seen_also_when_it_comes_after_the_head() {
        let mut response = Extensions::new();
        let inner = Personal::of(&mut response);
        let marks = Marks::of_request(&mut Extensions::new()).and_response(&response);
        assert!(!marks.is_personal());
        inner.mark();
        assert!(marks.is_personal());

        response.insert(Personal::marked());
        let marks = Marks::of_request(&mut Extensions::new()).and_response(&response);
        assert!(marks.is_personal());
    }

    #[test]
    fn requests_have_marks_of_their_own() {
        let [mut one, mut other] = [Extensions::new(), Extensions::new()];
        Personal::of(&mut one).mark();
        assert!(!Marks::of_request(&mut other).is_personal());
    }
}
