//! The table of all promises.

use super::{
    Fixture, Promise, Violation, batches, conditions, counters, drops, entries, indexes, keys,
    limit_promises::LIMITS, locks, memberships, purges, races,
};

/// Checks all [promises](PROMISES), one after the other.
///
/// # Errors
/// Every promise that the store does not keep.
pub async fn check(fixture: &Fixture) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    for promise in PROMISES {
        violations.extend(promise.check(fixture).await.err());
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

/// All promises, those of each module together. Later versions of this crate may add some.
pub const PROMISES: &[Promise] = &all();

const fn all() -> [Promise; OTHERS.len() + LIMITS.len()] {
    let mut all = [OTHERS[0]; OTHERS.len() + LIMITS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < OTHERS.len() {
            OTHERS[at]
        } else {
            LIMITS[at - OTHERS.len()]
        };
        at += 1;
    }
    all
}

const OTHERS: &[Promise] = &[
    Promise::new("entries_come_in_the_order_of_their_keys", |fixture| {
        Box::pin(entries::entries_come_in_the_order_of_their_keys(fixture))
    }),
    Promise::new("values_are_any_bytes", |fixture| {
        Box::pin(entries::values_are_any_bytes(fixture))
    }),
    Promise::new("values_are_stored_up_to_the_largest", |fixture| {
        Box::pin(entries::values_are_stored_up_to_the_largest(fixture))
    }),
    Promise::new("an_expired_entry_is_not_returned", |fixture| {
        Box::pin(entries::an_expired_entry_is_not_returned(fixture))
    }),
    Promise::new("an_entry_lives_until_its_end", |fixture| {
        Box::pin(entries::an_entry_lives_until_its_end(fixture))
    }),
    Promise::new("a_put_replaces_the_time_to_live", |fixture| {
        Box::pin(entries::a_put_replaces_the_time_to_live(fixture))
    }),
    Promise::new("a_version_follows_the_bytes", |fixture| {
        Box::pin(entries::a_version_follows_the_bytes(fixture))
    }),
    Promise::new("a_write_answers_the_version_of_a_read", |fixture| {
        Box::pin(entries::a_write_answers_the_version_of_a_read(fixture))
    }),
    Promise::new("up_to_16_keys_are_read_at_once", |fixture| {
        Box::pin(entries::up_to_16_keys_are_read_at_once(fixture))
    }),
    Promise::new("a_ping_is_answered", |fixture| {
        Box::pin(entries::a_ping_is_answered(fixture))
    }),
    Promise::new("keys_that_look_alike_are_apart", |fixture| {
        Box::pin(keys::keys_that_look_alike_are_apart(fixture))
    }),
    Promise::new("identifiers_are_any_bytes", |fixture| {
        Box::pin(keys::identifiers_are_any_bytes(fixture))
    }),
    Promise::new("names_are_part_of_keys", |fixture| {
        Box::pin(keys::names_are_part_of_keys(fixture))
    }),
    Promise::new(
        "kinds_with_a_method_of_their_own_have_no_other",
        |fixture| {
            Box::pin(keys::kinds_with_a_method_of_their_own_have_no_other(
                fixture,
            ))
        },
    ),
    Promise::new("an_always_write_happens", |fixture| {
        Box::pin(conditions::an_always_write_happens(fixture))
    }),
    Promise::new("an_absent_write_demands_no_entry", |fixture| {
        Box::pin(conditions::an_absent_write_demands_no_entry(fixture))
    }),
    Promise::new("a_present_write_demands_an_entry", |fixture| {
        Box::pin(conditions::a_present_write_demands_an_entry(fixture))
    }),
    Promise::new("an_unchanged_write_demands_the_version", |fixture| {
        Box::pin(conditions::an_unchanged_write_demands_the_version(fixture))
    }),
    Promise::new("a_conflict_tells_the_current_entry", |fixture| {
        Box::pin(conditions::a_conflict_tells_the_current_entry(fixture))
    }),
    Promise::new("a_deleted_entry_does_not_come_back", |fixture| {
        Box::pin(conditions::a_deleted_entry_does_not_come_back(fixture))
    }),
    Promise::new("an_expired_entry_counts_as_gone", |fixture| {
        Box::pin(conditions::an_expired_entry_counts_as_gone(fixture))
    }),
    Promise::new("a_batch_is_written_whole", |fixture| {
        Box::pin(batches::a_batch_is_written_whole(fixture))
    }),
    Promise::new("a_refused_batch_changes_nothing", |fixture| {
        Box::pin(batches::a_refused_batch_changes_nothing(fixture))
    }),
    Promise::new("a_refusal_tells_the_first_place", |fixture| {
        Box::pin(batches::a_refusal_tells_the_first_place(fixture))
    }),
    Promise::new("an_empty_batch_is_done", |fixture| {
        Box::pin(batches::an_empty_batch_is_done(fixture))
    }),
    Promise::new("a_rotation_moves_an_entry_or_leaves_it", |fixture| {
        Box::pin(batches::a_rotation_moves_an_entry_or_leaves_it(fixture))
    }),
    Promise::new("deleting_what_is_not_there_is_done", |fixture| {
        Box::pin(batches::deleting_what_is_not_there_is_done(fixture))
    }),
    Promise::new("up_to_16_writes_make_a_batch", |fixture| {
        Box::pin(batches::up_to_16_writes_make_a_batch(fixture))
    }),
    Promise::new("a_batch_writes_a_key_once", |fixture| {
        Box::pin(batches::a_batch_writes_a_key_once(fixture))
    }),
    Promise::new("a_time_to_live_is_not_zero", |fixture| {
        Box::pin(batches::a_time_to_live_is_not_zero(fixture))
    }),
    Promise::new("a_time_to_live_may_be_huge", |fixture| {
        Box::pin(batches::a_time_to_live_may_be_huge(fixture))
    }),
    Promise::new("an_entry_joins_its_index", |fixture| {
        Box::pin(indexes::an_entry_joins_its_index(fixture))
    }),
    Promise::new("an_entry_leaves_its_index_when_deleted", |fixture| {
        Box::pin(indexes::an_entry_leaves_its_index_when_deleted(fixture))
    }),
    Promise::new("a_refused_batch_changes_no_index", |fixture| {
        Box::pin(indexes::a_refused_batch_changes_no_index(fixture))
    }),
    Promise::new("a_membership_ends_with_the_entry", |fixture| {
        Box::pin(indexes::a_membership_ends_with_the_entry(fixture))
    }),
    Promise::new("a_membership_may_outlive_its_entry", |fixture| {
        Box::pin(memberships::a_membership_may_outlive_its_entry(fixture))
    }),
    Promise::new("a_membership_of_its_own_life_ends", |fixture| {
        Box::pin(memberships::a_membership_of_its_own_life_ends(fixture))
    }),
    Promise::new("a_put_without_an_index_changes_no_membership", |fixture| {
        Box::pin(memberships::a_put_without_an_index_changes_no_membership(
            fixture,
        ))
    }),
    Promise::new("who_is_gone_can_leave_an_index", |fixture| {
        Box::pin(memberships::who_is_gone_can_leave_an_index(fixture))
    }),
    Promise::new("an_index_lives_as_long_as_its_members", |fixture| {
        Box::pin(indexes::an_index_lives_as_long_as_its_members(fixture))
    }),
    Promise::new("members_that_end_first_come_first", |fixture| {
        Box::pin(indexes::members_that_end_first_come_first(fixture))
    }),
    Promise::new("a_long_index_is_listed_in_pages", |fixture| {
        Box::pin(indexes::a_long_index_is_listed_in_pages(fixture))
    }),
    Promise::new("a_full_index_refuses", |fixture| {
        Box::pin(indexes::a_full_index_refuses(fixture))
    }),
    Promise::new("all_that_join_are_counted", |fixture| {
        Box::pin(indexes::all_that_join_are_counted(fixture))
    }),
    Promise::new("who_leaves_makes_room", |fixture| {
        Box::pin(indexes::who_leaves_makes_room(fixture))
    }),
    Promise::new("a_stranger_that_leaves_makes_no_room", |fixture| {
        Box::pin(indexes::a_stranger_that_leaves_makes_no_room(fixture))
    }),
    Promise::new("a_member_is_counted_once", |fixture| {
        Box::pin(indexes::a_member_is_counted_once(fixture))
    }),
    Promise::new("an_expired_member_is_not_counted", |fixture| {
        Box::pin(indexes::an_expired_member_is_not_counted(fixture))
    }),
    Promise::new("an_unknown_index_has_no_members", |fixture| {
        Box::pin(indexes::an_unknown_index_has_no_members(fixture))
    }),
    Promise::new("only_an_index_has_members", |fixture| {
        Box::pin(indexes::only_an_index_has_members(fixture))
    }),
    Promise::new("a_counter_begins_at_zero", |fixture| {
        Box::pin(counters::a_counter_begins_at_zero(fixture))
    }),
    Promise::new("a_counter_lives_from_its_first_increment", |fixture| {
        Box::pin(counters::a_counter_lives_from_its_first_increment(fixture))
    }),
    Promise::new("a_counter_keeps_its_time_to_live", |fixture| {
        Box::pin(counters::a_counter_keeps_its_time_to_live(fixture))
    }),
    Promise::new("a_counter_does_not_overflow", |fixture| {
        Box::pin(counters::a_counter_does_not_overflow(fixture))
    }),
    Promise::new("a_counter_is_read_in_decimals", |fixture| {
        Box::pin(counters::a_counter_is_read_in_decimals(fixture))
    }),
    Promise::new("what_is_no_number_is_not_added_to", |fixture| {
        Box::pin(counters::what_is_no_number_is_not_added_to(fixture))
    }),
    Promise::new("a_number_that_was_put_is_added_to", |fixture| {
        Box::pin(counters::a_number_that_was_put_is_added_to(fixture))
    }),
    Promise::new("a_fresh_log_has_no_marks", |fixture| {
        Box::pin(purges::a_fresh_log_has_no_marks(fixture))
    }),
    Promise::new("a_purge_is_seen_from_earlier_positions", |fixture| {
        Box::pin(purges::a_purge_is_seen_from_earlier_positions(fixture))
    }),
    Promise::new("an_entry_from_before_a_purge_is_stale", |fixture| {
        Box::pin(purges::an_entry_from_before_a_purge_is_stale(fixture))
    }),
    Promise::new("an_entry_from_after_a_purge_is_good", |fixture| {
        Box::pin(purges::an_entry_from_after_a_purge_is_good(fixture))
    }),
    Promise::new("purging_everything_begins_an_epoch", |fixture| {
        Box::pin(purges::purging_everything_begins_an_epoch(fixture))
    }),
    Promise::new("an_unknown_position_is_told_all_marks", |fixture| {
        Box::pin(purges::an_unknown_position_is_told_all_marks(fixture))
    }),
    Promise::new("a_late_reader_misses_no_mark", |fixture| {
        Box::pin(purges::a_late_reader_misses_no_mark(fixture))
    }),
    Promise::new("up_to_256_tags_are_purged_at_once", |fixture| {
        Box::pin(purges::up_to_256_tags_are_purged_at_once(fixture))
    }),
    Promise::new("only_a_log_is_purged", |fixture| {
        Box::pin(purges::only_a_log_is_purged(fixture))
    }),
    Promise::new("logs_are_apart", |fixture| {
        Box::pin(purges::logs_are_apart(fixture))
    }),
    Promise::new("of_puts_at_one_time_one_wins", |fixture| {
        Box::pin(races::of_puts_at_one_time_one_wins(fixture))
    }),
    Promise::new("of_changes_at_one_time_one_wins", |fixture| {
        Box::pin(races::of_changes_at_one_time_one_wins(fixture))
    }),
    Promise::new("increments_at_one_time_all_count", |fixture| {
        Box::pin(races::increments_at_one_time_all_count(fixture))
    }),
    Promise::new("claims_at_one_time_admit_the_limit", |fixture| {
        Box::pin(races::claims_at_one_time_admit_the_limit(fixture))
    }),
    Promise::new("claims_in_opposite_orders_do_not_block", |fixture| {
        Box::pin(races::claims_in_opposite_orders_do_not_block(fixture))
    }),
    Promise::new("a_dropped_write_is_whole_or_nothing", |fixture| {
        Box::pin(drops::a_dropped_write_is_whole_or_nothing(fixture))
    }),
    Promise::new("a_dropped_write_leaves_no_stray_entry", |fixture| {
        Box::pin(drops::a_dropped_write_leaves_no_stray_entry(fixture))
    }),
    Promise::new("a_dropped_increment_is_whole_or_nothing", |fixture| {
        Box::pin(drops::a_dropped_increment_is_whole_or_nothing(fixture))
    }),
    Promise::new("a_dropped_acquire_is_whole_or_nothing", |fixture| {
        Box::pin(drops::a_dropped_acquire_is_whole_or_nothing(fixture))
    }),
    Promise::new("a_dropped_purge_is_whole_or_nothing", |fixture| {
        Box::pin(drops::a_dropped_purge_is_whole_or_nothing(fixture))
    }),
    Promise::new("a_lock_has_one_holder", |fixture| {
        Box::pin(locks::a_lock_has_one_holder(fixture))
    }),
    Promise::new("an_expired_lock_is_nobodys", |fixture| {
        Box::pin(locks::an_expired_lock_is_nobodys(fixture))
    }),
];
