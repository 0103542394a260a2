//! The store over HTTPS, against a server that does what each test needs: what leaves, together or apart; who learns
//! what of a failure; and what is never shown.

mod bounds;
mod cancel;
mod conformance;
mod env;
mod faults;
mod figures;
mod grouping;
mod local;
mod outage;
mod refusals;
mod replica;
mod scripts;
mod secrets;
mod server;
mod session_costs;
mod site;
mod values;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tower_upstash::store::{
    Entry, Key, Kind, Result, Scope, SharedStore, UpstashStore, UpstashStoreBuilder,
};

use self::server::Server;

/// More than any answer needs, less than anyone would wait for.
const PATIENCE: Duration = Duration::from_secs(20);

const TOKEN: &str = "CANARY-token";

fn builder(server: &Server) -> UpstashStoreBuilder {
    UpstashStore::builder(&server.url(), TOKEN).time_limit(PATIENCE)
}

fn open(server: &Server) -> SharedStore {
    builder(server).build().unwrap().into()
}

fn key(id: &str) -> Key {
    Scope::new(Kind::Data, "CANARY-scope").key(id)
}

/// What the server answers to a read.
fn value_of(id: &str) -> String {
    format!("value of {}", key(id).to_text())
}

fn text(entry: Result<Option<Entry>>) -> String {
    String::from_utf8(entry.unwrap().unwrap().value().to_vec()).unwrap()
}

/// Polls once, without waking anyone.
fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
