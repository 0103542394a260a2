//! What a layer says aloud, once: that it cannot tell clients apart, and what to do about it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use http::{Extensions, HeaderMap, header::FORWARDED};

use super::route;
use crate::{
    notice::Once,
    store::{Error, ErrorKind},
};

/// The notices of a layer. Clones share what has been said.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices(Arc<Said>);

#[derive(Debug, Default)]
struct Said {
    missing_peer: Once,
    untrusted_proxy: Once,
    store: Once,
}

impl Notices {
    /// Says that a request has no peer address, and which call of which server is missing.
    #[cold]
    pub(super) fn missing_peer(&self, extensions: &Extensions) {
        let is_axum = route::is_axum(extensions);
        self.0.missing_peer.say(|| MissingPeer { is_axum });
    }

    /// Says that a proxy seems to be in front, where no proxy is trusted: for a limit by address that knows of none.
    ///
    /// Only of a peer with a private address. From everywhere else such a header may be an attacker's, and advice to
    /// trust it would be the attacker's wish. Best asked when a request is refused: that is when it matters, and the
    /// requests that pass need not look for headers.
    #[cold]
    pub(super) fn untrusted_proxy(&self, peer: Option<IpAddr>, headers: &HeaderMap) {
        let said = &self.0.untrusted_proxy;
        if said.is_said() || !peer.is_some_and(is_private) {
            return;
        }
        let header = if headers.contains_key("x-forwarded-for") {
            "X-Forwarded-For"
        } else if headers.contains_key(FORWARDED) {
            "Forwarded"
        } else {
            return;
        };
        said.say(|| UntrustedProxy { header });
    }
}

impl Notices {
    /// Says that limits are not what they seem, since the store cannot be asked: if that will not pass by itself, or if
    /// nobody listens to events.
    #[cold]
    pub(super) fn store(&self, error: &Error, heard: bool) {
        let passes = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unavailable);
        if !(heard && passes) {
            self.0.store.say(|| StoreFails {
                error: error.to_string(),
            });
        }
    }
}

struct StoreFails {
    error: String,
}

impl fmt::Display for StoreFails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a rate limit cannot ask its store: {}. Meanwhile each limit does as its `on_store_error` says, by default it \
             counts in this process. `RateLimitLayer::on_event` tells of each failure, this only of the first.",
            self.error
        )
    }
}

struct MissingPeer {
    is_axum: bool,
}

impl fmt::Display for MissingPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a rate limit by address met a request without a peer address. Until that is mended, all such requests share \
             one limit, unless the limit says otherwise (`missing`). ",
        )?;
        if self.is_axum {
            return write!(f, "Serve with {AXUM}.");
        }
        f.write_str("axum: ")?;
        if !cfg!(feature = "axum") {
            f.write_str("enable the feature `axum` of tower-upstash and ")?;
        }
        write!(f, "serve with {AXUM}. tonic: ")?;
        f.write_str(if cfg!(feature = "tonic") {
            "serve TCP connections, whose `TcpConnectInfo` is read. "
        } else {
            "enable the feature `tonic` of tower-upstash. "
        })?;
        f.write_str(
            "hyper and other servers: insert the peer's `std::net::SocketAddr` into the extensions of each request. \
             Behind a gateway that leaves no peer: `TrustedProxies::hops`.",
        )
    }
}

const AXUM: &str =
    "`axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())`";

struct UntrustedProxy {
    header: &'static str,
}

impl fmt::Display for UntrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a rate limit by address met a request with the header `{}` from a private address: behind a proxy that is \
             not trusted, all clients share the proxy's limit. Name the proxies by `RateLimitLayer::trusted_proxies`: \
             `TrustedProxies::networks([\"10.0.0.0/8\"])` or `TrustedProxies::hops(1)`",
            self.header
        )?;
        if self.header == "Forwarded" {
            f.write_str(", with `.forwarded()` if the proxy writes that header")?;
        }
        f.write_str(".")
    }
}

/// Returns whether a proxy may be at the address, and the internet is not.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared(ip)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10 (RFC 6598): inside of clouds and overlay networks.
const fn is_shared(ip: Ipv4Addr) -> bool {
    ip.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::rate_limit::MatchedRoute;

    fn says_untrusted_proxy(peer: Option<&str>, header: &'static str) -> bool {
        let notices = Notices::default();
        let value = HeaderValue::from_static("192.0.2.7");
        let headers = HeaderMap::from_iter([(HeaderName::from_static(header), value)]);
        let peer = peer.map(|peer| peer.parse().expect("an address"));
        notices.untrusted_proxy(peer, &headers);
        notices.0.untrusted_proxy.is_said()
    }

    #[test]
    fn a_forwarding_header_from_a_private_address_is_noticed() {
        for peer in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "::ffff:10.1.2.3",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            for header in ["x-forwarded-for", "forwarded"] {
                assert!(says_untrusted_proxy(Some(peer), header), "{peer}");
            }
            assert!(!says_untrusted_proxy(Some(peer), "x-forwarded-proto"));
        }
    }

    #[test]
    fn a_forwarding_header_from_the_internet_is_not_noticed() {
        for peer in [
            "203.0.113.7",
            "100.63.255.255",
            "100.128.0.0",
            "2001:db8::1",
        ] {
            assert!(!says_untrusted_proxy(Some(peer), "x-forwarded-for"));
        }
        assert!(!says_untrusted_proxy(None, "x-forwarded-for"));
    }

    #[test]
    fn a_missing_peer_names_the_call_that_is_missing() {
        let axum = MissingPeer { is_axum: true }.to_string();
        assert!(axum.contains("into_make_service_with_connect_info::<SocketAddr>()"));
        assert!(axum.contains("share one limit") && !axum.contains("hyper"));

        let any = MissingPeer { is_axum: false }.to_string();
        assert!(any.contains("into_make_service_with_connect_info::<SocketAddr>()"));
        assert!(any.contains("hyper") && any.contains("tonic") && any.contains("hops"));
        assert_eq!(any.contains("feature `axum`"), !cfg!(feature = "axum"));
        assert_eq!(any.contains("feature `tonic`"), !cfg!(feature = "tonic"));
    }

    #[test]
    fn a_missing_peer_is_noticed_once_by_all_clones() {
        let notices = Notices::default();
        let mut extensions = Extensions::new();
        extensions.insert(MatchedRoute::new("/"));
        let clone = notices.clone();
        notices.missing_peer(&extensions);
        drop(notices);
        assert!(clone.0.missing_peer.is_said());
    }
}
