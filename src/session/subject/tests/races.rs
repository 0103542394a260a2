//! Sessions that get a new token while they are ended, in every order.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use super::{
    schedule::{Gates, Play, Task, every_order},
    world::rotate,
    *,
};
use crate::store::{Cursor, Store, Write};

/// Three sessions of Alice; the tokens that each may get.
const TOKENS: [&[u16]; 3] = [&[1, 101, 102, 103], &[2, 201], &[3, 211]];

fn world(gates: &Gates) -> World {
    let world = World::hooked(|memory| gates.over(memory));
    for name in [1, 2, 3] {
        world.session(name, u64::from(name));
    }
    world
}

fn rotations(world: &World, sessions: usize) -> Vec<Task> {
    let tokens = TOKENS.iter().take(sessions);
    tokens
        .map(|tokens| Box::pin(rotate(world, tokens.to_vec())) as Task)
        .collect()
}

/// Plays one that ends sessions against one that gives them new tokens. Returns how many orders there are.
fn against<F: Future<Output = ()> + 'static>(
    rotated: usize,
    end: impl Fn(Arc<Config>) -> F,
    check: impl Fn(&World) + Clone + 'static,
) -> usize {
    every_order(|gates| {
        let world = world(gates);
        let mut tasks = rotations(&world, rotated);
        tasks.push(Box::pin(end(Arc::clone(&world.config))));
        let check = check.clone();
        Play {
            tasks,
            check: Box::new(move || check(&world)),
        }
    })
}

#[test]
fn whoever_ends_all_sessions_wins_against_every_rotation() {
    let end = |config: Arc<Config>| async move {
        assert!(revoke_all(&config, "alice", None).await.unwrap() >= 3);
    };
    let orders = against(2, end, |world| assert!(world.stored().is_empty()));
    assert!(orders >= 1000, "{orders}");
}

#[test]
fn the_one_that_stays_is_not_touched_while_others_rotate() {
    let end = |config: Arc<Config>| async move {
        revoke_all(&config, "alice", Some(&id(3))).await.unwrap();
    };
    let orders = against(2, end, |world| assert_eq!(world.stored(), [3_u16]));
    assert!(orders >= 1000, "{orders}");
}

#[test]
fn whoever_ends_one_session_wins_against_its_rotation() {
    let end = |config: Arc<Config>| async move {
        let name = SessionId::from_bytes([1; 16]);
        assert!(revoke(&config, "alice", name).await.unwrap());
    };
    let check = |world: &World| {
        let others = world.stored();
        assert_eq!(others.len(), 2, "{others:?}");
        assert!(others.iter().all(|token| !TOKENS[0].contains(token)));
    };
    let orders = against(3, end, check);
    assert!(orders >= 1000, "{orders}");
}

#[test]
fn two_that_end_the_same_session_agree_on_who_did() {
    let orders = every_order(|gates| {
        let world = world(gates);
        let mut tasks: Vec<Task> = vec![Box::pin(rotate(&world, vec![1, 101]))];
        let ended = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..2 {
            let (config, ended) = (Arc::clone(&world.config), Rc::clone(&ended));
            tasks.push(Box::pin(async move {
                let name = SessionId::from_bytes([1; 16]);
                let was_there = revoke(&config, "alice", name).await.unwrap();
                ended.borrow_mut().push(was_there);
            }));
        }
        let check = move || {
            assert_eq!(world.stored(), [2, 3]);
            ended.borrow_mut().sort_unstable();
            assert_eq!(*ended.borrow(), [false, true]);
        };
        Play {
            tasks,
            check: Box::new(check),
        }
    });
    assert!(orders >= 140, "{orders}");
}

// Who lists once and deletes what was listed leaves what got a new token in between: these orders find it.
#[test]
fn the_orders_find_what_a_single_listing_leaves_alive() {
    let survived = Rc::new(RefCell::new(false));
    let told = Rc::clone(&survived);
    let naive = |config: Arc<Config>| async move {
        let index = index(&config, "alice");
        let members = config.store.members(&index, Cursor::START).await.unwrap();
        let deletes = members.identifiers.iter();
        let batch = deletes
            .map(|each| Write::delete(config.key(each)).member_of(index.clone()))
            .collect();
        assert!(config.store.write(&batch).await.unwrap().is_done());
    };
    against(1, naive, move |world| {
        *told.borrow_mut() |= !world.stored().is_empty();
    });
    assert!(*survived.borrow());
}
