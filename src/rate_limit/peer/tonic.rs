//! tonic's way. With its own TLS, tonic leaves the same beside its `TlsConnectInfo`.

use std::net::IpAddr;

use http::Extensions;
use tonic::transport::server::TcpConnectInfo;

#[inline]
pub(super) fn tcp_connect_info(extensions: &Extensions) -> Option<IpAddr> {
    let info = extensions.get::<TcpConnectInfo>()?;
    info.remote_addr.map(|peer| peer.ip())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::address;
    use super::*;

    #[test]
    fn tcp_connect_info_is_the_peer_where_it_has_an_address() {
        let plain = SocketAddr::from(([192, 0, 2, 7], 80));
        let remote = SocketAddr::from(([192, 0, 2, 8], 80));
        for (remote_addr, expected) in [(Some(remote), remote), (None, plain)] {
            let mut extensions = Extensions::new();
            extensions.insert(plain);
            extensions.insert(TcpConnectInfo {
                local_addr: None,
                remote_addr,
            });
            assert_eq!(address(&extensions), Some(expected.ip()));
        }
    }
}
