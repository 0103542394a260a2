mod races;
mod random;

use std::cell::Cell;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header::ETAG};
use proptest::prelude::*;

use super::*;
use crate::{
    response_cache::{
        codec::decode_variant,
        entry::Selected,
        key::{KeyParts, Query},
        semantics::freshness::{Freshness, Stale},
    },
    store::{Kind, MAX_TTL, MemoryStore, Store, Written},
    time::ManualClock,
};

/// A store, the key that is tried, and what time it is.
struct Bench {
    store: MemoryStore,
    clock: ManualClock,
    place: Place,
    draws: Cell<u8>,
}

fn bench() -> Bench {
    let parts = KeyParts {
        policy: "p",
        scheme: None,
        query: Query::Exact,
        headers: Vec::new(),
    };
    let key = CacheKey::of_url(&parts, &Uri::from_static("http://a.example/"));
    let clock = ManualClock::default();
    Bench {
        store: MemoryStore::builder().clock(clock.clone()).build(),
        clock,
        place: Place {
            scope: Scope::new(Kind::Cache, "p"),
            key: key.expect("a key"),
        },
        draws: Cell::new(0),
    }
}

/// The variant `n` of the field `name`, or with an empty name what answers all.
fn varied(name: &'static str, n: u8) -> Varied {
    let names = (!name.is_empty()).then(|| HeaderName::from_static(name));
    Varied {
        names: names.into_iter().collect(),
        values: Digest::from_bytes([n; 32]),
    }
}

fn head(vary: Varied, etag: &str, received: Timestamp) -> StoredHead {
    let etag = HeaderValue::from_str(etag).expect("a value");
    StoredHead {
        status: StatusCode::OK,
        headers: HeaderMap::from_iter([(ETAG, etag)]),
        freshness: Freshness {
            received,
            initial_age: Duration::ZERO,
            lifetime: Duration::from_secs(60),
            stale: Stale::default(),
            immutable: false,
        },
        vary,
        is_for_authorized: false,
        is_explicit: true,
        tags: Vec::new(),
        stamp: None,
    }
}

impl Bench {
    fn now(&self) -> Timestamp {
        crate::time::Clock::now(&self.clock)
    }

    fn terms(&self, cap: usize) -> Terms {
        self.draws.set(self.draws.get().wrapping_add(1));
        Terms {
            now: self.now(),
            cap,
            generation: Generation::from_bytes([self.draws.get(); 16]),
        }
    }

    fn get(&self, key: &Key) -> Option<Entry> {
        let read = self.store.read(std::slice::from_ref(key));
        tokio_test::block_on(read).expect("read").into_first()
    }

    fn lookup(&self) -> Lookup {
        Lookup::of(
            self.get(&self.place.base()).as_ref(),
            self.place.key.digest(),
        )
    }

    fn base(&self) -> Base {
        self.lookup().base().expect("a base").clone()
    }

    fn write(&self, batch: &Batch) -> Written {
        batch.validate().expect("a batch that stores take");
        tokio_test::block_on(self.store.write(batch)).expect("written")
    }

    /// Plans the commit of a response whose body is its entity tag.
    fn plan(&self, found: &Lookup, head: &StoredHead, cap: usize) -> Batch {
        let body = [Bytes::copy_from_slice(head.headers[ETAG].as_bytes())];
        let terms = self.terms(cap);
        let part = Part {
            head,
            body: &body,
            whole: None,
            until: terms.now.after(Duration::from_secs(100)),
            is_stale: false,
        };
        plan_commit(&self.place, found, &part, &terms)
    }

    fn fill(&mut self, vary: Varied, etag: &str, cap: usize) -> usize {
        self.clock.advance(Duration::from_secs(1));
        let found = self.lookup();
        let batch = self.plan(&found, &head(vary, etag, self.now()), cap);
        assert!(self.write(&batch).is_done());
        batch.writes().len()
    }

