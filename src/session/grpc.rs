use http::{HeaderMap, StatusCode};
pub(super) fn is_grpc(_: &HeaderMap) -> bool {
    unimplemented!()
}
pub(super) fn is_server_error(_: StatusCode, _: &HeaderMap) -> bool {
    unimplemented!()
}
