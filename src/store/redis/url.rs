//! URLs: what is wrong with one, without showing it: it has the password in it.

use redis::{Client, ConnectionInfo, IntoConnectionInfo, io::tcp::TcpSettings};

use crate::store::ConfigError;

/// Reads a URL. Connects to nothing.
pub(super) fn client(url: &str) -> Result<Client, ConfigError> {
    if redis::parse_redis_url(url).is_none() {
        return Err(wrong(unread(url)));
    }
    let settle = |info: ConnectionInfo| {
        // A call is one small packet: it must not wait for the answer to the one before.
        info.set_tcp_settings(TcpSettings::default().set_nodelay(true))
    };
    // Nobody promises that the errors of redis-rs never show the URL.
    let info = url.into_connection_info().map(settle).map_err(|_| {
        wrong(if url.starts_with("rediss:") {
            "is not valid, or TLS is missing: enable it in the crate redis, as by its feature tokio-rustls-comp"
        } else {
            "has a host, user, password, database or protocol that is not valid"
        })
    })?;
    Client::open(info).map_err(|_| wrong("cannot be used"))
}

const fn wrong(problem: &'static str) -> ConfigError {
    ConfigError::new("the URL", problem)
}

fn unread(url: &str) -> &'static str {
    match url.split_once(':') {
        Some(("http" | "https", _)) => {
            "is a REST URL, which is for UpstashStore: RedisStore takes redis:// or rediss://"
        }
        Some(("redis" | "rediss", rest)) if rest.starts_with("//") => {
            "cannot be read; is the password percent-encoded?"
        }
        _ => "is not one of Redis: it begins with redis:// or rediss://",
    }
}
