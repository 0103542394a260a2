//! What a hot key costs at an endpoint that bills as Upstash does.

use std::sync::atomic::{AtomicU64, Ordering};

use local_upstash::{LocalUpstash, RedisServer};

use super::*;
use crate::{store::UpstashStore, time::SystemClock};

const REQUESTS: u64 = 20_000;

struct Process {
    store: SharedStore,
    leases: Leases,
    claims: [Claim; 1],
    left: AtomicU64,
}

impl Process {
    async fn serve(&self) {
        let mut decisions = Decisions::new();
        if !self.leases.try_take(&self.claims, &[LEASE], &mut decisions) {
            let call = self.leases.acquire(&self.store, &self.claims, &[LEASE]);
            decisions = call.await.unwrap();
        }
        assert!(decisions.allowed());
    }

    async fn serve_all(&self) {
        let next = |left: u64| left.checked_sub(1);
        while self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next)
            .is_ok()
        {
            self.serve().await;
        }
    }
}

#[tokio::test]
async fn a_hot_key_costs_a_fifth_of_a_command_at_most() {
    let redis = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    let store = UpstashStore::builder(&server.url(), server.token())
        .time_limit(20 * SECOND)
        .build()
        .unwrap();
    for callers in [1, 64] {
        let process = Arc::new(Process {
            store: store.clone().into(),
            leases: Leases::new(Arc::new(SystemClock::new())),
            claims: [take(&callers.to_string(), Quota::per_second(1_000_000), 1)],
            left: AtomicU64::new(REQUESTS),
        });
        server.bill().reset();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let process = Arc::clone(&process);
            running.spawn(async move { process.serve_all().await });
        }
        running.join_all().await;
        let commands = server.bill().commands();
        let each = commands as f64 / REQUESTS as f64;
        assert!(
            each <= 0.2,
            "{callers} callers: {commands} commands, {each} each"
        );
        let before = server.bill().commands();
        process.leases.drain(&process.store).await.unwrap();
        assert!(server.bill().commands() - before <= 4);
    }
}
