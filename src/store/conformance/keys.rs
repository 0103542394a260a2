//! Whose entry is whose.

use std::net::IpAddr;

use super::{
    Fixture, Violation,
    trial::{TTL, Trial},
};
use crate::{
    quota::Quota,
    store::{ErrorKind, Identifier, Key, Kind, Scope, Spend, Store, Write},
};

const WRITABLE: [Kind; 5] = [
    Kind::Session,
    Kind::Cache,
    Kind::Counter,
    Kind::Lock,
    Kind::Data,
];

/// Kinds, names and identifiers that look alike when put together are still different keys.
pub async fn keys_that_look_alike_are_apart(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("keys_that_look_alike_are_apart");
    let base = trial.scope(Kind::Data);
    let named = |end: &str| Scope::new(Kind::Data, &format!("{}{end}", base.name()));
    let ip = IpAddr::from([127, 0, 0, 1]);
    let mut keys = vec![
        named(":a:b").key("c"),
        named(":a").key("b:c"),
        named("").key("a:b:c"),
        named("%3Aa").key("b:c"),
        named("").key("a%3Ab%3Ac"),
        named("").key(ip),
        named("").key("127.0.0.1"),
        named("").key("@127.0.0.1"),
        named("").key(Identifier::hashed("x")),
        named("").key("x"),
        base.within("p").key("x"),
        base.within("p:d").key("x"),
        base.within("p").within("d").key("x"),
    ];
    keys.extend(WRITABLE.map(|kind| Scope::new(kind, base.name()).key("kinds")));
    apart(trial, &keys).await
}

/// Identifiers may be empty, long, or any bytes, and are told apart to the last one.
pub async fn identifiers_are_any_bytes(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("identifiers_are_any_bytes");
    let scope = trial.scope(Kind::Data);
    let mut keys = Vec::new();
    for length in [0, 1, 45, 46, 254, 255, 256, 257, 32_999, 33_000] {
        keys.push(scope.key(Identifier::new(vec![b'x'; length])));
    }
    for length in [46, 255, 256, 33_000] {
        let mut bytes = vec![b'x'; length];
        bytes[length - 1] = b'y';
        keys.push(scope.key(Identifier::new(bytes)));
    }
    let odd: [&[u8]; 8] = [
        b"\0", b"\0\0", b"\0a", b"\xff", b"\xfe", b"\r\n", b":", b"{x}",
    ];
    keys.extend(odd.map(|bytes| scope.key(Identifier::new(bytes))));
    apart(trial, &keys).await
}

/// The name is part of a key: the same identifier under two names is two limits, two entries, two counters.
pub async fn names_are_part_of_keys(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("names_are_part_of_keys");
    let [one, other] = [trial.key(Kind::Counter), trial.key(Kind::Counter)];
    trial.increment(&one, 1).await?;
    trial.same(trial.increment(&other, 1).await?, 1, "the other counter")?;
    let quota = Quota::per_hour(1);
    let [one, other] = [trial.key(Kind::Limit), trial.key(Kind::Limit)];
    for key in [&one, &other] {
        let decision = trial.spend(key, quota, Spend::Take(1)).await?;
        trial.holds(decision.allowed(), "another limit took the units")?;
    }
    apart(trial, &[trial.key(Kind::Data), trial.key(Kind::Data)]).await
}

/// Limits, indexes and purge logs are not read, written or incremented, and only limits are claimed.
pub async fn kinds_with_a_method_of_their_own_have_no_other(
    fixture: &Fixture,
) -> Result<(), Violation> {
    let trial = fixture.trial("kinds_with_a_method_of_their_own_have_no_other");
    let (store, invalid) = (trial.store(), ErrorKind::Invalid);
    for key in [Kind::Limit, Kind::Index, Kind::Purge].map(|kind| trial.key(kind)) {
        trial.fails(store.get(&key).await, invalid, "a read")?;
        trial.fails(store.put(&key, "", TTL).await, invalid, "a put")?;
        trial.fails(store.delete(&key).await, invalid, "a delete")?;
        trial.fails(store.increment(&key, 1, TTL).await, invalid, "an increment")?;
    }
    let write = Write::put(trial.key(Kind::Session), "", TTL).member_of(trial.key(Kind::Data));
    let result = store.write(&write.into()).await;
    trial.fails(result, invalid, "a membership in what is no index")
}

/// Puts a value of its own under each key, and expects it there.
async fn apart(trial: Trial<'_>, keys: &[Key]) -> Result<(), Violation> {
    for (number, key) in keys.iter().enumerate() {
        trial.put(key, number.to_string(), TTL).await?;
    }
    for (number, key) in keys.iter().enumerate() {
        let value = trial.entry(key).await?.into_value();
        let what = format!("the value of key {number}");
        trial.same(value, number.to_string().into(), &what)?;
    }
    Ok(())
}
