use http::{Method, header};

use super::*;
use crate::store::{MemoryStore, SharedStore};

#[test]
fn another_origin_neither_opens_a_websocket_with_a_cookie_nor_changes_anything() {
    let config = Arc::new(Config::new(SharedStore::new(MemoryStore::new())));
    for (method, cookie, is_refused) in [
        (Method::GET, Some("__Host-id=x"), true),
        (Method::GET, Some("other=x"), false),
        (Method::GET, None, false),
        (Method::POST, Some("__Host-id=x"), true),
        (Method::POST, None, true),
    ] {
        let request = Request::builder()
            .method(&method)
            .header(header::UPGRADE, "websocket")
            .header(header::HOST, "example.com")
            .header(header::ORIGIN, "https://other.example");
        let request = cookie.into_iter().fold(request, |request, line| {
            request.header(header::COOKIE, line)
        });
        let mut request = request.body(()).expect("a request");
        let state = config.begin(&mut request);
        assert_eq!(state.touch().is_err(), is_refused, "{method} {cookie:?}");
    }
}
