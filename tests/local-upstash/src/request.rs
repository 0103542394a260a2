//! What an HTTP request asks for.

use std::net::IpAddr;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, HOST, ORIGIN},
    request::Parts,
    uri::Authority,
};
use percent_encoding::percent_decode;
use serde_json::value::RawValue;

use crate::{command::Command, connection::Wire, reply::Format};

pub(crate) enum Ask {
    Command(Command),
    Pipeline(Vec<Command>),
    Transaction(Vec<Command>),
    /// A `SUBSCRIBE`, `PSUBSCRIBE` or `MONITOR`, answered by events.
    Events(Wire),
}

/// Why a request does not come from a program on this machine. A page in a browser could read and delete everything
/// otherwise: the token is often a known one, and a name of its own can lead to this address.
pub(crate) fn intrusion(parts: &Parts, is_local: bool) -> Option<&'static str> {
    let header = |name: HeaderName| parts.headers.get(name).map(HeaderValue::as_bytes);
    if header(ORIGIN).is_some() {
        return Some("ERR a request of a web page, by its Origin");
    }
    let site = header(HeaderName::from_static("sec-fetch-site"));
    if !matches!(site, None | Some(b"none" | b"same-origin")) {
        return Some("ERR a request of a web page, by its Sec-Fetch-Site");
    }
    let host = header(HOST).and_then(|host| str::from_utf8(host).ok());
    (is_local && !host.is_some_and(is_loopback))
        .then_some("ERR a Host that is not this machine; listen elsewhere to allow others")
}

/// Whether a `host[:port]` is a loopback address or `localhost`.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let literal = name.trim_start_matches('[').trim_end_matches(']');
    let is_literal = literal.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    !host.contains('@') && (is_literal || name.eq_ignore_ascii_case("localhost"))
}

/// The token of the header or the query.
pub(crate) fn token(parts: &Parts) -> Option<String> {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    });
    header.or_else(|| {
        let (_, token) = query(parts).find(|(name, _)| name == b"_token")?;
        String::from_utf8(token?).ok()
    })
}

pub(crate) fn format(parts: &Parts) -> Result<Format, String> {
    let header = |name| parts.headers.get(name).map(HeaderValue::as_bytes);
    match (
        header("upstash-response-format"),
        header("upstash-encoding"),
    ) {
        (Some(b"resp2"), Some(_)) => Err("ERR resp2 and base64 do not go together".to_owned()),
        (Some(b"resp2"), None) => Ok(Format::Resp2),
        (Some(_), _) => Err("ERR unsupported response format".to_owned()),
        (None, Some(b"base64")) => Ok(Format::Base64),
        (None, _) => Ok(Format::Text),
    }
}

/// The first segment of the path, which names no key.
pub(crate) fn class(path: &str) -> String {
    let first = path.split('/').nth(1).unwrap_or_default();
    format!("/{}", first.to_ascii_lowercase())
}

pub(crate) fn parse(parts: &Parts, body: &Bytes) -> Result<Ask, String> {
    let path = parts.uri.path();
    let writes = matches!(parts.method, Method::POST | Method::PUT);
    match path.trim_end_matches('/') {
        "/pipeline" if writes => return Ok(Ask::Pipeline(list(body)?)),
        "/multi-exec" if writes => return Ok(Ask::Transaction(list(body)?)),
        "" if writes => {
            let arguments: Vec<&RawValue> =
                serde_json::from_slice(body).map_err(|_| unparsed("command"))?;
            return command(arguments).map(Ask::Command);
        }
        _ => {}
    }
    let mut arguments: Wire = path
        .split('/')
        .skip(1)
        .map(|segment| percent_decode(segment.as_bytes()).collect())
        .collect();
    let name = arguments[0].to_ascii_lowercase();
    if matches!(name.as_slice(), b"subscribe" | b"psubscribe" | b"monitor") {
        arguments.retain(|a| !a.is_empty());
        return Ok(Ask::Events(arguments));
    }
    if writes && !body.is_empty() {
        arguments.push(body.to_vec());
    }
    for (name, value) in query(parts).filter(|(name, _)| name != b"_token") {
        arguments.push(name);
        arguments.extend(value);
    }
    if arguments[0].is_empty() {
        return Err("ERR empty command".to_owned());
    }
    Command::new(arguments)
        .map(Ask::Command)
        .ok_or_else(|| unparsed("command"))
}

fn list(body: &Bytes) -> Result<Vec<Command>, String> {
    let commands: Vec<Vec<&RawValue>> =
        serde_json::from_slice(body).map_err(|_| unparsed("pipeline request"))?;
    if commands.is_empty() {
        return Err("ERR empty pipeline request".to_owned());
    }
    commands.into_iter().map(command).collect()
}

fn command(arguments: Vec<&RawValue>) -> Result<Command, String> {
    let arguments: Option<Wire> = arguments.into_iter().map(argument).collect();
    let arguments = arguments.ok_or_else(|| unparsed("command"))?;
    Command::new(arguments).ok_or_else(|| "ERR empty command".to_owned())
}

/// The text of a string, and the literal of anything else: `1.50` stays `1.50`.
fn argument(value: &RawValue) -> Option<Vec<u8>> {
    let literal = value.get();
    if literal.starts_with('"') {
        return serde_json::from_str(literal).ok().map(String::into_bytes);
    }
    Some(literal.as_bytes().to_vec())
}

fn unparsed(what: &str) -> String {
    format!("ERR failed to parse {what}")
}

/// The decoded parameters; one without `=` or with nothing behind it has no value.
fn query(parts: &Parts) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
    let query = parts.uri.query().unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| percent_decode(text.replace('+', " ").as_bytes()).collect();
            (
                decode(name),
                Some(value).filter(|v| !v.is_empty()).map(decode),
            )
        })
}
