//! What the cache stores, answers and forgets, over the memory store and a clock that is moved by hand.
//!
//! Which test shows how a known pitfall of caches is met:
//!
//! | | pitfall | tests |
//! |---|---|---|
//! | P1 | inputs that are not in the key | `keys::hosts_schemes_paths_and_queries_have_entries_of_their_own`, `keys::a_header_is_part_of_the_key_where_the_policy_says_so`, `keys::a_get_with_a_body_passes_by`, `keys::a_request_for_no_host_passes_by` |
//! | P2 | keys that collide | `keys::no_two_requests_that_differ_share_an_answer`, `variants::values_that_are_cut_otherwise_are_other_variants` |
//! | P3 | secrets in the store | `secrets::no_secret_of_a_request_reaches_the_store`, `secrets::what_is_of_one_user_by_vary_is_not_stored` |
//! | P4 | `Set-Cookie` | `users::an_answer_with_a_cookie_is_not_stored`, `users::cookies_are_stripped_or_stored_where_the_policy_says_so` |
//! | P5 | credentials | `users::an_answer_to_authorization_is_stored_only_if_it_says_so`, `users::what_was_stored_without_authorization_is_not_given_to_it`, `users::who_has_credentials_gets_only_what_is_explicitly_for_everybody` |
//! | P6 | cache deception | `keys::no_path_and_no_extension_makes_an_answer_storable`, `keys::paths_are_taken_as_the_service_sees_them` |
//! | P7 | errors | `stale::no_error_is_stored_that_does_not_say_so` |
//! | P8 | bodies that are cut off | `bodies::a_body_that_its_client_leaves_is_not_stored`, `bodies::a_body_that_is_shorter_than_announced_is_not_stored`, `bodies::an_error_of_a_body_reaches_the_client_and_nothing_is_stored` |
//! | P9 | huge bodies | `bodies::a_body_beyond_the_limit_streams_on_and_is_not_stored`, `bodies::recordings_together_stay_within_their_memory` |
//! | P10 | buffers of what is not stored | `bodies::an_event_stream_passes_frame_by_frame`, `grpc::calls_and_their_streams_pass_with_their_trailers` |
//! | P11 | collapsed requests | `collapsing::an_answer_that_is_for_one_lets_all_others_go_at_once`, `collapsing::a_leader_that_is_dropped_hands_over`, `collapsing::a_leader_that_fails_hands_over`, `collapsing::nobody_waits_longer_than_the_policy_says`, `collapsing::those_who_wait_get_what_is_stale_when_the_service_fails` |
//! | P12 | a purge while a fill is under way | `purges::every_purge_wins_over_a_fill_that_is_under_way`, `purges::an_unsafe_request_wins_over_a_fill_that_is_under_way` |
//! | P13 | parts taken for the whole | `conditions::a_part_is_never_stored`, `conditions::ranges_are_answered_from_the_whole` |
//! | P14 | too many variants | `variants::a_key_has_eight_variants_at_most` |
//! | P15 | Tower's contract | `tower::the_service_that_was_ready_is_the_one_that_is_called`, `tower::readiness_is_that_of_the_service`, `tower::a_hit_calls_no_service`, `tower::a_store_that_is_down_is_passed_by`, `stale::a_refresh_has_the_extensions_of_its_request` |
//! | P16 | refreshes forced by clients | `requests::nobody_forces_a_refresh`, `requests::no_method_purges` |
//! | P17 | what `Cache-Status` reveals | `requests::cache_status_has_no_key_and_can_be_left_out` |
//! | P18 | compression | `variants::each_coding_has_a_variant_of_its_own`, `variants::a_weak_tag_is_good_for_304_and_not_for_parts` |

mod app;
mod bodies;
mod collapsing;
mod conditions;
mod grpc;
mod keys;
mod limits;
mod policies;
mod purges;
mod requests;
mod router;
mod secrets;
mod stale;
mod table;
mod tower;
mod users;
mod variants;

/// Names and values of header fields.
type Fields<'a> = &'a [(&'a str, &'a str)];
