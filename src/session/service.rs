//! The [`SessionService`].

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    ResponseFuture, Transport,
    config::Config,
    cross_origin::is_cross_origin,
    state::State,
    transport::{Presented, presented},
};
use crate::{body::ResponseBody, response_cache::Personal};

/// Gives each request a session.
///
/// See the [module docs](crate::session) for examples.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> SessionService<S> {
    pub(super) const fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }

    /// Returns the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let state = self.config.begin(&mut request);
        ResponseFuture::new(self.inner.call(request), state)
    }
}

impl Config {
    /// Puts a session into a request. Nothing is read yet.
    fn begin<B>(self: &Arc<Self>, request: &mut Request<B>) -> Arc<State> {
        let presented = presented(&self.transports, request.headers());
        let is_foreign = self.is_foreign(request, &presented);
        let state = Arc::new(State::new(Arc::clone(self), presented, is_foreign));
        // A cache outside has left its mark; one inside asks the session for it.
        if let Some(personal) = request.extensions().get::<Personal>() {
            state.set_personal(personal.clone());
        }
        (self.insert)(request.extensions_mut(), Arc::clone(&state));
        state
    }

    /// Returns whether another origin makes the browser send what only its user should: cookies travel by themselves, other
    /// tokens do not.
    ///
    /// A `GET` that brings nothing is nobody's: a WebSocket opened by it has no session to act in. So most requests are not
    /// searched any further.
    #[inline]
    fn is_foreign<B>(&self, request: &Request<B>, presented: &Presented) -> bool {
        if !presented.any && request.method().is_safe() {
            return false;
        }
        let cookie = if presented.any {
            self.transports
                .get(presented.transport)
                .is_some_and(Transport::is_cookie)
        } else {
            self.transports.iter().any(Transport::is_cookie)
        };
        cookie
            && is_cross_origin(
                request.method(),
                request.uri(),
                request.headers(),
                &self.trusted_origins,
            )
    }
}

impl<S> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("name", &self.config.scope.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
