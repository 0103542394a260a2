//! The settings of an [`UpstashStore`].

use std::{fmt, sync::Arc, time::Duration};

use super::{
    UpstashStore,
    endpoint::{Endpoint, Named},
    link::Link,
    sync::SyncToken,
    transport,
    usage::Meter,
    wire::Rest,
};
use crate::{
    executor::Executor,
    store::{ConfigError, remote::Settings},
    time::{Clock, Timer},
};

/// Settings of an [`UpstashStore`].
#[must_use]
pub struct UpstashStoreBuilder {
    url: (&'static str, String),
    token: (&'static str, String),
    plain_http: bool,
    time_limit: Duration,
    connect_time_limit: Duration,
    lanes: usize,
    max_value: usize,
    read_regions: Option<u8>,
    price_per_100k: f64,
    executor: Option<Executor>,
    timer: Option<Timer>,
    client: Option<reqwest::Client>,
    settings: Settings,
}

impl UpstashStoreBuilder {
    /// Starts with a URL and a token, called so in errors.
    pub(super) fn named(url: Named<'_>, token: Named<'_>) -> Self {
        Self {
            url: (url.0, url.1.to_owned()),
            token: (token.0, token.1.to_owned()),
            plain_http: false,
            time_limit: Duration::from_millis(250),
            connect_time_limit: Duration::from_secs(1),
            lanes: 4,
            max_value: 1 << 20,
            read_regions: None,
            price_per_100k: 0.20,
            executor: None,
            timer: None,
            client: None,
            settings: Settings::default(),
        }
    }

    /// Sets how long a call waits for its answer, its wait in the queue included. Default: 250 ms.
    ///
    /// The first call also waits for the connection: [`ping`](crate::store::Store::ping) at the start, which may take
    /// [`connect_time_limit`](Self::connect_time_limit) longer.
    ///
    /// A write that has timed out may still happen, up to `connect_time_limit` later: a request goes on for that long without
    /// its call, since a slow connection would never be opened if each attempt ended with its call.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets how long a connection may take to open. Default: one second.
    pub const fn connect_time_limit(mut self, limit: Duration) -> Self {
        self.connect_time_limit = limit;
        self
    }

    /// Sets how many requests of small commands are on the way at once, at least one. Default: 4.
    ///
    /// Beyond them, calls gather and leave together: fewer lanes mean fewer requests, and longer waits. One lane lets
    /// a slow answer hold up everything.
    ///
    /// Without effect on `wasm32-unknown-unknown`: there, what is asked in one turn of the event loop leaves together, and
    /// nothing waits for a lane, since the turns of a Worker belong to different requests.
    pub const fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = if lanes == 0 { 1 } else { lanes };
        self
    }

    /// Sets the largest value, in bytes. Default: 1 MiB. Plans limit requests to 10 MB and more, and values that are no
    /// text grow by a third.
    pub const fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// Says that the database is global, with so many read regions: what this store wrote it reads back, whichever replica
    /// answers, and writes are billed in each region. Other processes see it when their replica does. Of writes that are on
    /// their way at the same time, the one that is answered last is certain to be seen. Default: one region only.
    ///
    /// A read that finds no entry for a key of the kind [`Session`](crate::store::Kind::Session) is confirmed once on the
    /// primary, whose answer counts: so a session that began elsewhere a moment ago is found. It costs a trip and two commands
    /// more, which [`usage`](UpstashStore::usage) counts, also where the session does not exist. What a replica still has is not
    /// confirmed: that a session has ended is seen when the replica sees it.
    pub const fn global(mut self, read_regions: u8) -> Self {
        self.read_regions = Some(read_regions);
        self
    }

    /// Sets the price of 100,000 commands, for [`UpstashUsage::dollars`](super::UpstashUsage::dollars). Default: 0.20.
    pub const fn price_per_100k(mut self, dollars: f64) -> Self {
        self.price_per_100k = dollars;
        self
    }

    /// Sets what runs the requests. Default: tokio's; that of the host on
    /// `wasm32-unknown-unknown`.
    ///
    /// Except on wasm32, the connections need a tokio runtime: another executor has to run its tasks inside of one that
    /// lives as long as the store. It needs a [`timer`](Self::timer) beside it.
    pub fn executor(mut self, executor: Executor) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Sets what the time limits are measured with. Default: as for the [`executor`](Self::executor), and none beside an
    /// executor of one's own.
    ///
    /// tokio's panics in a runtime that was built without `enable_time`.
    pub fn timer(mut self, timer: Timer) -> Self {
        self.timer = Some(timer);
        self
    }

    /// Sets the HTTP client, for a proxy, certificates or a resolver of one's own. Default: one that connects directly, and
    /// takes no notice of `HTTPS_PROXY`.
    ///
    /// Turn its [retries](reqwest::ClientBuilder::retry) and redirects off: a write that is sent twice happens twice.
    /// Close idle connections after 30 seconds, before the server does. [`connect_time_limit`](Self::connect_time_limit)
    /// must be set on the client as well.
    ///
    /// # Security
    /// The client sees the token with every request: a proxy that ends TLS can read it.
    pub fn client(mut self, client: reqwest::Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Shares the limits of this name with `@upstash/ratelimit` (2.x) under its `prefix`: the same keys, values and times
    /// to live. Default: none.
    ///
    /// Its `fixedWindow`, `slidingWindow` and `tokenBucket` are our
    /// [`AlignedWindow`](crate::quota::Algorithm::AlignedWindow), [`SlidingWindow`](crate::quota::Algorithm::SlidingWindow)
    /// and [`TokenBucket`](crate::quota::Algorithm::TokenBucket); other algorithms fail as
    /// [`Unsupported`](crate::store::ErrorKind::Unsupported). Time is the client's, as there. A refused claim consumes
    /// nothing, where theirs (up to 2.2) counts some that it refuses. Dynamic limits, analytics and deny lists are theirs
    /// alone. The prefix of a [`PrefixedStore`](crate::store::PrefixedStore) is no part of these keys.
    ///
    /// # Security
    /// Their keys are not injective: an identifier from outside that contains `:` can name the key of another one. Two
    /// claims of a call that meet on a key in two layouts fail as [`Invalid`](crate::store::ErrorKind::Invalid). Of names
    /// whose bucket would lie where a dynamic limit, analytics or a deny list does (`dynamic:…`, `events:…`, `denyList:…`,
    /// `ipDenyListStatus`), the key has the SHA-256, and theirs does not count on it. A name that begins as our own hashes do (`~`, `!`, `*`) is
    /// percent-encoded, so that it is none: theirs does not count on that key, and a name that spells the encoded one does.
    pub fn upstash_ratelimit(mut self, name: &str, prefix: &str) -> Self {
        self.settings = self.settings.upstash_ratelimit(name, prefix);
        self
    }

    /// Decides all limits by the client's clock, not by the server's: a command less in each call, and too much or too
    /// little admitted by as much as the clocks of clients differ. Default: the server's clock.
    pub fn client_clock(mut self) -> Self {
        self.settings = self.settings.client_clock();
        self
    }

    /// Sets the client's clock. Default: [`SystemClock`](crate::time::SystemClock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings = self.settings.clock(clock);
        self
    }

    /// Takes `http://` also for hosts other than this one. Default: only `https://`, and `http://` for `localhost` and
    /// loopback addresses.
    ///
    /// # Security
    /// Anyone on the way can read the token and everything that is stored, and answer in the name of the store.
    pub const fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Opens the store. Connects at the first call.
    ///
    /// # Errors
    /// [`ConfigError`] for a URL or a token that cannot be used, or an executor without a timer.
    pub fn build(self) -> Result<UpstashStore, ConfigError> {
        let url = (self.url.0, self.url.1.as_str());
        let token = (self.token.0, self.token.1.as_str());
        let endpoint = Endpoint::new(url, token, self.plain_http)?;
        if !transport::TLS && self.client.is_none() && endpoint.command.scheme() == "https" {
            return Err(ConfigError::new(
                url.0,
                "is https, which needs the feature `rustls` or a client of one's own",
            ));
        }
        if self.executor.is_some() && self.timer.is_none() {
            return Err(ConfigError::new(
                "the timer",
                "has to be set with the executor: that of the platform may not run there",
            ));
        }
        let client = match self.client {
            Some(client) => client,
            None => transport::client(self.connect_time_limit)
                .map_err(|_| ConfigError::new("the HTTP client", "cannot be made"))?,
        };
        let link = Link {
            client,
            endpoint,
            executor: self
                .executor
                .or_else(Executor::of_platform)
                .expect("the feature `upstash` brings an executor"),
            timer: self.timer.unwrap_or_else(Timer::platform),
            time_limit: self.time_limit,
            connect_time_limit: self.connect_time_limit,
            max_value: self.max_value,
            meter: Meter::new(self.read_regions.unwrap_or(0), self.price_per_100k),
            late: Arc::default(),
            sync: self.read_regions.map(|_| SyncToken::default()),
        };
        Ok(UpstashStore::over(
            Rest::new(link, self.lanes),
            self.settings,
        ))
    }
}

impl fmt::Debug for UpstashStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstashStoreBuilder")
            .field("time_limit", &self.time_limit)
            .field("connect_time_limit", &self.connect_time_limit)
            .field("lanes", &self.lanes)
            .field("max_value", &self.max_value)
            .field("read_regions", &self.read_regions)
            .finish_non_exhaustive()
    }
}
