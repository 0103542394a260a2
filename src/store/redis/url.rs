//! URLs: what is wrong with one, without showing it: it has the password in it.

use redis::{Client, ConnectionInfo, IntoConnectionInfo, io::tcp::TcpSettings};

use crate::store::{Error, ErrorKind, Result};

/// Reads a URL. Connects to nothing.
pub(super) fn client(url: &str) -> Result<Client> {
    if redis::parse_redis_url(url).is_none() {
        return Err(Error::invalid(unread(url)));
    }
    let settle = |info: ConnectionInfo| {
        // A call is one small packet: it must not wait for the answer to the one before.
        info.set_tcp_settings(TcpSettings::default().set_nodelay(true))
    };
    url.into_connection_info()
        .map(settle)
        .and_then(Client::open)
        .map_err(|error| refused(&error.to_string()))
}

fn unread(url: &str) -> &'static str {
    match url.split_once(':') {
        Some(("http" | "https", _)) => {
            "a REST URL, which is for UpstashStore: RedisStore takes redis:// or rediss://"
        }
        Some(("redis" | "rediss", rest)) if rest.starts_with("//") => {
            "a Redis URL that cannot be read; is the password percent-encoded?"
        }
        _ => "not a Redis URL: it begins with redis:// or rediss://",
    }
}

/// Says what redis-rs says, in words of ours: nobody promises that its own never show the URL.
fn refused(text: &str) -> Error {
    const KNOWN: [(&str, &str); 7] = [
        ("hostname", "a Redis URL without a host"),
        (
            "database number",
            "a Redis URL whose path is not the number of a database",
        ),
        ("Username", "a Redis URL whose user is not UTF-8"),
        ("Password", "a Redis URL whose password is not UTF-8"),
        ("fragment", "a Redis URL with a fragment"),
        ("wildcard", "a Redis URL whose host is a wildcard address"),
        ("protocol", "a Redis URL with an unknown protocol"),
    ];
    if text.contains("TLS") {
        return Error::new(
            ErrorKind::Unsupported,
            "rediss:// needs TLS: enable a feature of the crate redis, such as tokio-rustls-comp",
        );
    }
    let known = KNOWN.iter().find(|(part, _)| text.contains(part));
    Error::invalid(known.map_or("a Redis URL that is not valid", |(_, message)| message))
}
