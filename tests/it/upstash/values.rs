//! Values that one store writes and the other reads: over HTTP, where JSON carries text only, and over TCP.

use bytes::Bytes;
use tower_upstash::store::{
    Condition, Entry, Key, Kind, Refusal, Scope, SharedStore, Store as _, Version, Write, Written,
};

use super::site::{Site, TTL};

/// From this size on, values leave as bodies of their own, as they are.
const LARGE: usize = 16 << 10;

fn values() -> Vec<Bytes> {
    let large = |first: &[u8], fill: &[u8]| Bytes::from([first, &fill.repeat(LARGE)].concat());
    let all: Vec<u8> = (0..=255).collect();
    [
        &b""[..],
        b"OK",
        b"text",
        "Grüße \u{1f600} \0 \" \\ \r\n".as_bytes(),
        b"\x01",
        b"\x01_w",
        b"\x01not base64",
        b"\x02",
        b"\x02\x01text",
        b"\x01\xff",
        b"\x02\xff",
        b"\xff\x00\xfe",
        &all,
    ]
    .into_iter()
    .map(Bytes::copy_from_slice)
    .chain([
        large(b"", b"x"),
        large(b"", "é".as_bytes()),
        large(b"", b"\xff\x00\xfe"),
        large(b"\x01", b"x"),
        large(b"\x01", b"\xff"),
        large(b"\x02", b"\xff"),
    ])
    .collect()
}

fn key(name: &str) -> Key {
    Scope::new(Kind::Session, "values").key(name)
}

async fn read(store: &SharedStore, key: &Key) -> (Bytes, Version) {
    let entry = store.get(key).await.unwrap().expect("it was written");
    (entry.value().clone(), entry.version())
}

async fn change(store: &SharedStore, key: &Key, value: Bytes, from: &Version) -> Written {
    let put = Write::put(key.clone(), value, TTL).when(Condition::Unchanged(from.clone()));
    store.write(&put.into()).await.unwrap()
}

/// Lets each of two stores write, both read, and each change what the other one has written.
async fn are_one(site: &Site) {
    let stores: [SharedStore; 2] = [site.over_http().into(), site.over_tcp().into()];
    for (at, value) in values().into_iter().enumerate() {
        for (writer, other) in [(0, 1), (1, 0)] {
            let what = format!("value {at} by store {writer}");
            let key = key(&what);
            let (writer, other) = (&stores[writer], &stores[other]);
            let version = writer.put(&key, value.clone(), TTL).await.unwrap().unwrap();
            let held = (value.clone(), version.clone());
            assert!(read(writer, &key).await == held, "{what}: read by itself");
            assert!(read(other, &key).await == held, "{what}: read by the other");

            // By the script of batches as well.
            let first = change(other, &key, value.clone(), &version).await;
            let first = first
                .version(0)
                .cloned()
                .unwrap_or_else(|| panic!("{what}: {first:?}"));
            let beside = super::values::key("beside");
            let batch = [
                Write::put(key.clone(), "second", TTL).when(Condition::Unchanged(first.clone())),
                Write::put(beside, "", TTL),
            ];
            let second = writer.write(&batch.into()).await.unwrap();
            assert!(second.is_done(), "{what}");

            // Whoever comes with an old version learns what there is.
            let now = read(other, &key).await;
            assert_eq!(now.0, "second", "{what}");
            for store in [writer, other] {
                let conflict = Written::Refused {
                    at: 0,
                    why: Refusal::Conflict(Entry::with_version(now.0.clone(), now.1.clone())),
                };
                let refused = change(store, &key, Bytes::new(), &first).await;
                assert!(refused == conflict || now.1 == first, "{what}: {refused:?}");
            }

            // And a conflict shows the value as a read does.
            let version = writer.put(&key, value.clone(), TTL).await.unwrap().unwrap();
            let held = Entry::with_version(value.clone(), version.clone());
            for store in [writer, other] {
                let refused = change(store, &key, Bytes::new(), &now.1).await;
                let Written::Refused {
                    at: 0,
                    why: Refusal::Conflict(found),
                } = refused
                else {
                    panic!("{what}: no conflict");
                };
                assert!(found == held && found.version() == version, "{what}");
            }
            let delete = Write::delete(key.clone()).when(Condition::Unchanged(version));
            assert!(
                other.write(&delete.into()).await.unwrap().is_done(),
                "{what}"
            );
            assert!(writer.get(&key).await.unwrap().is_none(), "{what}");
        }
    }
}

#[tokio::test]
async fn both_stores_read_compare_and_change_what_the_other_wrote() {
    are_one(&Site::start().await).await;
}

#[tokio::test]
async fn so_they_do_where_the_server_compares_by_scripts_only() {
    are_one(&Site::with(|endpoint| endpoint.without_conditional_writes()).await).await;
}

#[tokio::test]
async fn large_bytes_leave_as_they_are_and_small_ones_as_text() {
    let site = Site::start().await;
    let store = SharedStore::from(site.over_http());
    for (size, first) in [(LARGE, 0xff), (LARGE - 1, 0x01)] {
        let key = key("bytes");
        store.put(&key, vec![0xff; size], TTL).await.unwrap();
        let text = key.to_text();
        let held = site.redis.command(&["GETRANGE", &text, "0", "0"]).await;
        assert_eq!(held.unwrap(), redis::Value::BulkString(vec![first]));
    }
}
