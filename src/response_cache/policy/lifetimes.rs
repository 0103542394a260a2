//! For how long: freshness, and the use of what is stale.

use std::time::Duration;

use http::StatusCode;

use super::CachePolicy;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl CachePolicy {
    /// Sets the lifetime of answers that say nothing of it, with a status that is cacheable by default (200, 404, … see
    /// RFC 9110, section 15.1), but for errors of the server. Default: they are not stored.
    ///
    /// Requests with credentials are neither answered so nor stored, unless the policy is [`per`](Self::per) user: an answer
    /// that says nothing may be for one of them.
    ///
    /// # Panics
    /// If it is zero. In a `const` it does not compile.
    #[must_use]
    pub const fn default_ttl(mut self, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a default lifetime of zero is none");
        self.default_ttl = Some(ttl);
        self
    }

    /// Sets the lifetime of answers with a status that is cacheable by default, but for errors of the server, whatever their
    /// fields say of it. `no-store` and `private` are obeyed all the same. Default: the answer decides.
    ///
    /// Requests with credentials: as for [`default_ttl`](Self::default_ttl).
    ///
    /// # Panics
    /// If it is zero. In a `const` it does not compile.
    #[must_use]
    pub const fn override_ttl(mut self, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a lifetime of zero is no lifetime");
        self.override_ttl = Some(ttl);
        self
    }

    /// Sets the lifetime of answers of one status that say nothing of it, such as of 404. Up to eight of them; a later one
    /// for the same status takes the place of the earlier. Goes before [`default_ttl`](Self::default_ttl).
    ///
    /// Requests with credentials: as for [`default_ttl`](Self::default_ttl).
    ///
    /// # Security
    /// A lifetime for errors lets whoever can cause one show it to others for so long.
    ///
    /// # Panics
    /// If it is zero, the status is none of 200 to 599, or is 206, 304 or 429, or there are eight already. In a `const` it does
    /// not compile.
    #[must_use]
    pub const fn status_ttl(mut self, status: u16, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a lifetime of zero is no lifetime");
        assert!(
            status >= 200 && status <= 599 && status != 206 && status != 304 && status != 429,
            "not a status that is stored for what it is"
        );
        let mut at = 0;
        while at < self.status_ttls.len() {
            match self.status_ttls[at] {
                Some((taken, _)) if taken != status => at += 1,
                _ => {
                    self.status_ttls[at] = Some((status, ttl));
                    return self;
                }
            }
        }
        panic!("at most eight statuses have lifetimes of their own")
    }

    /// Takes a tenth of the time since `Last-Modified`, at most a day, for the lifetime of what says nothing of it (RFC 9111,
    /// section 4.2.2); what has no `Last-Modified` but an `ETag` is stored to be validated. Default: off.
    ///
    /// Requests with credentials: as for [`default_ttl`](Self::default_ttl).
    #[must_use]
    pub const fn heuristic(mut self) -> Self {
        self.heuristic = Some(DAY);
        self
    }

    /// Shortens each lifetime by up to this many percent, by chance, so that what was stored together does not end
    /// together. Default: 0.
    ///
    /// # Panics
    /// Above 50. In a `const` it does not compile.
    #[must_use]
    pub const fn jitter(mut self, percent: u8) -> Self {
        assert!(
            percent <= 50,
            "at most half of a lifetime is left to chance"
        );
        self.jitter_percent = percent;
        self
    }

    /// Answers with what has ended no longer ago than this, while it is validated in the background (RFC 5861, section 3), where the
    /// response says nothing of it. Default: zero. A refresh that fails is tried again after five seconds at the earliest;
    /// at most 64 run at a time over all layers that were made from one.
    ///
    /// `must-revalidate`, `proxy-revalidate`, `s-maxage` and `no-cache` forbid it (RFC 9111, section 4.2.4).
    ///
    /// Needs an [executor](crate::response_cache::ResponseCacheLayer::executor); without one, the request waits.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// Answers with what has ended no longer ago than this instead of a 500, 502, 503 or 504, or of an error of the service
    /// (RFC 5861, section 4), where the response says nothing of it. Default: zero. Those who wait for the same get it as well, and for
    /// five seconds nobody asks the service again.
    ///
    /// `must-revalidate`, `proxy-revalidate`, `s-maxage` and `no-cache` forbid it.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// Answers with what has ended no longer ago than this where the service fails without any response (RFC 9111, section
    /// 4.2.4: "disconnected"), even if the stored response says nothing of stale use. Default: zero.
    ///
    /// Forbidden as [`stale_if_error`](Self::stale_if_error), which covers this case, too.
    #[must_use]
    pub const fn stale_on_disconnect(mut self, window: Duration) -> Self {
        self.stale_on_disconnect = window;
        self
    }

    /// Waits so long for a fresh answer before a stale one is used [while it is
    /// validated](Self::stale_while_revalidate); the refresh goes on. Default: not at all, as without a
    /// [timer](crate::response_cache::ResponseCacheLayer::timer).
    #[must_use]
    pub const fn wait_at_most(mut self, wait: Duration) -> Self {
        self.wait_at_most = Some(wait);
        self
    }

    /// Sets for how long a response with a validator (`ETag`, `Last-Modified`) is kept after the end of any use, to be
    /// validated. Default: an hour.
    #[must_use]
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    pub(in crate::response_cache) fn status_ttls(
        &self,
    ) -> impl Iterator<Item = (StatusCode, Duration)> {
        self.status_ttls
            .iter()
            .flatten()
            .filter_map(|(status, ttl)| Some((StatusCode::from_u16(*status).ok()?, *ttl)))
    }
}
