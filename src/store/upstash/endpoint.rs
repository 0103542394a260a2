//! Where requests go, and what each carries: the checked URL and token.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, AUTHORIZATION},
};
use reqwest::Url;

use crate::store::ConfigError;

/// A value and what it is called.
pub(super) type Named<'a> = (&'static str, &'a str);

/// The URLs of a database, and the headers of every request. `Debug` is left out: it holds the token.
pub(super) struct Endpoint {
    pub(super) command: Url,
    pub(super) pipeline: Url,
    pub(super) headers: HeaderMap,
}

impl Endpoint {
    pub(super) fn new(url: Named<'_>, token: Named<'_>, plain: bool) -> Result<Self, ConfigError> {
        let command = parse_url(url, plain)?;
        let mut pipeline = command.clone();
        append(&mut pipeline, &["pipeline"]);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, parse_token(token)?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            HeaderName::from_static("upstash-encoding"),
            HeaderValue::from_static("base64"),
        );
        Ok(Self {
            command,
            pipeline,
            headers,
        })
    }

    /// Returns the URL of a command in the path, whose segments are escaped.
    pub(super) fn path(&self, segments: &[&str]) -> Url {
        let mut url = self.command.clone();
        append(&mut url, segments);
        url
    }
}

fn append(url: &mut Url, segments: &[&str]) {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
}

fn parse_url((place, value): Named<'_>, plain: bool) -> Result<Url, ConfigError> {
    let wrong = |problem| ConfigError::new(place, problem);
    let value = bare((place, value))?;
    let url = Url::parse(value).map_err(|_| wrong("is not a URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if plain || is_loopback(&url) => {}
        "http" => {
            return Err(wrong(
                "is not https, so anyone on the way could read the token",
            ));
        }
        "redis" | "rediss" => {
            return Err(wrong(
                "is the URL of the TCP endpoint (redis://): what the console calls UPSTASH_REDIS_REST_URL begins with https://",
            ));
        }
        _ => return Err(wrong("does not begin with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has credentials, which belong into the token"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a query or a fragment"));
    }
    Ok(url)
}

fn parse_token((place, value): Named<'_>) -> Result<HeaderValue, ConfigError> {
    let value = bare((place, value))?;
    let wrong = ConfigError::new(place, "has characters that no token has");
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong);
    }
    let mut header = HeaderValue::try_from(format!("Bearer {value}")).map_err(|_| wrong)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns the value without white space around it, which copying adds.
fn bare((place, value): Named<'_>) -> Result<&str, ConfigError> {
    let value = value.trim();
    if value.is_empty() {
        return Err(ConfigError::new(place, "is empty"));
    }
    if value.starts_with(['"', '\'']) || value.ends_with(['"', '\'']) {
        return Err(ConfigError::new(
            place,
            "is in quotation marks: leave them out",
        ));
    }
    Ok(value)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
