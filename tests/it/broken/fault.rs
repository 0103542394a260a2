//! The faults, and the promises that each of them breaks.

use tower_upstash::quota::Algorithm;

/// A bug that a store may well have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    // Entries.
    AnswersInReverse,
    KeepsText,
    CutsLargeValues,
    TakesAnySize,
    NeverExpires,
    ExpiresEarly,
    KeepsTheFirstLife,
    NumbersVersions,
    AnswersOtherVersions,
    FailsPings,
    // Keys, and calls of the wrong size or kind.
    JoinsKeysUnescaped,
    CutsLongKeys,
    ForgetsNames,
    TakesAnyKind,
    KnowsNoMost,
    RefusesEmptyCalls,
    // Conditions and batches.
    NeverOverwrites,
    IgnoresAbsent,
    IgnoresPresent,
    IgnoresUnchanged,
    ForgetsTheCurrentEntry,
    BringsBackTheDeleted,
    DeletesLate,
    ForgetsTheLastWrite,
    WritesUntilRefused,
    BlamesTheLastWrite,
    DeletesOnlyWhatIsThere,
    LetsTheLastWriteWin,
    TakesZeroAsForever,
    OverflowsOnLongLives,
    // Indexes.
    ForgetsIndexes,
    NeverLeavesIndexes,
    ListsTheDead,
    EndsMembershipsWithEntries,
    KeepsMembershipsForLong,
    PutsTakeOutOfIndexes,
    LetsOnlyTheLivingLeave,
    EndsAnIndexWithTheLastJoin,
    ListsInReverse,
    ListsOnePage,
    ForgetsTheMost,
    ChecksEachJoinAlone,
    CountsJoinsFirst,
    CountsEveryLeave,
    CountsMembersAgain,
    CountsTheDead,
    FailsOnUnknownIndexes,
    ListsAnything,
    // Counters.
    StartsCountersAtOne,
    ProlongsCounters,
    WrapsCounters,
    KeepsCountersInBinary,
    ResetsWhatIsNoNumber,
    KeepsCountersApart,
    // Limits.
    AdmitsOneMore(Algorithm),
    TellsHalfTheWait,
    TellsHalfTheReset,
    ForgetsLimitsSoon,
    KeepsQuotasApart,
    FailsOnOtherAlgorithms,
    TakesNoneAsUnlimited,
    ChargesUntilRefused,
    ChargesOnlyTheFirst,
    BlamesEveryClaim,
    StopsAtTheFirstRefusal,
    OverlooksEarlierClaims,
    TakesTheLastQuota,
    TakesOnPeek,
    RefusesByShadows,
    ChargesOnlyWhatIsThere,
    ForgetsRefunds,
    RefundsWithoutEnd,
    RefundsAnyWindow,
    CountsZeroAsOne,
    TellsAWaitForNever,
    ForgetsResets,
    ResetsOneAlgorithm,
    IgnoresBans,
    KeepsBansApart,
    LiftsBansByCharges,
    KeepsTheLongestBan,
    // Purge logs.
    BeginsALogOnEachLook,
    NumbersPurgesAlike,
    ForgetsMarks,
    MarksTooLate,
    KeepsEverything,
    AnswersOnlyWhatIsNew,
    ForgetsOldMarks,
    // Several at one time.
    ChecksThenWrites,
    WorksInSteps,
}

