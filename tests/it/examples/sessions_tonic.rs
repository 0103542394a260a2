//! `sessions_tonic`: a client that keeps its token in the metadata.

use super::output;

#[test]
fn a_grpc_client_counts_logs_in_and_logs_out() {
    let lines = output("sessions_tonic");
    let [serving, calls @ ..] = &*lines else {
        panic!("it says nothing");
    };
    assert!(serving.starts_with("serving:  grpc.health.v1.Health on 127.0.0.1:"));
    assert_eq!(
        calls,
        [
            "count     calls: 1, a new token",
            "count     calls: 2",
            "account   code 16 (Unauthenticated): This needs a login.",
            "login     calls: 2, a new token",
            "account   calls: 2",
            "logout    calls: 0",
            "account   code 16 (Unauthenticated): This needs a login.",
        ]
    );
}
