//! What the layer decides and answers, over the memory store and over one that waits.
//!
//! Which test shows which requirement. *Promises* are functions of the public conformance suite: `conformance` runs them
//! over the memory store and every adapter, `upstash::conformance` over Upstash, `redis_store` over Redis.
//!
//! | | requirement | tests | stores |
//! |---|---|---|---|
//! | R1 | never more than the bound | `quota::log::no_algorithm_ever_admits_more_than_its_bound`, `quota::log::asking_at_every_instant_never_gets_more_than_the_bound`, `memory::eight_threads_are_admitted_exactly_as_often_as_the_limit_says`; `limiter::exact::eight_tasks_over_http_are_admitted_exactly_the_limit`, `…_over_tcp_…`, `http_and_tcp_together_…`; `acquire::processes` | memory; Upstash, Redis |
//! | R2 | no needless refusal | promises `a_claim_is_allowed_after_its_wait`, `a_claim_is_refused_before_its_wait`; `quota::rules::a_refused_claim_passes_after_exactly_its_retry_after`, `answers::a_refusal_ends_when_it_says` | all |
//! | R3 | all or nothing | promises `a_refused_call_charges_nothing`, `an_allowed_call_charges_every_limit`; `outages::a_client_refused_by_its_own_limit_does_not_use_up_everybodys`; `limiter::exact::a_refused_request_leaves_all_three_limits_as_they_were_and_is_told_of_each` | all |
//! | R4 | a refused call reports every claim | promises `a_refused_call_reports_every_claim`, `the_longest_wait_is_told`; `events::a_report_names_each_limit_that_applied` | all |
//! | R5 | the same key twice adds up | `memory::claims::the_costs_of_two_claims_on_one_key_add_up`, `acquire::traces::decisions_are_those_of_the_memory_store` | all |
//! | R6 | the order of claims means nothing | promise `the_order_of_claims_has_no_influence`; `memory::claims::the_order_of_claims_on_different_keys_means_nothing` | all |
//! | R7 | `Retry-After` ≥ 1, rounded up, ≥ every `t` | `answers::retry_after_is_a_second_at_least_and_never_before_any_t_or_the_truth` | memory |
//! | R8 | the clock is the store's | `acquire::clock::time_is_the_servers`, `acquire::skew`, `limiter::skew::clocks_of_processes_admit_nothing_where_the_store_tells_the_time`, `limiter::skew::by_clocks_of_clients_gcra_admits_what_they_differ_by_once` | Upstash, Redis |
//! | R9 | a clock that goes back gives nothing back | `hostile::a_clock_that_goes_back_gives_nothing_back_and_breaks_nothing`, `quota::log::a_clock_that_goes_back_never_gives_anything_back`, `memory::a_clock_that_jumps_never_gives_anything_back` | memory |
//! | R10 | a key lives until its limit is as if never used | promise `a_limit_is_fresh_after_its_reset`; `quota::rules::a_state_expires_when_everything_has_come_back`, `quota::rules::an_expired_state_is_as_good_as_none`; `limiter::exact::a_key_lives_until_its_limit_is_as_if_never_used` | all |
//! | R11 | integers only | `quota::rules::extreme_quotas_are_refused_or_never_overflow`, `quota::rules::a_quota_that_cannot_be_is_an_error`, `acquire::traces::decisions_on_extreme_quotas_are_those_of_a_step` | all |
//! | R12 | limit 0, cost 0, cost beyond the burst | `policies::a_limit_of_nothing_refuses_for_good_without_asking_the_store`, `policies::a_request_that_costs_nothing_passes_and_one_that_costs_too_much_never_does`; promises `a_quota_of_none_refuses_everything`, `a_cost_of_zero_is_allowed`, `a_cost_above_the_capacity_is_never_allowed` | all |
//! | R13 | a changed quota is no fresh start | `policies::a_change_of_plan_is_no_fresh_start`, `quota::plans`; promises `a_changed_quota_gives_no_free_burst`, `a_changed_algorithm_fails_nothing` | all |
//! | R14 | a cluster is refused, with the reason | `redis_store::setup::node_of_a_cluster_is_refused_with_the_reason_whatever_is_asked` | Redis |
//! | R15 | refunds in their window only | `spent::what_was_taken_in_a_window_that_has_ended_is_not_given_back`, `streams::a_response_that_was_settled_is_not_settled_twice_when_its_stream_ends`; promises `a_late_refund_gives_nothing`, `a_refund_never_exceeds_what_was_taken`; `limiter::settle::units_of_a_window_that_has_ended_are_not_given_back` | all |
//! | R16 | debts are repaid first | `spent::whoever_overdraws_is_refused_until_the_debt_is_repaid`; promise `a_charge_overdraws_and_is_repaid` | all |
//! | R17 | dropped futures | `dropped`, `later::a_request_dropped_while_its_identifier_is_looked_for_is_not_charged`, `streams::a_stream_that_is_dropped_while_it_is_settled_is_settled`; promise `a_dropped_acquire_is_whole_or_nothing`; `limiter::drops::a_request_that_is_dropped_anywhere_is_charged_once_or_not` | all |
//! | R18 | an unknown outcome is not tried again | `limiter::unknown::a_request_whose_answer_is_lost_is_charged_once_at_most`, `limiter::unknown::scripts_that_redis_forgot_are_charged_once` | Upstash, Redis |
//! | R19 | each limit has its answer to a store that fails | `outages::each_limit_has_its_own_answer_to_a_store_that_is_down`; `limiter::outages` | memory; Upstash, Redis |
//! | R20 | the deny cache refuses only what the store would | `outages::a_refusal_that_is_remembered_is_forgotten_with_its_cause`; `limiter::denials::a_layer_that_remembers_decides_as_one_that_asks_each_time`, `limiter::denials::a_reset_is_seen_here_at_once_and_elsewhere_within_a_second` | a store that waits; Upstash, Redis |
//! | R21 | memory is bounded | `memory::evict::the_states_of_limits_stay_within_their_budget`, `memory::evict::many_millions_of_keys_are_kept_apart` | memory |
//! | R22 | what users send is hashed or escaped | `keys::parts_of_a_key_that_are_cut_otherwise_are_another_key`, `keys::a_missing_key_is_no_value_that_a_client_could_send`, `events::no_event_and_no_report_holds_a_key` | memory |
//! | R23 | readiness and permits | `service::the_service_that_was_ready_is_the_one_that_is_called`, `service::a_refusal_pins_no_permit_of_the_inner_service`, `bodies::a_refusal_that_is_being_answered_pins_no_permit`, `bodies::a_concurrency_limit_outside_is_free_again_after_a_refusal` | memory, a store that waits |
//! | R24 | bodies and upgrades are left alone | `bodies::a_refusal_touches_no_body`, `bodies::a_request_reaches_the_service_as_it_was_sent`, `bodies::an_upgrade_goes_through`, `service::services_and_bodies_need_not_be_send_or_clone_or_default` | memory |
//! | R25 | header fields | `hostile::any_name_is_a_structured_field_and_a_document`, `answers::all_limits_are_told_on_200_and_on_429`, `answers::stacked_layers_and_handlers_append_to_one_list`, `answers::an_informational_answer_and_an_upgrade_have_no_fields` | memory |
//! | R26 | gRPC | `grpc::a_refused_call_is_exhausted_and_says_when_to_come_again`; `servers::tonic::a_refused_call_is_one_frame_of_headers_that_ends_the_stream`, `servers::tonic::a_refused_call_tells_its_client_when_to_retry_and_the_retry_succeeds` | memory |
//! | R27 | limits that are only watched | `shadow::a_watched_limit_is_charged_exactly_as_its_enforced_twin`, `shadow::a_watched_limit_never_refuses_and_tells_clients_nothing`; promise `a_shadow_is_charged_and_never_refuses` | all |
//! | R28 | alignment and jitter | `answers::a_window_begins_with_the_first_hit_or_where_the_clock_says`, `answers::jitter_makes_a_refusal_later_and_never_earlier`; promise `an_aligned_window_admits_its_limit` | all |

mod addresses;
mod advice;
mod answers;
mod app;
mod bodies;
mod composition;
mod dropped;
mod events;
mod grpc;
mod handle;
mod hostile;
mod keys;
mod later;
mod notices;
mod numbers;
mod outages;
mod policies;
mod shadow;
mod spent;
mod streams;
mod table;
