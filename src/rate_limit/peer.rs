//! The address of the peer, as servers leave it in the request's extensions.

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "tonic")]
mod tonic;

use std::net::{IpAddr, SocketAddr};

use http::Extensions;

#[cfg(feature = "axum")]
use self::axum::connect_info;
#[cfg(not(feature = "axum"))]
use self::none as connect_info;
#[cfg(not(feature = "tonic"))]
use self::none as tcp_connect_info;
#[cfg(feature = "tonic")]
use self::tonic::tcp_connect_info;

/// Returns the address of the peer as the server found it: axum's, else tonic's, else a plain [`SocketAddr`].
#[inline]
pub(super) fn address(extensions: &Extensions) -> Option<IpAddr> {
    connect_info(extensions)
        .or_else(|| tcp_connect_info(extensions))
        .or_else(|| extensions.get::<SocketAddr>().map(SocketAddr::ip))
}

#[cfg(not(all(feature = "axum", feature = "tonic")))]
#[inline]
const fn none(_: &Extensions) -> Option<IpAddr> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_socket_address_is_the_peer() {
        let mut extensions = Extensions::new();
        assert_eq!(address(&extensions), None);
        extensions.insert(SocketAddr::from(([192, 0, 2, 7], 80)));
        assert_eq!(address(&extensions), Some([192, 0, 2, 7].into()));
    }
}
