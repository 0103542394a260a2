//! Which proxies are believed when they say whom a request came from, and in which header they say it.
//!
//! Every proxy writes the address that it was called from at the right end of a list, and anybody can write anything
//! to the left of that: the list is walked from the right, over all lines of the header, as far as those who wrote it
//! are trusted.

mod entries;
mod networks;
mod node;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

pub use self::networks::InvalidNetwork;
use self::{entries::Entries, networks::Networks};

/// The proxies that are believed, and the header in which they tell the client's address.
///
/// What nobody trusted has written is never looked at. Where the walk meets something that is no address (`unknown`, an
/// obfuscated name, nothing at all), the last trusted address stands for the client: whoever sends garbage shares the
/// limit of the proxy that let it pass, and never gets a limit of its own. So it is after a hundred entries.
///
/// ```
/// use tower_upstash::rate_limit::TrustedProxies;
///
/// // One load balancer, whatever its address:
/// const BALANCER: TrustedProxies = TrustedProxies::hops(1);
///
/// // Proxies known by their addresses, which speak RFC 7239:
/// let proxies = TrustedProxies::networks(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])?.forwarded();
/// # Ok::<_, tower_upstash::rate_limit::InvalidNetwork>(())
/// ```
///
/// # Security
/// One header is read, since a proxy that keeps one of them passes the others on as the client sent them. Choose the
/// one that your proxy writes.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    trust: Trust,
    header: Header,
}

#[derive(Clone, Debug)]
enum Trust {
    Hops(u8),
    Networks(Networks),
}

#[derive(Clone, Debug)]
enum Header {
    XForwardedFor,
    Forwarded,
    Single(HeaderName),
}

// Each proxy adds one.
const MOST_ENTRIES: usize = 100;

impl TrustedProxies {
    /// Trusts `n` proxies in front of this server, whatever their addresses; 0 trusts none.
    ///
    /// The peer is the first of them, the last entry of the list the second; the client is the `n`-th entry from the
    /// right. In a shorter list it is the leftmost entry, and without a list the peer: a request that came past a proxy
    /// counts for whom the first proxy on its way was called from. A server that sees no peer (a function behind a
    /// gateway) counts the same way.
    ///
    /// # Security
    /// Only for servers that cannot be reached but through all of the proxies. Whoever gets past one of them writes an
    /// entry that is believed, and may be anybody. [`networks`](Self::networks) does not have this weakness.
    #[must_use]
    pub const fn hops(n: u8) -> Self {
        Self {
            trust: Trust::Hops(n),
            header: Header::XForwardedFor,
        }
    }

    /// Trusts the proxies with addresses in these networks, in CIDR notation, or single addresses; without any, none.
    ///
    /// An entry is believed if the one who wrote it is in one of the networks: for the last entry that is the peer, for
    /// each other the address in the entry to its right. The first address that is in none of them is the client. A peer
    /// that is in none of them is the client itself. If all are in them, the leftmost entry is the client: it is one of
    /// your own. Without a peer address (a Unix socket, a function behind a gateway) nobody is believed:
    /// [`hops`](Self::hops) are for that.
    ///
    /// IPv4 addresses match IPv4 networks, also where either is mapped into IPv6 (`::ffff:0:0/96`).
    ///
    /// # Errors
    /// If one of them is no network, has bits set beyond its prefix (`10.0.0.1/8`), or a prefix longer than an address.
    /// Spaces around it are ignored.
    ///
    /// # Security
    /// Everybody in the networks can be anybody. A network that clients are in as well (`0.0.0.0/0`) lets them choose
    /// their address; one that is missing a proxy makes all clients of that proxy one.
    pub fn networks<I>(networks: I) -> Result<Self, InvalidNetwork>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Ok(Self {
            trust: Trust::Networks(Networks::parse(networks)?),
            header: Header::XForwardedFor,
        })
    }

    /// Reads `for=` in `Forwarded` (RFC 7239). Default: `X-Forwarded-For`.
    ///
    /// An element that is malformed or has no `for=` counts as no address.
    ///
    /// # Security
    /// Only behind proxies that write this header: most do not, and pass on what the client has sent.
    #[must_use]
    pub fn forwarded(mut self) -> Self {
        self.header = Header::Forwarded;
        self
    }

    /// Reads the one address in a header of the proxy's own, such as `cf-connecting-ip`, `fly-client-ip` or `x-real-ip`.
    /// Default: `X-Forwarded-For`.
    ///
    /// With [`networks`](Self::networks) if the peer is in one of them, with [`hops`](Self::hops) if there is at least
    /// one. Anything but one line with one address counts as no address.
    ///
    /// # Security
    /// Only behind proxies that overwrite this header in every request: otherwise the client chooses its address. How
    /// many proxies there are does not matter here, only that the one who writes it is among them.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = Header::Single(name);
        self
    }

    /// Returns the address of the client, never mapped into IPv6. `None` if there is no peer and nobody else is believed.
    #[inline]
    pub(super) fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.map(|ip| ip.to_canonical());
        if !self.trust.believes(peer, 0) {
            return peer;
        }
        match &self.header {
            Header::XForwardedFor => self.walk(peer, Entries::x_forwarded_for(headers)),
            Header::Forwarded => self.walk(peer, Entries::forwarded(headers)),
            Header::Single(name) => single(headers, name).or(peer),
        }
    }

    fn walk(
        &self,
        peer: Option<IpAddr>,
        entries: impl Iterator<Item = Option<IpAddr>>,
    ) -> Option<IpAddr> {
        let mut client = peer;
        for (place, entry) in (1..=MOST_ENTRIES).zip(entries) {
            let Some(ip) = entry else { break };
            client = Some(ip);
            if !self.trust.believes(client, place) {
                break;
            }
        }
        client
    }
}

impl Trust {
    /// Returns whether someone is a proxy that is believed: the peer is at place 0, the last entry at place 1.
    fn believes(&self, who: Option<IpAddr>, place: usize) -> bool {
        match self {
            Self::Hops(n) => place < usize::from(*n),
            Self::Networks(networks) => who.is_some_and(|ip| networks.contain(ip)),
        }
    }
}

fn single(headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?;
    // Two lines: one of them is the client's.
    lines
        .next()
        .is_none()
        .then(|| node::address(line.as_bytes()))?
}
