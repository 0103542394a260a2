//! Calls at one time: as if one came after the other.

use std::{future::poll_fn, task::Poll};

use super::{Fixture, Violation, limits::TEN, trial::TTL};
use crate::store::{Claim, Condition, Key, Kind, Spend, Store, Write};

/// Of several puts that demand no entry, one wins.
pub async fn of_puts_at_one_time_one_wins(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("of_puts_at_one_time_one_wins");
    let key = &trial.key(Kind::Lock);
    let puts = ["a", "b", "c", "d", "e", "f"].map(|value| {
        Write::put(key.clone(), value, TTL)
            .when(Condition::Absent)
            .into()
    });
    let mut won = Vec::new();
    for (at, written) in together(puts.iter().map(|put| trial.store().write(put)))
        .await
        .into_iter()
        .enumerate()
    {
        if trial.answered(written, "a write")?.is_done() {
            won.push(at);
        }
    }
    trial.same(won.len(), 1, "the puts that won")
}

/// Of several changes to one version, one wins.
pub async fn of_changes_at_one_time_one_wins(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("of_changes_at_one_time_one_wins");
    let key = &trial.key(Kind::Session);
    let version = trial.put(key, "", TTL).await?;
    let puts = ["a", "b", "c", "d"].map(|value| {
        let put = Write::put(key.clone(), value, TTL);
        put.when(Condition::Unchanged(version.clone())).into()
    });
    let mut won = 0;
    for written in together(puts.iter().map(|put| trial.store().write(put))).await {
        won += usize::from(trial.answered(written, "a write")?.is_done());
    }
    trial.same(won, 1, "the changes that won")
}

/// Of several increments, none is lost, and no sum is answered twice.
pub async fn increments_at_one_time_all_count(fixture: &Fixture) -> Result<(), Violation> {
    const MANY: i64 = 12;
    let trial = fixture.trial("increments_at_one_time_all_count");
    let key = &trial.key(Kind::Counter);
    let mut sums = Vec::new();
    for sum in together((0..MANY).map(|_| trial.store().increment(key, 1, TTL))).await {
        sums.push(trial.answered(sum, "an increment")?);
    }
    sums.sort_unstable();
    trial.same(sums, (1..=MANY).collect(), "the sums")
}

/// Claims on one limit are admitted up to the limit exactly, under every algorithm.
pub async fn claims_at_one_time_admit_the_limit(fixture: &Fixture) -> Result<(), Violation> {
    const MANY: usize = 16;
    let trial = fixture.trial("claims_at_one_time_admit_the_limit");
    for quota in TEN {
        let claim = [Claim::new(trial.key(Kind::Limit), quota)];
        let mut admitted = 0;
        for call in together((0..MANY).map(|_| trial.store().acquire(&claim))).await {
            admitted += usize::from(trial.answered(call, "an acquire")?.allowed());
        }
        let what = format!("what {:?} admitted of {MANY}", quota.algorithm());
        trial.same(admitted, 10, &what)?;
    }
    Ok(())
}

/// Calls that claim the same limits in opposite orders do not wait for each other for ever, and charge each limit once.
pub async fn claims_in_opposite_orders_do_not_block(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("claims_in_opposite_orders_do_not_block");
    let [a, b] = trial.keys(Kind::Limit);
    let claim = |key: &Key| Claim::new(key.clone(), TEN[0]).spend(Spend::Take(2));
    let calls = [[claim(&a), claim(&b)], [claim(&b), claim(&a)]];
    let both = calls.iter().cycle().take(6);
    let mut admitted = 0;
    for call in together(both.map(|claims| trial.store().acquire(claims))).await {
        admitted += usize::from(trial.answered(call, "an acquire")?.allowed());
    }
    trial.same(admitted, 5, "calls that were admitted")?;
    let left = [trial.left(&a, TEN[0]).await?, trial.left(&b, TEN[0]).await?];
    trial.same(left, [0, 0], "what is left")
}

/// Runs futures at one time, without a runtime.
async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let futures = futures.into_iter().map(|future| (Box::pin(future), None));
    let mut futures: Vec<_> = futures.collect();
    poll_fn(|context| {
        for (future, output) in &mut futures {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if futures.iter().all(|(_, output)| output.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    futures
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
