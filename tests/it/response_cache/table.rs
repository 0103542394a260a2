//! The table of pitfalls is true as far as a test can tell.

use crate::support::table;

#[test]
fn every_pitfall_names_tests_that_exist() {
    table::assert_true("tests/it/response_cache.rs", "P", 18);
}
