//! The table of the promises on limits.

use super::{Promise, bans, claims, limits, spends};

pub(super) const LIMITS: &[Promise] = &[
    Promise::new("gcra_admits_its_burst", |fixture| {
        Box::pin(limits::gcra_admits_its_burst(fixture))
    }),
    Promise::new("a_fixed_window_admits_its_limit", |fixture| {
        Box::pin(limits::a_fixed_window_admits_its_limit(fixture))
    }),
    Promise::new("an_aligned_window_admits_its_limit", |fixture| {
        Box::pin(limits::an_aligned_window_admits_its_limit(fixture))
    }),
    Promise::new("a_sliding_window_admits_its_limit", |fixture| {
        Box::pin(limits::a_sliding_window_admits_its_limit(fixture))
    }),
    Promise::new("a_strict_window_admits_its_limit", |fixture| {
        Box::pin(limits::a_strict_window_admits_its_limit(fixture))
    }),
    Promise::new("a_token_bucket_admits_its_burst", |fixture| {
        Box::pin(limits::a_token_bucket_admits_its_burst(fixture))
    }),
    Promise::new("a_claim_is_allowed_after_its_wait", |fixture| {
        Box::pin(limits::a_claim_is_allowed_after_its_wait(fixture))
    }),
    Promise::new("a_claim_is_refused_before_its_wait", |fixture| {
        Box::pin(limits::a_claim_is_refused_before_its_wait(fixture))
    }),
    Promise::new("a_limit_is_fresh_after_its_reset", |fixture| {
        Box::pin(limits::a_limit_is_fresh_after_its_reset(fixture))
    }),
    Promise::new("a_changed_quota_gives_no_free_burst", |fixture| {
        Box::pin(limits::a_changed_quota_gives_no_free_burst(fixture))
    }),
    Promise::new("a_changed_algorithm_fails_nothing", |fixture| {
        Box::pin(limits::a_changed_algorithm_fails_nothing(fixture))
    }),
    Promise::new("a_quota_of_none_refuses_everything", |fixture| {
        Box::pin(limits::a_quota_of_none_refuses_everything(fixture))
    }),
    Promise::new("a_refused_call_charges_nothing", |fixture| {
        Box::pin(claims::a_refused_call_charges_nothing(fixture))
    }),
    Promise::new("an_allowed_call_charges_every_limit", |fixture| {
        Box::pin(claims::an_allowed_call_charges_every_limit(fixture))
    }),
    Promise::new("a_refused_call_reports_every_claim", |fixture| {
        Box::pin(claims::a_refused_call_reports_every_claim(fixture))
    }),
    Promise::new("the_longest_wait_is_told", |fixture| {
        Box::pin(claims::the_longest_wait_is_told(fixture))
    }),
    Promise::new("claims_on_one_key_add_up", |fixture| {
        Box::pin(claims::claims_on_one_key_add_up(fixture))
    }),
    Promise::new("the_order_of_claims_has_no_influence", |fixture| {
        Box::pin(claims::the_order_of_claims_has_no_influence(fixture))
    }),
    Promise::new("up_to_8_claims_make_a_call", |fixture| {
        Box::pin(claims::up_to_8_claims_make_a_call(fixture))
    }),
    Promise::new("a_call_without_claims_is_allowed", |fixture| {
        Box::pin(claims::a_call_without_claims_is_allowed(fixture))
    }),
    Promise::new("only_limits_are_claimed", |fixture| {
        Box::pin(claims::only_limits_are_claimed(fixture))
    }),
    Promise::new("a_key_has_one_quota_in_a_call", |fixture| {
        Box::pin(claims::a_key_has_one_quota_in_a_call(fixture))
    }),
    Promise::new("a_peek_changes_nothing", |fixture| {
        Box::pin(spends::a_peek_changes_nothing(fixture))
    }),
    Promise::new("a_shadow_is_charged_and_never_refuses", |fixture| {
        Box::pin(spends::a_shadow_is_charged_and_never_refuses(fixture))
    }),
    Promise::new("a_refused_call_makes_no_charge", |fixture| {
        Box::pin(spends::a_refused_call_makes_no_charge(fixture))
    }),
    Promise::new("a_charge_overdraws_and_is_repaid", |fixture| {
        Box::pin(spends::a_charge_overdraws_and_is_repaid(fixture))
    }),
    Promise::new("a_refund_gives_back", |fixture| {
        Box::pin(spends::a_refund_gives_back(fixture))
    }),
    Promise::new("a_refund_never_exceeds_what_was_taken", |fixture| {
        Box::pin(spends::a_refund_never_exceeds_what_was_taken(fixture))
    }),
    Promise::new("a_late_refund_gives_nothing", |fixture| {
        Box::pin(spends::a_late_refund_gives_nothing(fixture))
    }),
    Promise::new("a_cost_of_zero_is_allowed", |fixture| {
        Box::pin(spends::a_cost_of_zero_is_allowed(fixture))
    }),
    Promise::new("a_cost_above_the_capacity_is_never_allowed", |fixture| {
        Box::pin(spends::a_cost_above_the_capacity_is_never_allowed(fixture))
    }),
    Promise::new("a_reset_forgets_a_key", |fixture| {
        Box::pin(bans::a_reset_forgets_a_key(fixture))
    }),
    Promise::new("a_reset_forgets_every_algorithm", |fixture| {
        Box::pin(bans::a_reset_forgets_every_algorithm(fixture))
    }),
    Promise::new("a_refused_call_resets_and_bans_nothing", |fixture| {
        Box::pin(bans::a_refused_call_resets_and_bans_nothing(fixture))
    }),
    Promise::new("a_banned_key_is_refused", |fixture| {
        Box::pin(bans::a_banned_key_is_refused(fixture))
    }),
    Promise::new("a_ban_outlives_a_change_of_quota", |fixture| {
        Box::pin(bans::a_ban_outlives_a_change_of_quota(fixture))
    }),
    Promise::new("a_key_is_fresh_after_its_ban", |fixture| {
        Box::pin(bans::a_key_is_fresh_after_its_ban(fixture))
    }),
    Promise::new("nothing_is_charged_during_a_ban", |fixture| {
        Box::pin(bans::nothing_is_charged_during_a_ban(fixture))
    }),
    Promise::new("a_reset_lifts_a_ban", |fixture| {
        Box::pin(bans::a_reset_lifts_a_ban(fixture))
    }),
    Promise::new("the_last_ban_counts", |fixture| {
        Box::pin(bans::the_last_ban_counts(fixture))
    }),
];
