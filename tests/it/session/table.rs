//! The table of requirements is true as far as a test can tell.

use crate::support::table;

#[test]
fn every_requirement_names_tests_that_exist() {
    table::assert_true("tests/it/session.rs", "S", 38);
}
