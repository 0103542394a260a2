//! One HTTP request, over the connections of a client.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::{Client, RequestBuilder, redirect, retry};

use super::{
    failure::Failure,
    response::{Answer, NoAnswer},
};
use crate::store::ErrorKind;

/// Whether the client speaks TLS.
pub(super) const TLS: bool = cfg!(feature = "rustls");

/// Returns how many requests are on the way at once, where so many are asked for.
pub(super) const fn lanes(asked: usize) -> usize {
    asked
}

/// Sends a request, and reads its answer whole.
pub(super) async fn exchange(request: RequestBuilder, limit: usize) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(failure)?;
    let length = response.content_length().unwrap_or_default();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > limit {
        return Err(NoAnswer::TooLong(limit));
    }
    let mut body = BytesMut::with_capacity(length.min(64 << 10));
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if chunk.len() > limit - body.len() {
            return Err(NoAnswer::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body: body.freeze(),
    })
}

fn failure(error: reqwest::Error) -> NoAnswer {
    let failure = if error.is_connect() && error.is_timeout() {
        Failure::new(ErrorKind::Timeout, "no connection within the time limit")
    } else if error.is_connect() {
        Failure::unavailable("no connection to the server")
    } else {
        Failure::unavailable("the connection broke off")
    };
    // Of a large write, the URL has the key.
    NoAnswer::Failed(failure.because(error.without_url()))
}

/// Returns the default client: no retries, no redirects, no proxy of the environment, connections closed before the
/// server does.
pub(super) fn client(connect_time_limit: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("tower-upstash/", env!("CARGO_PKG_VERSION")))
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(connect_time_limit)
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
}
