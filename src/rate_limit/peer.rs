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
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        let mapped = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped();
        let wide = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6);
        let network = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, 0);
        for (peer, expected) in [
            (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 7])),
            (mapped.into(), IpAddr::from([192, 0, 2, 7])),
            (wide.into(), network.into()),
        ] {
            let mut extensions = Extensions::new();
            assert_eq!(ip(&extensions), None);
            extensions.insert(SocketAddr::new(peer, 80));
            assert_eq!(ip(&extensions), Some(expected));
        }
    }
}
