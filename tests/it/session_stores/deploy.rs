//! Versions and keys that differ between the processes of a rolling deployment.

use bytes::Bytes;
use http::StatusCode;
use tower_upstash::{
    session::{Keyring, Session, SessionError, SessionLayer},
    store::{Cursor, Entry, Identifier, Key, Kind, Scope, SharedStore, Store as _},
};

use super::site::{MINUTE, Told, add, ask, everywhere, log_in, number, show};

/// Returns the key of the only session of a subject.
async fn key_of(store: &SharedStore, subject: &str) -> Key {
    let index = Scope::new(Kind::Index, "session").key(Identifier::hashed(subject));
    let members = store.members(&index, Cursor::START).await.unwrap();
    let [member] = &members.identifiers[..] else {
        panic!("one session");
    };
    Scope::new(Kind::Session, "session").key(member.clone())
}

async fn entry(store: &SharedStore, key: &Key) -> Entry {
    store.get(key).await.unwrap().expect("it is still there")
}

/// Sends each kind of request that needs the record, and expects that the record cannot be read, and stays.
async fn cannot_use(
    layer: &SessionLayer,
    store: &SharedStore,
    (token, key): (&str, &Key),
    what: &str,
) {
    let before = entry(store, key).await;
    type Handler = fn(&Session) -> Result<(), SessionError>;
    let handlers: [Handler; 3] = [
        |session| session.set("n", &9),
        |session| add(session, "n"),
        Session::rotate,
    ];
    let mut replies = vec![
        ask(layer, Some(token), async |session| {
            show(&session, "n").await
        })
        .await,
    ];
    for handler in handlers {
        replies.push(ask(layer, Some(token), async |session| handler(&session)).await);
    }
    for reply in replies {
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{what}");
        assert_eq!(reply.told, Told::Nothing, "{what}");
    }
    let ignorant = ask(layer, Some(token), async |_| ()).await;
    assert!(ignorant.is_ok(), "{what}");
    let after = entry(store, key).await;
    assert_eq!(after.value(), before.value(), "{what}");
    assert_eq!(after.version(), before.version(), "{what}");
}

#[tokio::test]
async fn a_record_of_another_version_is_an_error_and_stays_as_it_is() {
    everywhere(async |place| {
        let (layer, [store, _], name) = (place.layer(), &place.stores, &*place.name);
        let begun = ask(&layer, None, async |session| {
            session.set("n", &7)?;
            session.authenticate("alice")
        });
        let token = begun.await.token();
        let key = key_of(store, "alice").await;
        let known = entry(store, &key).await.value().clone();
        let mut newer = known.to_vec();
        newer[0] += 1;
        store
            .put(&key, Bytes::from(newer), 30 * MINUTE)
            .await
            .unwrap();
        cannot_use(&layer, store, (&token, &key), name).await;
        assert!(
            layer.handle().list("alice").await.unwrap().is_empty(),
            "{name}"
        );
        // Who has another session is not disturbed.
        let other = log_in(&layer, None, "alice").await;
        assert_eq!(number(&layer, &other, "n").await, "-", "{name}");
        store.put(&key, known, 30 * MINUTE).await.unwrap();
        assert_eq!(number(&layer, &token, "n").await, "7", "{name}");
        assert_eq!(
            layer.handle().list("alice").await.unwrap().len(),
            2,
            "{name}"
        );
        // Only who logs in takes its place.
        let mut newer = entry(store, &key).await.value().to_vec();
        newer[0] += 1;
        store.put(&key, newer, 30 * MINUTE).await.unwrap();
        let new = log_in(&layer, Some(&token), "alice").await;
        assert_eq!(number(&layer, &new, "n").await, "-", "{name}");
        assert!(store.get(&key).await.unwrap().is_none(), "{name}");
    })
    .await;
}

#[tokio::test]
async fn encryption_is_switched_on_and_keys_change_without_losing_a_session() {
    everywhere(async |place| {
        let (plain, [store, _], name) = (place.layer(), &place.stores, &*place.name);
        let with = |keyring| place.layer().encrypt(keyring);
        let [one, two] = [[1; 32], [2; 32]].map(|key| move || Keyring::new(key));
        let begun = ask(&plain, None, async |session| {
            session.set("n", &1)?;
            session.authenticate("alice")
        });
        let token = begun.await.token();
        let key = key_of(store, "alice").await;
        let at_rest =
            async || String::from_utf8_lossy(entry(store, &key).await.value()).into_owned();
        let adds = async |layer: &SessionLayer, expected: &str| {
            let written = ask(layer, Some(&token), async |session| add(&session, "n")).await;
            assert_eq!(
                (written.is_ok(), written.told),
                (true, Told::Nothing),
                "{name}"
            );
            assert_eq!(number(layer, &token, "n").await, expected, "{name}");
        };
        let held = (&*token, &key);
        assert!(at_rest().await.contains("alice"), "{name}");
        cannot_use(&with(one()), store, held, "plain is refused").await;

        let begins = with(one().also_opens_plain());
        assert_eq!(number(&begins, &token, "n").await, "1", "{name}");
        assert!(
            at_rest().await.contains("alice"),
            "{name}: reading changes nothing"
        );
        adds(&begins, "2").await;
        assert!(!at_rest().await.contains("alice"), "{name}");
        cannot_use(&plain, store, held, "those that were not deployed yet").await;
        adds(&with(one()), "3").await;

        // First the new key opens everywhere, then it seals, then the old one goes.
        cannot_use(&with(two()), store, held, "too early").await;
        adds(&with(one().also_opens([2; 32])), "4").await;
        adds(&with(two().also_opens([1; 32])), "5").await;
        cannot_use(&with(one()), store, held, "left behind").await;
        adds(&with(one().also_opens([2; 32])), "6").await;
        adds(&with(two().also_opens([1; 32])), "7").await;
        adds(&with(two()), "8").await;
    })
    .await;
}
