//! Sessions, over the memory store and a clock that is moved by hand.
//!
//! Which test shows how a known weakness of sessions is met:
//!
//! | | requirement | tests |
//! |---|---|---|
//! | S1 | tokens of 256 bits from the operating system | `token::tests::all_bytes_of_a_token_are_random`, `token::tests::a_text_is_46_letters_and_brings_the_token_back` |
//! | S2 | no token is adopted, nor anything written for it | `created::an_unknown_token_is_never_adopted`, `created::clear_with_an_unknown_token_adopts_nothing` |
//! | S3 | malformed tokens never reach the store | `created::malformed_tokens_never_reach_the_store`, `transport::tests::malformed_values_are_no_tokens_but_something_that_was_sent`, `transport::tests::a_nul_is_malformed` |
//! | S4 | a hash is stored, and no token is told | `secrets::no_token_is_in_the_store_nor_in_anything_that_is_told`, `secrets::what_is_stored_is_no_token`, `secrets::tokens_are_marked_as_secret_for_those_who_log_fields` |
//! | S5 | a new token at login, and the old one dead at once | `rotated::a_login_gives_a_new_token_and_keeps_what_the_session_has`, `rotated::another_user_has_nothing_of_the_former_one` |
//! | S6 | rotation is all or nothing | `rotated::an_error_keeps_the_old_token_and_what_it_has`, `rotated::a_store_that_fails_keeps_the_old_token_and_what_it_has`, `outages::a_request_that_is_dropped_writes_nothing`, `outages::after_a_commit_that_failed_nothing_else_is_written`, `faults::a_rotation_leaves_one_token_that_lives`, `faults::a_rotation_in_the_middle_leaves_one_token_that_lives`, `faults::a_login_leaves_the_session_before_it_or_the_one_after_it` |
//! | S7 | logout ends the session in the store, and the cookie is removed by its own attributes | `ended::a_logout_is_one_trip_and_final`, `ended::a_removal_has_the_attributes_of_the_cookie`, `ended::a_logout_is_done_whatever_the_response_is`, `ended::a_logout_ends_every_session_that_the_browser_has_sent`, `faults::a_logout_is_done_if_the_client_was_told_so` |
//! | S8 | nothing brings a session back | `ended::nothing_that_is_late_brings_a_session_back_after_logout`, `rotated::of_two_rotations_one_wins_and_the_session_lives_on`, `merged::different_keys_are_merged`, `merged::nothing_is_lost_of_what_fifty_count`, `interleavings::nothing_slow_writers_have_read_comes_back_after_a_logout_in_every_order`, `interleavings::a_logout_beats_activity_in_every_order`, `interleavings::of_two_rotations_one_is_done_in_every_order` |
//! | S9 | a late response takes no newer cookie away | `ended::a_late_response_leaves_a_newer_cookie_alone`, `ended::a_request_whose_session_is_gone_makes_no_other_one`, `interleavings::a_late_answer_never_overwrites_the_cookie_of_a_login_in_every_order` |
//! | S10 | an end without activity | `lifetimes::a_session_ends_without_activity_whatever_the_store_does`, `lifetimes::activity_is_written_down_once_in_a_window`, `lifetimes::what_is_no_activity_keeps_nothing_alive` |
//! | S11 | an end after a time at all | `lifetimes::a_session_ends_after_its_time_whatever_is_done_with_it`, `lifetimes::a_login_begins_the_time_anew` |
//! | S12 | documented presets | `lifetime::tests::presets_are_what_their_source_says` |
//! | S13 | a `__Host-` cookie, and no contradictions | `tossed::the_default_cookie_is_bound_to_its_host`, `cookie::tests::what_is_no_name_domain_or_path_is_refused` |
//! | S14 | prefixes are told apart by their case | `tossed::other_names_are_other_cookies` |
//! | S15 | `SameSite` is always said | `cookie::tests::same_site_is_always_said` |
//! | S16 | no `Max-Age` unless asked for, and never beyond the end | `lifetimes::a_cookie_has_no_age_by_default_and_gets_one_on_demand`, `lifetimes::a_lifetime_of_its_own_survives_later_writes`, `cookie::tests::max_age_is_whole_seconds_of_at_most_400_days_and_none_unless_given` |
//! | S17 | name and value fit in 4096 bytes | `cookie::tests::the_longest_name_and_value_fit_in_4096_bytes` |
//! | S18 | `Partitioned` with `Secure`, and on removal | `ended::a_removal_has_the_attributes_of_the_cookie` |
//! | S19 | of several cookies each is tried | `tossed::a_tossed_cookie_logs_nobody_out`, `tossed::several_tokens_are_one_read_and_told`, `tossed::of_two_users_none_is_believed`, `tossed::of_two_sessions_of_a_user_the_later_login_counts` |
//! | S20 | cookies in several lines | `tossed::a_tossed_cookie_logs_nobody_out`, `transport::tests::cookies_of_several_lines_are_found` |
//! | S21 | `no-store` with each token | `transports::no_cache_keeps_what_brings_a_token`, `ended::a_logout_is_one_trip_and_final` |
//! | S22 | `Vary` where the session was looked at | `transports::what_depends_on_a_session_varies_by_its_cookie` |
//! | S23 | no cache mixes users | `cached::no_page_of_a_user_is_cached_in_either_order`, `cached::nor_where_the_layer_has_a_marker_of_its_own`, `cached::two_layers_and_a_cache_between_them_mix_nobody`, `cached::pages_that_look_at_no_session_are_cached` |
//! | S24 | nothing is stored of those who only look | `created::ten_thousand_who_only_look_leave_nothing`, `created::what_changes_nothing_is_no_write`, `created::clear_makes_no_session` |
//! | S25 | a failure is no logout, and nothing is written over what could not be read | `outages::a_session_that_cannot_be_read_is_an_error_and_not_none`, `outages::nothing_is_written_over_what_could_not_be_read`, `outages::nobody_waits_beyond_the_limit` |
//! | S26 | clients are told nothing of the store | `outages::a_commit_that_fails_takes_the_place_of_the_response`, `grpc::a_commit_that_fails_is_unavailable_in_the_headers_alone` |
//! | S27 | what was changed at rest is refused | `keyring::tests::every_bit_that_is_changed_is_noticed`, `keyring::tests::an_old_key_opens_and_the_new_one_seals`, `keyring::tests::plain_data_are_refused_unless_asked_for` |
//! | S28 | a sealed session is bound to its place | `keyring::tests::another_place_or_header_does_not_open` |
//! | S29 | sessions are ended from elsewhere, also while they are used | `subjects::all_sessions_of_a_user_are_ended_at_once`, `subjects::all_others_are_ended_and_the_one_that_asks_stays`, `subjects::one_session_is_ended_by_its_name_and_never_that_of_another_user`, `subjects::whoever_is_under_way_does_not_survive`, `races::whoever_ends_all_sessions_wins_against_every_rotation`, `interleavings::a_revoke_beats_a_rotation_in_every_order` |
//! | S30 | logins that race do not exceed the limit | `subjects::fifty_logins_at_one_time_leave_three_sessions`, `subjects::of_fifty_logins_at_one_time_three_are_let_in_where_more_are_refused`, `subjects::the_oldest_login_goes`, `subjects::whoever_is_refused_keeps_what_he_had`, `limits::fifty_logins_at_once_evict_the_oldest_and_leave_three` |
//! | S31 | lists show neither tokens nor keys | `subjects::a_list_names_devices_and_no_token` |
//! | S32 | when the subject was authenticated | `rotated::whoever_was_authenticated_long_ago_has_to_prove_it_again` |
//! | S33 | tokens are taken from nowhere but the transports | `tossed::tokens_are_taken_from_nowhere_else`, `transports::the_answer_goes_the_way_of_the_request` |
//! | S34 | what happens is told, once | `secrets::each_event_is_told_once`, `secrets::an_expired_session_and_a_dropped_write_are_told`, `secrets::the_end_of_the_second_of_two_sessions_is_told_once`, `secrets::what_reads_change_nothing_of_tells_nothing` |
//! | S35 | streams end with their session | `secrets::a_stream_ends_with_its_session`, `secrets::a_stream_ends_when_its_token_changes_and_is_no_activity` |
//! | S36 | forms of other sessions, and requests of other origins, are refused | `csrf::a_form_comes_from_the_session_that_it_was_made_for`, `csrf::a_form_makes_a_session_where_there_is_none`, `csrf::a_new_token_makes_old_forms_void`, `csrf::another_origin_uses_no_session` |
//! | S37 | `Clear-Site-Data` on demand | `ended::browsers_are_told_to_forget_the_site_only_where_that_is_set` |
//! | S38 | no more bytes and keys than allowed | `caps::a_value_that_is_too_large_is_refused_at_once`, `caps::values_that_are_too_large_together_are_never_sent_to_the_store`, `caps::a_session_has_so_many_keys` |

mod app;
mod browser;
mod cached;
mod caps;
mod created;
mod csrf;
mod ended;
mod grpc;
mod late;
mod lifetimes;
mod merged;
mod outages;
mod rotated;
mod router;
mod secrets;
mod spy;
mod subjects;
mod table;
mod tossed;
mod tower;
mod transports;
