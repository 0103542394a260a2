//! What our session layer adds to a request, over the memory store.
//!
//! A token is hashed where its session is first asked for, and a new one where it is made. This is taken off, except in the
//! rows that say so.

use std::hint::black_box;

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_upstash::{
    session::{Session, SessionLayer},
    store::MemoryStore,
};

use super::{
    Answer, FIELDS, HITS, Handler, another, answer, fresh, in_use, row, set_cookie, with,
    with_in_use,
};
use crate::{layer::NoOp, row::Row};

pub fn rows() -> Vec<Row> {
    let mut rows = untouched();
    rows.extend(without_cookie());
    rows.extend(with_cookie());
    rows
}

/// What passes by: nothing is hashed, nothing is asked of the store.
fn untouched() -> Vec<Row> {
    vec![
        row("session: no cookie, untouched", fresh, || begun(NoOp))
            .over(super::BARE)
            .peer(super::UNTOUCHED)
            .most(600)
            .allocations(2),
        row("session: no cookie, extensions in use", in_use, || {
            begun(NoOp)
        })
        .over(super::IN_USE)
        .peer(super::UNTOUCHED_IN_USE)
        .most(600)
        .allocations(2),
        row("session: cookie, untouched", with, || begun(NoOp))
            .over(super::WITH_COOKIE)
            .peer(super::COOKIE_UNTOUCHED)
            .most(1200)
            .allocations(4),
        row("session: cookie, extensions in use", with_in_use, || {
            begun(NoOp)
        })
        .over(super::WITH_COOKIE_IN_USE)
        .peer(super::COOKIE_UNTOUCHED_IN_USE)
        .most(1200)
        .allocations(4),
    ]
}

fn without_cookie() -> Vec<Row> {
    vec![
        row("session: no cookie, read", fresh, || {
            begun(Handler(read::<false>))
        })
        .over(super::BARE)
        .peer(super::NOTHING_READ),
        row("session: no cookie, create", fresh, || {
            begun(Handler(write))
        })
        .over(super::HASHED)
        .peer(super::CREATE)
        .most(9000)
        .allocations(16)
        .fewer(10),
        row("session: create, hashed in software", fresh, || {
            begun(Handler(write))
        })
        .over(super::BARE)
        .peer(super::CREATE)
        .fewer(10),
    ]
}

fn with_cookie() -> Vec<Row> {
    vec![
        row("session: cookie, read", with, || {
            begun(Handler(read::<true>))
        })
        .over(super::HASHED_WITH_COOKIE)
        .peer(super::READ)
        .most(4000)
        .allocations(8),
        row("session: read, hashed in software", with, || {
            begun(Handler(read::<true>))
        })
        .over(super::WITH_COOKIE)
        .peer(super::READ),
        row("session: cookie, write", with, || begun(Handler(write)))
            .over(super::HASHED_WITH_COOKIE)
            .peer(super::WRITE)
            .most(9000)
            .allocations(16),
        row("session: write, hashed in software", with, || {
            begun(Handler(write))
        })
        .over(super::WITH_COOKIE)
        .peer(super::WRITE),
        row("session: cookie, update", with, || begun(Handler(update)))
            .over(super::HASHED_WITH_COOKIE)
            .peer(super::UPDATE)
            .most(9000)
            .allocations(16),
    ]
}

/// Returns a service behind the layer, and the cookie of a session that was written to twice.
fn begun<S>(service: S) -> (<SessionLayer as Layer<S>>::Service, HeaderValue) {
    let layer = SessionLayer::new(MemoryStore::new());
    let begun = answer(&mut layer.layer(Handler(begin)), Request::default());
    let cookie = set_cookie(&begun);
    let updated = answer(&mut layer.layer(Handler(update)), with(&cookie));
    assert_eq!(updated.status(), StatusCode::OK);
    let counted = answer(&mut layer.layer(Handler(twice)), with(&cookie));
    assert_eq!(counted.status(), StatusCode::OK);
    (layer.layer(service), cookie)
}

async fn begin(request: Request<Body>) -> Answer {
    let session = session(&request);
    for (key, value) in FIELDS {
        session.set(key, value).expect("a value");
    }
    session.set(HITS, &1_u64).expect("a value");
    Ok(Response::default())
}

/// Checks that both writes have arrived.
async fn twice(request: Request<Body>) -> Answer {
    let hits = session(&request).get::<u64>(HITS).await;
    assert_eq!(hits.expect("a value"), Some(2));
    Ok(Response::default())
}

/// Reads the counter. It is there, or not, as the row says.
async fn read<const THERE: bool>(request: Request<Body>) -> Answer {
    let hits = session(&request).get::<u64>(HITS).await;
    assert_eq!(black_box(hits.expect("a value")).is_some(), THERE);
    Ok(Response::default())
}

async fn write(request: Request<Body>) -> Answer {
    let written = session(&request).set(HITS, &another());
    written.expect("a value");
    Ok(Response::default())
}

async fn update(request: Request<Body>) -> Answer {
    let counted = session(&request).update(HITS, |hits: Option<u64>| hits.unwrap_or(0) + 1);
    counted.expect("a value");
    Ok(Response::default())
}

fn session(request: &Request<Body>) -> Session {
    let session = request.extensions().get::<Session>();
    session.expect("a layer that inserts it").clone()
}
