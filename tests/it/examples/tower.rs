//! `rate_limit_tower`: no framework, a body and an error of its own.

use super::output;

#[test]
fn a_service_of_its_own_body_and_error_is_limited_by_a_closure() {
    let lines = output("rate_limit_tower");
    let (refused, passed): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.contains("problem"));
    assert_eq!(passed.len(), 4, "{lines:?}");
    assert_eq!(lines[..2], ["alice   200  3 2 1"; 2]);
    assert_eq!(lines[3], "bob     200  3 2 1");
    assert!(
        refused[0].starts_with("alice   429 {") && refused[0].ends_with(r#"["starts"]}"#),
        "{lines:?}"
    );
    assert!(lines[4].starts_with("mallory 400 {"), "{lines:?}");
    assert_eq!(lines.len(), 5);
}
