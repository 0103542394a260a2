//! The [`RateLimitLayer`].

use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{Limit, RateLimit, config::Config};
use crate::store::{self, SharedStore};

/// Limits the requests to a service.
///
/// See the [module docs](crate::rate_limit) for examples.
#[derive(Clone)]
pub struct RateLimitLayer {
    config: Arc<Config>,
}

impl RateLimitLayer {
    /// Creates a layer without limits, which lets everything pass.
    pub fn new(store: impl Into<SharedStore>) -> Self {
        Self {
            config: Arc::new(Config::new(store.into())),
        }
    }

    /// Adds a limit. All limits of a layer are decided together: if one refuses, none is charged.
    ///
    /// # Panics
    /// If the layer has a limit of that name already, or eight limits.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        Arc::make_mut(&mut self.config).add(limit);
        self
    }

    /// Sets what is called for each [error](store::Error) of the store, before the [`OnStoreError`] of the limits takes
    /// effect: for logs and alarms. Default: nothing.
    ///
    /// [`OnStoreError`]: super::OnStoreError
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&store::Error) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.config).on_error = Some(Arc::new(hook));
        self
    }

    /// Puts a [`Report`](super::Report) of the decisions into the extensions of every response, for logs and outer
    /// layers. Default: off, since it costs an allocation.
    #[must_use]
    pub fn report(mut self) -> Self {
        Arc::make_mut(&mut self.config).report = true;
        self
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit::new(inner, Arc::clone(&self.config))
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limits", &self.config.names())
            .finish_non_exhaustive()
    }
}
