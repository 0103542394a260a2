//! The address of the peer, as servers leave it in the request's extensions.

#[cfg(feature = "axum")]
mod axum;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::Extensions;

#[cfg(feature = "axum")]
use self::axum::connect_info;
#[cfg(not(feature = "axum"))]
use self::none as connect_info;

/// Returns the address that stands for the client: IPv4 by itself, IPv6 by its /64 network.
#[inline]
pub(super) fn ip(extensions: &Extensions) -> Option<IpAddr> {
    let peer = connect_info(extensions).or_else(|| extensions.get::<SocketAddr>().copied())?;
    Some(match peer.ip().to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    })
}

#[cfg(not(feature = "axum"))]
fn none(_: &Extensions) -> Option<SocketAddr> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        for (peer, expected) in [
            ("192.0.2.7:80", Some("192.0.2.7")),
            ("[::ffff:192.0.2.7]:80", Some("192.0.2.7")),
            ("[2001:db8:1:2:3:4:5:6]:80", Some("2001:db8:1:2::")),
        ] {
            let mut extensions = Extensions::new();
            extensions.insert(peer.parse::<SocketAddr>().ok());
            assert_eq!(ip(&extensions), None);
            extensions.extend(peer.parse::<SocketAddr>().map(|peer| {
                let mut extensions = Extensions::new();
                extensions.insert(peer);
                extensions
            }));
            assert_eq!(
                ip(&extensions).map(|ip| ip.to_string()).as_deref(),
                expected
            );
        }
    }
}
