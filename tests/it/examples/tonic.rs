//! `rate_limit_tonic`: a server, and a client that is refused and tries again.

use super::output;

#[test]
fn a_grpc_client_is_refused_waits_as_it_is_told_and_is_served() {
    let lines = output("rate_limit_tonic");
    let [serving, first, refused, wait, retried] = &*lines else {
        panic!("five lines, not {lines:?}");
    };
    assert!(serving.starts_with("serving:  grpc.health.v1.Health on 127.0.0.1:"));
    assert_eq!(first, "call 1:   Serving");
    assert!(
        refused.starts_with("call 2:   refused with code 8 (ResourceExhausted): "),
        "{refused}"
    );
    let wait = wait
        .split_once("limits that refuse: calls; try again in ")
        .unwrap()
        .1;
    let millis: u32 = wait.strip_suffix(" ms").unwrap().parse().unwrap();
    assert!((1..=1000).contains(&millis), "{millis}");
    assert_eq!(retried, "call 3:   Serving");
}
