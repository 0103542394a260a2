//! Three reads joined in one task: how many requests they are.

use tokio::runtime::{Builder, Runtime};
use tower_upstash::store::{Key, Store, UpstashStore, together};

use super::{
    caller::{open, put_keys},
    endpoint::Endpoint,
};
use crate::table::{heading, note};

const JOINS: usize = 1000;

/// Prints requests per join, declared by `together` and not.
pub fn print(endpoint: &Endpoint, runtime: &Runtime) {
    heading("three reads joined in one task, requests per join");
    let keys: [Key; 3] = put_keys(endpoint, runtime, 3)
        .try_into()
        .unwrap_or_else(|_| unreachable!("three keys"));
    let single = || {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime")
    };
    for declared in [true, false] {
        let joins = || joins(open(endpoint), keys.clone(), declared);
        let per_join = |run: &dyn Fn()| {
            let before = endpoint.requests();
            run();
            (endpoint.requests() - before) as f64 / JOINS as f64
        };
        let with = if declared { "together, " } else { "" };
        let show = |place: &str, count: f64, promised: bool| {
            let met = promised.then_some(count == 1.0);
            let target = if promised { "1.000" } else { "" };
            note(
                &format!("{with}{place}"),
                &format!("{count:.3}"),
                target,
                met,
            );
        };
        let on_worker = || runtime.block_on(async { runtime.spawn(joins()).await.expect("joins") });
        show("on a worker", per_join(&on_worker), true);
        show(
            "on current_thread",
            per_join(&|| single().block_on(joins())),
            true,
        );
        // There, a worker may be faster than the thread that asks.
        show(
            "block_on beside workers",
            per_join(&|| runtime.block_on(joins())),
            declared,
        );
    }
}

async fn joins(store: UpstashStore, [a, b, c]: [Key; 3], declared: bool) {
    let (a, b, c) = ([a], [b], [c]);
    for _ in 0..JOINS {
        let reads = async { tokio::join!(store.read(&a), store.read(&b), store.read(&c)) };
        let (a, b, c) = if declared {
            together(reads).await
        } else {
            reads.await
        };
        a.and(b).and(c).expect("the endpoint answers");
    }
}
