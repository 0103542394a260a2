//! axum's way.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::Extensions;

#[inline]
pub(super) fn connect_info(extensions: &Extensions) -> Option<SocketAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0)
}
