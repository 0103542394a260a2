//! Requests that meet at one session, in every order of their calls and answers.

use super::{
    plays,
    schedule::{
        Stops::{Calls, CallsAndAnswers},
        every_order, many_orders, some_orders,
    },
    site::Site,
};

const ENOUGH: usize = 1_000;
/// There are more orders than can be played where calls are joined, or where there are many.
const MANY: usize = 1_500;

#[tokio::test]
async fn nothing_slow_writers_have_read_comes_back_after_a_logout_in_every_order() {
    assert!(every_order(CallsAndAnswers, plays::logout_and_writers).await >= ENOUGH);
}

#[tokio::test]
async fn two_writers_are_merged_and_add_up_in_every_order() {
    assert!(every_order(CallsAndAnswers, plays::two_writers).await >= ENOUGH);
}

#[tokio::test]
async fn a_revoke_beats_a_rotation_in_every_order() {
    every_order(Calls, plays::revoke_all_and_rotation).await;
    assert!(many_orders(MANY, plays::revoke_all_and_rotation).await >= ENOUGH);
}

#[tokio::test]
async fn a_revoke_beats_an_authentication_or_comes_before_it_in_every_order() {
    every_order(Calls, plays::revoke_all_and_authentication).await;
    assert!(many_orders(MANY, plays::revoke_all_and_authentication).await >= ENOUGH);
}

#[tokio::test]
async fn a_revoke_and_a_login_come_one_after_the_other_in_every_order() {
    every_order(Calls, plays::revoke_all_and_login).await;
    assert!(many_orders(MANY, plays::revoke_all_and_login).await >= ENOUGH);
}

#[tokio::test]
async fn of_two_rotations_one_is_done_in_every_order() {
    assert!(every_order(CallsAndAnswers, plays::two_rotations).await >= ENOUGH);
}

#[tokio::test]
async fn a_logout_beats_activity_in_every_order() {
    assert!(every_order(CallsAndAnswers, plays::logout_and_activity).await >= ENOUGH);
}

#[tokio::test]
async fn a_late_answer_never_overwrites_the_cookie_of_a_login_in_every_order() {
    every_order(Calls, plays::login_and_activity).await;
    assert!(many_orders(MANY, plays::login_and_activity).await >= ENOUGH);
}

#[tokio::test]
async fn over_redis_it_is_the_same_by_chance() {
    const EACH: usize = 40;
    let site = Site::start().await;
    for place in site
        .places("")
        .into_iter()
        .filter(|place| !place.is_memory())
    {
        let ([store, _], clock) = (&place.stores, &site.clock);
        some_orders(EACH, store, clock, plays::logout_and_writers).await;
        some_orders(EACH, store, clock, plays::two_writers).await;
        some_orders(EACH, store, clock, plays::revoke_all_and_rotation).await;
        some_orders(EACH, store, clock, plays::revoke_all_and_authentication).await;
        some_orders(EACH, store, clock, plays::revoke_all_and_login).await;
        some_orders(EACH, store, clock, plays::two_rotations).await;
        some_orders(EACH, store, clock, plays::logout_and_activity).await;
        some_orders(EACH, store, clock, plays::login_and_activity).await;
    }
}
