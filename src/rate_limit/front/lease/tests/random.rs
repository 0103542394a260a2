//! Any order of calls, steps, drops and clocks: never more is handed out than was debited.

use std::{future::Future, pin::Pin};

use proptest::prelude::*;
use tokio_test::task::{self, Spawn};

use super::*;
use crate::{store::ErrorKind, time::Clock};

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Serves a claim at once if it can, and begins a call if not.
    Serve(u8, u32),
    /// Both keys.
    ServeBoth(u32),
    Poll(usize),
    Drop(usize),
    Turns(usize),
    Advance(u64),
    Down(bool),
    Drain,
    Forget(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..2_u8, 1..4_u32).prop_map(|(key, cost)| Op::Serve(key, cost)),
        2 => (1..3_u32).prop_map(Op::ServeBoth),
        8 => any::<usize>().prop_map(Op::Poll),
        2 => any::<usize>().prop_map(Op::Drop),
        6 => (1..4_usize).prop_map(Op::Turns),
        3 => (1..700_000_u64).prop_map(Op::Advance),
        1 => any::<bool>().prop_map(Op::Down),
        1 => Just(Op::Drain),
        1 => (0..2_u8).prop_map(Op::Forget),
    ]
}

type Answer = (u32, Result<Option<Decisions>>);
type Call<'a> = Spawn<Pin<Box<dyn Future<Output = Answer> + 'a>>>;

struct Run<'a> {
    site: &'a Site,
    quota: Quota,
    calls: Vec<Call<'a>>,
    handed_out: i64,
}

impl<'a> Run<'a> {
    fn serve(&mut self, ids: &[u8], cost: u32) {
        let claims: Vec<_> = ids
            .iter()
            .map(|id| take(&id.to_string(), self.quota, cost))
            .collect();
        if let Some(decisions) = self.site.locally(&claims) {
            let now = self.site.clock.now().as_micros();
            for decision in decisions.iter() {
                // Exact: the window of the debit has not ended.
                assert_eq!(decision.window().as_u64(), now - now % 1_000_000);
            }
            self.count(&decisions, cost);
            return;
        }
        let site = self.site;
        self.calls.push(task::spawn(Box::pin(async move {
            (cost, site.acquire(&claims).await.map(Some))
        })));
    }

    fn count(&mut self, decisions: &Decisions, cost: u32) {
        assert!(decisions.allowed());
        self.handed_out += decisions.len() as i64 * i64::from(cost);
    }

    fn poll(&mut self, at: usize) {
        if self.calls.is_empty() {
            return;
        }
        let at = at % self.calls.len();
        let std::task::Poll::Ready((cost, answer)) = self.calls[at].poll() else {
            return;
        };
        drop(self.calls.swap_remove(at));
        match answer {
            Ok(Some(decisions)) if decisions.allowed() => self.count(&decisions, cost),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Serve(id, cost) => self.serve(&[id], cost),
            Op::ServeBoth(cost) => self.serve(&[0, 1], cost),
            Op::Poll(at) => self.poll(at),
            Op::Drop(at) if !self.calls.is_empty() => {
                drop(self.calls.swap_remove(at % self.calls.len()));
            }
            Op::Drop(_) => {}
            Op::Turns(turns) => self.site.gate.turns(turns),
            Op::Advance(micros) => self.site.clock.advance(Duration::from_micros(micros)),
            Op::Down(down) => self.site.gate.set_down(down),
            Op::Drain => {
                let site = self.site;
                self.calls.push(task::spawn(Box::pin(async {
                    (0, site.leases.drain(&site.store).await.map(|()| None))
                })));
            }
            Op::Forget(id) => self.site.leases.forget(&key(&id.to_string())),
        }
        assert!(self.handed_out <= self.site.gate.debited());
    }

    /// Everybody ends, without a livelock.
    fn finish(mut self) {
        self.site.gate.turns(10_000);
        for _ in 0..100 {
            for at in (0..self.calls.len()).rev() {
                self.poll(at);
            }
        }
        assert!(self.calls.is_empty());
        assert!(self.handed_out <= self.site.gate.debited());
    }
}

proptest! {
    #[test]
    fn never_more_is_handed_out_than_was_debited(
        ops in prop::collection::vec(op(), 1..200),
        limit in 1..200_u32,
    ) {
        let site = Site::new();
        site.gate.shut();
        let quota = Quota::aligned(limit, SECOND);
        let mut run = Run { site: &site, quota, calls: Vec::new(), handed_out: 0 };
        ops.into_iter().for_each(|op| run.step(op));
        run.finish();
        // Nothing is left behind by those who gave up.
        site.gate.set_down(false);
        site.clock.advance(SECOND);
        prop_assert_eq!(site.serve_times(usize::try_from(limit).unwrap(), &take("0", quota, 1)), limit as usize);
    }
}

#[test]
fn threads_get_no_more_than_was_debited() {
    let site = Site::new();
    let quota = Quota::aligned(20_000, 3600 * SECOND);
    let claim = take("a", quota, 1);
    let served: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| site.serve_times(6000, &claim)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert!(served as i64 <= site.gate.debited());
    assert_eq!(served, 20_000);
}