    /// What answers a request of a variant, with whether it was purged softly.
    fn answer(&self, wanted: &Varied) -> Option<(Bytes, bool)> {
        let base = self.base();
        let is_wanted = |names: &[HeaderName], values: &Digest| {
            names.is_empty() || (names == wanted.names && *values == wanted.values)
        };
        match base.select(is_wanted) {
            Selected::Inline(inline) => Some((inline.packed.body.clone(), inline.is_stale)),
            Selected::Other(other) => {
                let entry = self
                    .get(&self.place.variant(&other.varied))
                    .expect("listed");
                let key = self.place.key.digest();
                let packed = decode_variant(entry.value(), key, &base.generation, &other.varied);
                let packed = packed.expect("of this generation");
                assert_eq!(packed.etag(), other.etag.as_ref());
                Some((packed.body, other.is_stale))
            }
            Selected::None => None,
        }
    }

    fn body(&self, wanted: &Varied) -> Option<String> {
        let (body, _) = self.answer(wanted)?;
        Some(String::from_utf8(body.into()).expect("text"))
    }
}

fn refusal(written: Written) -> Refusal {
    match written {
        Written::Refused { at: 0, why } => why,
        other => panic!("the base decides: {other:?}"),
    }
}

#[test]
fn a_response_without_vary_is_one_put() {
    let mut bench = bench();
    let all = varied("", 0);
    assert_eq!(bench.fill(all.clone(), "1", 8), 1);
    assert_eq!(bench.fill(all.clone(), "2", 8), 1);
    assert_eq!(bench.body(&all).as_deref(), Some("2"));
    let found = bench.lookup();
    let batch = bench.plan(&found, &head(all, "3", bench.now()), 8);
    assert!(
        matches!(batch.writes(), [write] if matches!(write.condition(), Condition::Unchanged(_)))
    );
}

#[test]
fn another_variant_moves_the_newest_to_an_entry_of_its_own() {
    let mut bench = bench();
    let [a, b, c] = [1, 2, 3].map(|n| varied("accept", n));
    assert_eq!(bench.fill(a.clone(), "a", 8), 1);
    assert_eq!(bench.fill(b.clone(), "b", 8), 2);
    assert_eq!(bench.body(&a).as_deref(), Some("a"));
    assert_eq!(bench.body(&b).as_deref(), Some("b"));
    assert_eq!(bench.body(&c), None);
    // It comes back inline, and its own entry goes.
    assert_eq!(bench.fill(a.clone(), "a2", 8), 3);
    assert!(bench.get(&bench.place.variant(&a)).is_none());
    assert_eq!(bench.body(&a).as_deref(), Some("a2"));
    assert_eq!(bench.body(&b).as_deref(), Some("b"));
    let etags: Vec<_> = bench.base().etags().cloned().collect();
    assert_eq!(etags, ["a2", "b"]);
}

#[test]
fn a_response_without_vary_replaces_all_variants_and_the_other_way_round() {
    let mut bench = bench();
    let all = varied("", 0);
    let variants = [1, 2, 3].map(|n| varied("accept", n));
    for variant in &variants {
        bench.fill(variant.clone(), "old", 8);
    }
    assert_eq!(bench.fill(all, "new", 8), 3);
    for variant in &variants {
        assert_eq!(bench.body(variant).as_deref(), Some("new"));
        assert!(bench.get(&bench.place.variant(variant)).is_none());
    }
    let [one, two, _] = variants;
    assert_eq!(bench.fill(one.clone(), "varied", 8), 1);
    assert_eq!(bench.body(&one).as_deref(), Some("varied"));
    assert_eq!(bench.body(&two), None, "it varies now");
}

#[test]
fn beyond_the_cap_the_oldest_go() {
    let mut bench = bench();
    for n in 0..9 {
        bench.fill(varied("accept", n), "x", 8);
    }
    assert_eq!(bench.base().others.len(), 7);
    assert_eq!(bench.body(&varied("accept", 0)), None);
    assert!(
        bench
            .get(&bench.place.variant(&varied("accept", 0)))
            .is_none()
    );
    assert!(bench.body(&varied("accept", 1)).is_some());
    // A policy that allows one only.
    assert_eq!(bench.fill(varied("accept", 20), "y", 1), 8);
    assert!(bench.base().others.is_empty());
    assert_eq!(bench.fill(varied("accept", 21), "z", 0), 1);
    assert_eq!(bench.body(&varied("accept", 21)).as_deref(), Some("z"));
}

