//! axum's way.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::Extensions;

#[inline]
pub(super) fn connect_info(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip())
}

#[cfg(test)]
mod tests {
    use super::super::address;
    use super::*;

    #[test]
    fn connect_info_comes_before_a_plain_socket_address() {
        let mut extensions = Extensions::new();
        extensions.insert(SocketAddr::from(([192, 0, 2, 7], 80)));
        extensions.insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 8], 80))));
        assert_eq!(address(&extensions), Some([192, 0, 2, 8].into()));
    }
}
