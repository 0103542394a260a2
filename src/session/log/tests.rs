use super::*;
use crate::session::{SessionErrorKind, error::SessionError};

fn set(key: &str, value: &'static str) -> Operation {
    Operation::Set {
        key: key.into(),
        value: Bytes::from_static(value.as_bytes()),
    }
}

fn remove(key: &str) -> Operation {
    Operation::Remove { key: key.into() }
}

/// Doubles a text, takes a long one away, and fails at `!`.
fn double(key: &str) -> Operation {
    let update = |old: Option<&[u8]>| match old {
        None => Ok(Some(Bytes::from_static(b"1"))),
        Some(b"!") => Err(SessionError::new(SessionErrorKind::Value, "no")),
        Some(old) if old.len() > 3 => Ok(None),
        Some(old) => Ok(Some(Bytes::from([old, old].concat()))),
    };
    Operation::Update {
        key: key.into(),
        update: Arc::new(update),
    }
}

fn log(operations: impl IntoIterator<Item = Operation>) -> Log {
    let mut log = Log::default();
    operations
        .into_iter()
        .for_each(|operation| log.push(operation));
    log
}

fn applied(log: &Log, stored: &'static str) -> String {
    let mut data = Data::decode(&Bytes::from_static(stored.as_bytes())).expect("sound");
    log.apply(&mut data).expect("no update fails");
    let pairs = data.pairs().map(|pair| {
        let text = |piece| std::str::from_utf8(piece).expect("text");
        let (key, value) = (text(pair.0), text(pair.1));
        format!("{key}={value}")
    });
    pairs.collect::<Vec<_>>().join(" ")
}

#[test]
fn operations_are_done_in_order_on_whatever_is_stored() {
    let log = log([set("a", "1"), remove("b"), double("a"), double("c")]);
    assert_eq!(applied(&log, ""), "a=11 c=1");
    assert_eq!(applied(&log, "1:b1:21:c1:31:d1:4"), "a=11 c=33 d=4");
    assert_eq!(
        applied(&log, "1:c4:four"),
        "a=11",
        "an update may take away"
    );
}

#[test]
fn what_comes_after_a_clear_stays() {
    let log = log([set("a", "1"), Operation::Clear, set("b", "2"), double("a")]);
    assert_eq!(applied(&log, "1:c1:3"), "a=1 b=2");
}

#[test]
fn an_update_that_fails_ends_it() {
    let mut data = Data::decode(&Bytes::from_static(b"1:a1:!")).expect("sound");
    let error = log([double("a")]).apply(&mut data).expect_err("it fails");
    assert_eq!(error.kind(), SessionErrorKind::Value);
}

#[test]
fn what_is_made_void_is_not_kept() {
    let many = (0..1000).flat_map(|_| [double("a"), set("a", "1"), set("b", "2")]);
    assert_eq!(log(many).0.len(), 2);
    let cleared = log([
        double("a"),
        set("b", "1"),
        Operation::Clear,
        Operation::Clear,
    ]);
    assert_eq!(cleared.0.len(), 1);
    assert!(!cleared.is_empty(), "it still clears what is stored");
    assert!(log([]).is_empty());
}

#[test]
fn a_key_that_is_set_again_keeps_what_updates_of_others_do() {
    let log = log([double("b"), set("a", "1"), double("b"), set("a", "2")]);
    assert_eq!(applied(&log, ""), "a=2 b=11");
}

#[test]
fn it_tells_of_a_key_only_what_no_stored_value_changes() {
    let is = |operations: Vec<Operation>, key: &str, told: Told| log(operations).tells(key) == told;
    let value = |text: &'static str| Told::Value(Bytes::from_static(text.as_bytes()));
    assert!(is(vec![], "a", Told::Nothing));
    assert!(is(vec![set("a", "1"), set("b", "2")], "a", value("1")));
    assert!(is(vec![set("b", "2")], "a", Told::Nothing));
    assert!(is(vec![set("a", "1"), remove("a")], "a", Told::Absent));
    assert!(is(vec![set("a", "1"), Operation::Clear], "a", Told::Absent));
    assert!(is(vec![Operation::Clear, set("a", "1")], "a", value("1")));
    assert!(is(vec![set("a", "1"), double("a")], "a", Told::Nothing));
    assert!(is(vec![double("a"), set("a", "1")], "a", value("1")));
}
