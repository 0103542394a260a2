//! [`cached`]: the store, somebody else's call, or a call.

use std::future::Future;

use bytes::Bytes;

use super::{
    MemoEvent, MemoPolicy, MemoScope, MemoValue,
    place::{Calls, Place},
};
use crate::{
    counts::Counts,
    executor::{Executor, Finish},
    flights::{Join, Leader, Waited},
    store::{Result as StoreResult, SharedStore, Store as _, Write},
};

/// Returns the value of an input: out of the store, from somebody who is making it, or of the call.
///
/// One trip where it is stored, two where it is made: the look and the write, which is waited for (a store's time limit
/// bounds it), while those who wait for the same value have it at once. Of calls for one input at the same time, over
/// clones of one [`SharedStore`], one is made. A value that the store does not take is returned, and not stored. A store
/// that fails is as good as empty.
///
/// See the [module](super) for examples.
///
/// # Errors
/// Those of the call, and no others. They are its caller's alone, and nothing is stored: those who wait make calls of their own
/// then, all at once.
///
/// # Cancellation
/// Dropping the future drops the call, and the next one who waits makes a call of his own. If the value was there and is
/// being written, the write is finished by the [executor](crate::executor) of the platform, where there is one.
/// A future that is alive but not polled holds up all who wait for it, and a call that asks for its own input waits for
/// itself.
pub async fn cached<S, V, E, F, Fut>(
    store: &SharedStore,
    policy: MemoPolicy<S>,
    input: impl AsRef<[u8]>,
    call: F,
) -> Result<V, E>
where
    S: MemoScope,
    V: MemoValue,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<V, E>>,
{
    let place = Place::new(store, &policy, input.as_ref());
    let dooms = store.beside::<Counts>();
    let before = dooms.count(&place.digest);
    let found = find(&place, &policy).await;
    let leader = match found {
        Found::Value(value) => return Ok(value),
        Found::Lead(leader) => Some(leader),
        Found::Nothing => None,
    };
    let value = match call().await {
        Ok(value) => value,
        Err(error) => {
            policy.tell(MemoEvent::CallFailed);
            if let Some(leader) = leader {
                leader.let_go();
            }
            return Err(error);
        }
    };
    policy.tell(MemoEvent::Called);
    let bytes = value.to_bytes();
    if let Some(leader) = &leader {
        leader.share(bytes.clone());
    }
    if let Some(write) = place.put(&policy, &bytes) {
        let digest = place.digest;
        let is_doomed = move || Counts::has_happened(before, dooms.count(&digest));
        let kept = keep(store.clone(), write, leader, is_doomed).await;
        if let Err(error) = kept {
            policy.tell(MemoEvent::StoreError { error: &error });
        }
    }
    Ok(value)
}

/// Forgets the value of an input: the next call is made. One trip.
///
/// A call of this process that is under way keeps nothing, and who asks from now on does not wait for it. One in another
/// process may still store what it brings: what has to be gone everywhere needs another
/// [version](MemoPolicy::version).
///
/// # Errors
/// As [`Store::write`](crate::store::Store::write). The value may be forgotten or not.
///
/// # Cancellation
/// As with an error.
pub async fn forget<S: MemoScope>(
    store: &SharedStore,
    policy: MemoPolicy<S>,
    input: impl AsRef<[u8]>,
) -> StoreResult<()> {
    let place = Place::new(store, &policy, input.as_ref());
    // First: whoever asks after us finds neither.
    store.beside::<Calls>().doom(&place.digest);
    store.beside::<Counts>().add(&place.digest);
    place.delete().await
}

enum Found<V> {
    Value(V),
    /// The caller makes the value, for all who wait for it.
    Lead(Leader<[u8; 32], Bytes>),
    /// The caller makes the value for himself.
    Nothing,
}

async fn find<S: MemoScope, V: MemoValue>(place: &Place<'_>, policy: &MemoPolicy<S>) -> Found<V> {
    let calls = place.store.beside::<Calls>();
    let landed = calls.landed(&place.digest);
    if let Some((value, _)) = stored(place, policy).await {
        return Found::Value(value);
    }
    let leader = match calls.enter(&place.digest) {
        Join::Lead(leader) => leader,
        Join::Alone => return Found::Nothing,
        Join::Follow(bytes) => return collapsed(policy, bytes),
        Join::Wait(waiter) => match waiter.await {
            Waited::Lead(leader) => leader,
            Waited::Alone => return Found::Nothing,
            Waited::Shared(bytes) => return collapsed(policy, bytes),
        },
    };
    // A call may have ended between the look and the lead, and have stored what was not there.
    if leader.landed() != landed
        && let Some((value, bytes)) = stored(place, policy).await
    {
        leader.share(bytes);
        return Found::Value(value);
    }
    Found::Lead(leader)
}

/// Returns what is stored, and the bytes that it was made of.
async fn stored<S: MemoScope, V: MemoValue>(
    place: &Place<'_>,
    policy: &MemoPolicy<S>,
) -> Option<(V, Bytes)> {
    let bytes = place.read(policy).await?;
    let value = V::from_bytes(bytes.clone());
    let event = match value {
        Some(_) => MemoEvent::Hit,
        None => MemoEvent::Unreadable,
    };
    policy.tell(event);
    value.zip(Some(bytes))
}

fn collapsed<S, V: MemoValue>(policy: &MemoPolicy<S>, bytes: Bytes) -> Found<V> {
    let Some(value) = V::from_bytes(bytes) else {
        policy.tell(MemoEvent::Unreadable);
        return Found::Nothing;
    };
    policy.tell(MemoEvent::Collapsed);
    Found::Value(value)
}

/// Writes a value, to its end even if nobody waits for it. Until then, whoever asks is given it by the leader.
async fn keep(
    store: SharedStore,
    write: Write,
    leader: Option<Leader<[u8; 32], Bytes>>,
    is_doomed: impl Fn() -> bool + Send + 'static,
) -> StoreResult<()> {
    if is_doomed() {
        return Ok(());
    }
    let key = write.key().clone();
    let work = async move {
        // Until then it has the value for who asks.
        let _leader = leader;
        let written = store.write(&write.into()).await;
        // Forgotten meanwhile: the write may have come after that.
        let forgotten = if is_doomed() {
            store.delete(&key).await
        } else {
            Ok(())
        };
        written.map(|_| ()).and(forgotten)
    };
    Finish::new(Box::pin(work), Executor::of_platform()).await
}