/// Which promises each fault is proof for. It may break others.
pub(super) const PROOFS: &[(Fault, &[&str])] = &[
    (
        Fault::AnswersInReverse,
        &["entries_come_in_the_order_of_their_keys"],
    ),
    (Fault::KeepsText, &["values_are_any_bytes"]),
    (
        Fault::CutsLargeValues,
        &["values_are_stored_up_to_the_largest"],
    ),
    (
        Fault::TakesAnySize,
        &["values_are_stored_up_to_the_largest"],
    ),
    (Fault::NeverExpires, &["an_expired_entry_is_not_returned"]),
    (Fault::ExpiresEarly, &["an_entry_lives_until_its_end"]),
    (
        Fault::KeepsTheFirstLife,
        &["a_put_replaces_the_time_to_live"],
    ),
    (Fault::NumbersVersions, &["a_version_follows_the_bytes"]),
    (
        Fault::AnswersOtherVersions,
        &["a_write_answers_the_version_of_a_read"],
    ),
    (Fault::FailsPings, &["a_ping_is_answered"]),
    (
        Fault::JoinsKeysUnescaped,
        &["keys_that_look_alike_are_apart"],
    ),
    (Fault::CutsLongKeys, &["identifiers_are_any_bytes"]),
    (
        Fault::ForgetsNames,
        &["names_are_part_of_keys", "logs_are_apart"],
    ),
    (
        Fault::TakesAnyKind,
        &[
            "kinds_with_a_method_of_their_own_have_no_other",
            "only_limits_are_claimed",
            "only_a_log_is_purged",
        ],
    ),
    (
        Fault::KnowsNoMost,
        &[
            "up_to_16_keys_are_read_at_once",
            "up_to_16_writes_make_a_batch",
            "up_to_8_claims_make_a_call",
            "up_to_256_tags_are_purged_at_once",
        ],
    ),
    (
        Fault::RefusesEmptyCalls,
        &["an_empty_batch_is_done", "a_call_without_claims_is_allowed"],
    ),
    (Fault::NeverOverwrites, &["an_always_write_happens"]),
    (
        Fault::IgnoresAbsent,
        &["an_absent_write_demands_no_entry", "a_lock_has_one_holder"],
    ),
    (Fault::IgnoresPresent, &["a_present_write_demands_an_entry"]),
    (
        Fault::IgnoresUnchanged,
        &[
            "an_unchanged_write_demands_the_version",
            "an_expired_lock_is_nobodys",
        ],
    ),
    (
        Fault::ForgetsTheCurrentEntry,
        &["a_conflict_tells_the_current_entry"],
    ),
    (
        Fault::BringsBackTheDeleted,
        &["a_deleted_entry_does_not_come_back"],
    ),
    (Fault::DeletesLate, &["an_expired_entry_counts_as_gone"]),
    (Fault::ForgetsTheLastWrite, &["a_batch_is_written_whole"]),
    (
        Fault::WritesUntilRefused,
        &[
            "a_refused_batch_changes_nothing",
            "a_rotation_moves_an_entry_or_leaves_it",
            "a_refused_batch_changes_no_index",
        ],
    ),
    (
        Fault::BlamesTheLastWrite,
        &["a_refusal_tells_the_first_place"],
    ),
    (
        Fault::DeletesOnlyWhatIsThere,
        &["deleting_what_is_not_there_is_done"],
    ),
    (Fault::LetsTheLastWriteWin, &["a_batch_writes_a_key_once"]),
    (Fault::TakesZeroAsForever, &["a_time_to_live_is_not_zero"]),
    (Fault::OverflowsOnLongLives, &["a_time_to_live_may_be_huge"]),
    (Fault::ForgetsIndexes, &["an_entry_joins_its_index"]),
    (
        Fault::NeverLeavesIndexes,
        &["an_entry_leaves_its_index_when_deleted"],
    ),
    (Fault::ListsTheDead, &["a_membership_ends_with_the_entry"]),
    (
        Fault::EndsMembershipsWithEntries,
        &["a_membership_may_outlive_its_entry"],
    ),
    (
        Fault::KeepsMembershipsForLong,
        &["a_membership_of_its_own_life_ends"],
    ),
    (
        Fault::PutsTakeOutOfIndexes,
        &["a_put_without_an_index_changes_no_membership"],
    ),
    (
        Fault::LetsOnlyTheLivingLeave,
        &["who_is_gone_can_leave_an_index"],
    ),
    (
        Fault::EndsAnIndexWithTheLastJoin,
        &["an_index_lives_as_long_as_its_members"],
    ),
    (
        Fault::ListsInReverse,
        &["members_that_end_first_come_first"],
    ),
    (Fault::ListsOnePage, &["a_long_index_is_listed_in_pages"]),
    (Fault::ForgetsTheMost, &["a_full_index_refuses"]),
    (Fault::ChecksEachJoinAlone, &["all_that_join_are_counted"]),
    (Fault::CountsJoinsFirst, &["who_leaves_makes_room"]),
    (
        Fault::CountsEveryLeave,
        &["a_stranger_that_leaves_makes_no_room"],
    ),
    (Fault::CountsMembersAgain, &["a_member_is_counted_once"]),
    (Fault::CountsTheDead, &["an_expired_member_is_not_counted"]),
    (
        Fault::FailsOnUnknownIndexes,
        &["an_unknown_index_has_no_members"],
    ),
    (Fault::ListsAnything, &["only_an_index_has_members"]),
    (Fault::StartsCountersAtOne, &["a_counter_begins_at_zero"]),
    (
        Fault::ProlongsCounters,
        &[
            "a_counter_lives_from_its_first_increment",
            "a_counter_keeps_its_time_to_live",
        ],
    ),
    (Fault::WrapsCounters, &["a_counter_does_not_overflow"]),
    (
        Fault::KeepsCountersInBinary,
        &["a_counter_is_read_in_decimals"],
    ),
    (
        Fault::ResetsWhatIsNoNumber,
        &["what_is_no_number_is_not_added_to"],
    ),
    (
        Fault::KeepsCountersApart,
        &["a_number_that_was_put_is_added_to"],
    ),
    (
        Fault::AdmitsOneMore(Algorithm::Gcra),
        &["gcra_admits_its_burst"],
    ),
    (
        Fault::AdmitsOneMore(Algorithm::FixedWindow),
        &["a_fixed_window_admits_its_limit"],
    ),
    (
        Fault::AdmitsOneMore(Algorithm::AlignedWindow),
        &["an_aligned_window_admits_its_limit"],
    ),
    (
        Fault::AdmitsOneMore(Algorithm::SlidingWindow),
        &["a_sliding_window_admits_its_limit"],
    ),
    (
        Fault::AdmitsOneMore(Algorithm::StrictWindow),
        &["a_strict_window_admits_its_limit"],
    ),
    (
        Fault::AdmitsOneMore(Algorithm::TokenBucket),
        &["a_token_bucket_admits_its_burst"],
    ),
    (
        Fault::TellsHalfTheWait,
        &[
            "a_claim_is_allowed_after_its_wait",
            "a_banned_key_is_refused",
        ],
    ),
    (
        Fault::TellsHalfTheReset,
        &["a_limit_is_fresh_after_its_reset"],
    ),
    (
        Fault::ForgetsLimitsSoon,
        &["a_claim_is_refused_before_its_wait"],
    ),
    (
        Fault::KeepsQuotasApart,
        &[
            "a_changed_quota_gives_no_free_burst",
            "a_ban_outlives_a_change_of_quota",
        ],
    ),
    (
        Fault::FailsOnOtherAlgorithms,
        &["a_changed_algorithm_fails_nothing"],
    ),
    (
        Fault::TakesNoneAsUnlimited,
        &["a_quota_of_none_refuses_everything"],
    ),
    (
        Fault::ChargesUntilRefused,
        &[
            "a_refused_call_charges_nothing",
            "a_refused_call_makes_no_charge",
            "a_refused_call_resets_and_bans_nothing",
        ],
    ),
    (
        Fault::ChargesOnlyTheFirst,
        &["an_allowed_call_charges_every_limit"],
    ),
    (
        Fault::BlamesEveryClaim,
        &["a_refused_call_reports_every_claim"],
    ),
    (
        Fault::StopsAtTheFirstRefusal,
        &[
            "the_longest_wait_is_told",
            "the_order_of_claims_has_no_influence",
        ],
    ),
    (Fault::OverlooksEarlierClaims, &["claims_on_one_key_add_up"]),
    (Fault::TakesTheLastQuota, &["a_key_has_one_quota_in_a_call"]),
    (Fault::TakesOnPeek, &["a_peek_changes_nothing"]),
    (
        Fault::RefusesByShadows,
        &["a_shadow_is_charged_and_never_refuses"],
    ),
    (
        Fault::ChargesOnlyWhatIsThere,
        &["a_charge_overdraws_and_is_repaid"],
    ),
    (Fault::ForgetsRefunds, &["a_refund_gives_back"]),
    (
        Fault::RefundsWithoutEnd,
        &["a_refund_never_exceeds_what_was_taken"],
    ),
    (Fault::RefundsAnyWindow, &["a_late_refund_gives_nothing"]),
    (Fault::CountsZeroAsOne, &["a_cost_of_zero_is_allowed"]),
    (
        Fault::TellsAWaitForNever,
        &["a_cost_above_the_capacity_is_never_allowed"],
    ),
    (
        Fault::ForgetsResets,
        &["a_reset_forgets_a_key", "a_reset_lifts_a_ban"],
    ),
    (
        Fault::ResetsOneAlgorithm,
        &["a_reset_forgets_every_algorithm"],
    ),
    (Fault::IgnoresBans, &["a_banned_key_is_refused"]),
    (Fault::KeepsBansApart, &["a_key_is_fresh_after_its_ban"]),
    (
        Fault::LiftsBansByCharges,
        &["nothing_is_charged_during_a_ban"],
    ),
    (Fault::KeepsTheLongestBan, &["the_last_ban_counts"]),
    (Fault::BeginsALogOnEachLook, &["a_fresh_log_has_no_marks"]),
    (
        Fault::NumbersPurgesAlike,
        &["a_purge_is_seen_from_earlier_positions"],
    ),
    (
        Fault::ForgetsMarks,
        &["an_entry_from_before_a_purge_is_stale"],
    ),
    (
        Fault::MarksTooLate,
        &["an_entry_from_after_a_purge_is_good"],
    ),
    (
        Fault::KeepsEverything,
        &["purging_everything_begins_an_epoch"],
    ),
    (
        Fault::AnswersOnlyWhatIsNew,
        &["an_unknown_position_is_told_all_marks"],
    ),
    (Fault::ForgetsOldMarks, &["a_late_reader_misses_no_mark"]),
    (
        Fault::ChecksThenWrites,
        &[
            "of_puts_at_one_time_one_wins",
            "of_changes_at_one_time_one_wins",
            "increments_at_one_time_all_count",
            "claims_at_one_time_admit_the_limit",
            "claims_in_opposite_orders_do_not_block",
        ],
    ),
    (
        Fault::WorksInSteps,
        &[
            "a_dropped_write_is_whole_or_nothing",
            "a_dropped_write_leaves_no_stray_entry",
            "a_dropped_increment_is_whole_or_nothing",
            "a_dropped_acquire_is_whole_or_nothing",
            "a_dropped_purge_is_whole_or_nothing",
        ],
    ),
];
