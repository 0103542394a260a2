//! Where requests come from.

use std::net::IpAddr;

use http::request::Parts;

use super::{TrustedProxies, network, notices::Notices, peer};
use crate::{func::Func, head::Head};

/// How a layer finds addresses.
#[derive(Clone)]
pub(super) struct Addresses {
    pub(super) proxies: Option<TrustedProxies>,
    pub(super) peer: Option<Func<Parts, Option<IpAddr>>>,
    pub(super) ipv6_prefix: u8,
    pub(super) notices: Notices,
}

impl Addresses {
    pub(super) fn new() -> Self {
        Self {
            proxies: None,
            peer: None,
            ipv6_prefix: 64,
            notices: Notices::default(),
        }
    }

    pub(super) const fn needs_parts(&self) -> bool {
        self.peer.is_some()
    }

    /// Returns what stands for the peer.
    #[inline(always)] // a fifth of asking
    pub(super) fn peer(&self, head: &Head<'_>) -> Option<IpAddr> {
        let peer = self.raw_peer(head);
        if peer.is_none() {
            self.notices.missing_peer(head.extensions);
        }
        peer.map(|ip| self.network(ip))
    }

    /// Returns what stands for the client.
    #[inline]
    pub(super) fn client(&self, head: &Head<'_>) -> Option<IpAddr> {
        match &self.proxies {
            None => self.peer(head),
            Some(proxies) => self.behind(proxies, head),
        }
    }

    // Apart: an address that comes from two places is put together byte by byte.
    #[inline(never)]
    fn behind(&self, proxies: &TrustedProxies, head: &Head<'_>) -> Option<IpAddr> {
        let client = proxies.client(self.raw_peer(head), head.headers);
        if client.is_none() {
            self.notices.missing_peer(head.extensions);
        }
        client.map(|ip| self.network(ip))
    }

    /// Says aloud that a proxy seems to be in front: asked when a limit by address refuses, which is when it matters.
    pub(super) fn untrusted_proxy(&self, head: &Head<'_>) {
        if self.proxies.is_none() {
            self.notices
                .untrusted_proxy(self.raw_peer(head), head.headers);
        }
    }

    /// Returns what stands for an address.
    #[inline]
    pub(super) fn network(&self, ip: IpAddr) -> IpAddr {
        network::network(ip, self.ipv6_prefix)
    }

    #[inline]
    fn raw_peer(&self, head: &Head<'_>) -> Option<IpAddr> {
        match &self.peer {
            None => peer::address(head.extensions),
            Some(find) => head.parts.and_then(|parts| find.call(parts)),
        }
    }
}
