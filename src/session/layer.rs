//! The [`SessionLayer`].

use std::{any::TypeId, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use tower_layer::Layer;

use super::{
    Event, Lifetime, Main, SessionCookie, SessionError, SessionLimit, SessionService, Sessions,
    Transport,
    config::Config,
    cross_origin,
    handle::{insert, insert_marked},
};
use crate::{
    notice::Once,
    store::SharedStore,
    time::{Clock, Timer},
};

/// Gives the requests of a service a [`Session`](super::Session) each.
///
/// See the [module docs](crate::session) for examples. A layer is a value that is cheap to clone.
#[derive(Clone)]
pub struct SessionLayer {
    config: Arc<Config>,
}

impl SessionLayer {
    /// Creates a layer with the cookie `__Host-id`, whose sessions end after 30 minutes without activity and after 12 hours at
    /// all.
    pub fn new(store: impl Into<SharedStore>) -> Self {
        Self {
            config: Arc::new(Config::new(store.into())),
        }
    }

    /// Sets the name, which is part of the keys in the store. Default: `session`. Layers of one name share their sessions.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.set(|config| config.set_name(name))
    }

    /// Sets the type by which handlers tell the sessions of this layer from those of others around the same service: as
    /// `Session<Admin>`, say. Default: [`Main`]. Give it a [name](Self::name) and a [cookie](Self::cookie) of its own, too.
    #[must_use]
    pub fn marker<L: 'static>(self) -> Self {
        self.set(|config| {
            let is_main = TypeId::of::<L>() == TypeId::of::<Main>();
            config.insert = if is_main {
                insert::<L>
            } else {
                insert_marked::<L>
            };
        })
    }

    /// Sets for how long sessions live that have [no lifetime of their own](super::Session::set_lifetime). Default:
    /// 30 minutes without activity, 12 hours at all. A shorter one holds at once, also for sessions that are there.
    #[must_use]
    pub fn lifetime(self, lifetime: Lifetime) -> Self {
        self.set(|config| config.lifetime = lifetime)
    }

    /// Sets the cookie, the only [transport](Self::transports). Default: [`SessionCookie::host("id")`](SessionCookie::host).
    #[must_use]
    pub fn cookie(self, cookie: SessionCookie) -> Self {
        self.transports([Transport::cookie(cookie)])
    }

    /// Sets how tokens travel. The first one by which a request brings any counts, and its response goes the same way; a
    /// client who brings none is told by the first one.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn transports(self, transports: impl IntoIterator<Item = Transport>) -> Self {
        static INSECURE: Once = Once::new();
        let transports: Vec<_> = transports.into_iter().collect();
        assert!(
            !transports.is_empty(),
            "sessions have at least one transport"
        );
        if transports
            .iter()
            .any(|transport| transport.insecure().is_some())
        {
            INSECURE.say(|| {
                "the session cookie is not Secure: whoever is on the way can read it, and log in with it. This is for development \
                 only; use `SessionCookie::host`"
            });
        }
        self.set(|config| config.transports = transports)
    }

    /// Limits how many sessions a subject may have at a time. Default: no limit.
    #[must_use]
    pub fn per_subject(self, limit: SessionLimit) -> Self {
        self.set(|config| config.per_subject = Some(limit))
    }

    /// Sets how much data a session may hold, keys and values, in bytes. Default: 64 KiB.
    #[must_use]
    pub fn max_bytes(self, bytes: usize) -> Self {
        self.set(|config| config.max_bytes = bytes)
    }

    /// Sets how many keys a session may have. Default: 128.
    #[must_use]
    pub fn max_keys(self, keys: usize) -> Self {
        self.set(|config| config.max_keys = keys)
    }

    /// Sets how long a read, or a commit with all its attempts, may take. Default: two seconds. Without a
    /// [timer](Self::timer) there is no limit but the store's.
    #[must_use]
    pub fn time_limit(self, limit: Duration) -> Self {
        self.set(|config| config.time_limit = limit)
    }

    /// Lets requests of other origins use sessions: `https://app.example.com`. Default: none.
    ///
    /// A request whose method is not safe (RFC 9110, section 9.2.1), and that a browser sends for another origin, cannot use
    /// a session that travels by cookie, nor make one: [`CrossOrigin`](super::SessionErrorKind::CrossOrigin). Other services of the same site
    /// are other origins, too.
    ///
    /// # Panics
    /// If one is no origin: scheme, host, and port unless it is the scheme's own, without a path.
    ///
    /// # Security
    /// Whoever runs such an origin can do whatever your users can.
    #[must_use]
    pub fn trusted_origins<'a>(self, origins: impl IntoIterator<Item = &'a str>) -> Self {
        let origins = origins.into_iter().map(|text| {
            cross_origin::origin(text).unwrap_or_else(|| {
                panic!("`{text}` is no origin, such as `https://app.example.com`")
            })
        });
        let origins = origins.collect();
        self.set(|config| config.trusted_origins = origins)
    }

    /// Tells browsers at logout to forget what they have cached and stored of the site (`Clear-Site-Data`). Default: only their
    /// token.
    #[must_use]
    pub fn clear_site_data(self) -> Self {
        self.set(|config| config.clears_site_data = true)
    }

    /// Sets what is told of each [`Event`]: for audits, metrics and alarms. It is called within requests, and must neither
    /// block nor panic. Default: nothing.
    #[must_use]
    pub fn on_event(self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.set(|config| config.on_event = Some(Arc::new(hook)))
    }

    /// Sets the response in the place of one whose session could not be written. Default:
    /// [`SessionError::to_response`]. gRPC clients get a status in any case.
    #[must_use]
    pub fn on_error(
        self,
        hook: impl Fn(&SessionError) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.set(|config| config.on_error = Some(Arc::new(hook)))
    }

    /// Sets the timer of the [time limit](Self::time_limit). Default: tokio's, with the feature `tokio`.
    #[must_use]
    pub fn timer(self, timer: Timer) -> Self {
        self.set(|config| config.timer = Some(timer))
    }

    /// Sets the clock of lifetimes. For tests; default: the system's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.set(|config| config.clock = Arc::new(clock))
    }

    /// Returns a handle to all sessions, to list and end them by their subject.
    #[must_use]
    pub fn handle(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.config))
    }

    pub(super) fn set(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService::new(inner, Arc::clone(&self.config))
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("name", &self.config.scope.name())
            .field("lifetime", &self.config.lifetime)
            .finish_non_exhaustive()
    }
}