#[test]
fn no_batch_is_larger_than_stores_take() {
    let mut bench = bench();
    for n in 0..40 {
        assert!(bench.fill(varied("accept", n), "x", 40) <= 2);
    }
    assert_eq!(bench.fill(varied("", 0), "y", 8), MAX_BATCH);
}

#[test]
fn variants_that_have_ended_are_neither_listed_nor_written() {
    let mut bench = bench();
    bench.fill(varied("accept", 1), "1", 8);
    bench.fill(varied("accept", 2), "2", 8);
    bench.clock.advance(Duration::from_secs(98));
    bench.fill(varied("accept", 3), "3", 8);
    assert_eq!(bench.base().others.len(), 1, "the first ended a second ago");
    bench.clock.advance(Duration::from_secs(99));
    assert_eq!(bench.body(&varied("accept", 3)).as_deref(), Some("3"));
}

#[test]
fn a_freshened_response_keeps_its_body_and_takes_its_new_head() {
    for n in [1, 2] {
        let mut bench = bench();
        let [a, b, other] = [1, 2, 3].map(|n| varied("accept", n));
        bench.fill(a.clone(), "a", 8);
        bench.fill(b.clone(), "b", 8);
        let found = bench.lookup();
        let old = varied("accept", n);
        let (body, _) = bench.answer(&old).expect("stored");
        let packed = Packed {
            head: head(old.clone(), "old", bench.now()),
            body: body.clone(),
            whole: None,
        };
        // Its `Vary` may change, too.
        let head = head(
            other.clone(),
            "new",
            bench.now().after(Duration::from_secs(1)),
        );
        let terms = bench.terms(8);
        let freshened = Freshened {
            head: &head,
            until: terms.now.after(Duration::from_secs(100)),
        };
        let batch = plan_freshen(&bench.place, &found, (&packed, freshened), &terms);
        assert_eq!(batch.writes().len(), if n == 2 { 1 } else { 3 });
        assert!(bench.write(&batch).is_done());
        assert_eq!(bench.answer(&old), None, "it is under the new key now");
        assert_eq!(bench.answer(&other), Some((body, false)));
        assert_eq!(bench.base().others.len(), 1);
        assert!(bench.base().etags().any(|etag| etag == "new"));
    }
}

#[test]
fn what_is_no_base_is_written_over() {
    let mut bench = bench();
    let junk = Write::put(bench.place.base(), "tc9", Duration::from_secs(60));
    assert!(bench.write(&junk.into()).is_done());
    assert!(matches!(bench.lookup(), Lookup::Damaged(_)));
    assert_eq!(bench.fill(varied("", 0), "x", 8), 1);
    assert_eq!(bench.body(&varied("", 0)).as_deref(), Some("x"));
}

#[test]
fn values_beyond_the_limits_of_a_store_do_not_fit() {
    let bench = bench();
    let batch = bench.plan(&Lookup::Absent, &head(varied("", 0), "x", bench.now()), 8);
    let [write] = batch.writes() else {
        panic!("one write");
    };
    let Change::Put { value, .. } = write.change() else {
        panic!("a put");
    };
    let length = value.len();
    assert!(batch_fits(&Limits::new(length), &batch));
    assert!(!batch_fits(&Limits::new(length - 1), &batch));
}

#[test]
fn an_end_beyond_all_time_is_cut_by_the_store() {
    let now = Timestamp::from_micros(5);
    assert!(ttl(Timestamp::MAX, now) > MAX_TTL);
    assert_eq!(ttl(now, now), Duration::from_millis(1));
    assert_eq!(
        ttl(Timestamp::from_micros(0), now),
        Duration::from_millis(1)
    );
}
