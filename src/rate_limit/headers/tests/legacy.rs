//! `X-RateLimit-*`.

use http::{HeaderMap, HeaderValue, Response};

use super::{Case, SECOND, lines, refused, written};
use crate::{
    quota::Quota,
    rate_limit::headers::{Headers, Reset},
    store::Verdict,
};

fn legacy(headers: &HeaderMap) -> [Vec<&str>; 3] {
    ["limit", "remaining", "reset"].map(|it| lines(headers, &format!("x-ratelimit-{it}")))
}

#[test]
fn legacy_headers_are_those_of_the_tightest_limit() {
    let wide = Case::new("wide", Quota::per_day(1000), Verdict::Allowed).left(100, SECOND);
    let tight = Case::new("tight", Quota::per_minute(60), Verdict::Allowed).left(5, 2 * SECOND);
    let short = Case::new("short", Quota::per_minute(9), refused(1)).left(0, 3 * SECOND);
    let long = Case::new("long", Quota::per_minute(8), refused(70 * SECOND)).left(4, 9 * SECOND);
    let never = Case::new("never", Quota::per_minute(7), Verdict::Never).left(6, SECOND);
    let only = Headers::Legacy(Reset::Seconds);
    for told in [[wide.told(), tight.told()], [tight.told(), wide.told()]] {
        let headers = written(only, &told);
        assert_eq!(headers.len(), 3);
        assert_eq!(legacy(&headers), [["60"], ["5"], ["2"]]);
    }
    let headers = written(only, &[tight.told(), short.told(), long.told()]);
    assert_eq!(legacy(&headers), [["8"], ["4"], ["70"]]);
    let headers = written(only, &[long.told(), never.told()]);
    assert_eq!(legacy(&headers), [vec!["7"], vec!["6"], vec![]]);
}

#[test]
fn the_tighter_of_two_layers_stays_in_legacy_headers() {
    let only = Headers::Legacy(Reset::Seconds);
    let wide = Case::new("wide", Quota::per_day(1000), Verdict::Allowed).left(100, SECOND);
    let tight = Case::new("tight", Quota::per_minute(60), Verdict::Allowed).left(5, 2 * SECOND);
    for order in [[&wide, &tight], [&tight, &wide]] {
        let mut response = Response::new(());
        for case in order {
            only.write(&[case.told()], None, &mut response);
        }
        assert_eq!(legacy(response.headers()), [["60"], ["5"], ["2"]]);
    }
    // What cannot be understood is replaced, all of it.
    let mut response = Response::new(());
    for value in ["60, 60;w=60", "many"] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().append("x-ratelimit-limit", value);
    }
    only.write(&[wide.told()], None, &mut response);
    assert_eq!(legacy(response.headers()), [["1000"], ["100"], ["1"]]);
}

#[test]
fn the_legacy_reset_is_a_unix_time_where_asked_for() {
    let api = Case::new("api", Quota::per_minute(60), Verdict::Allowed).left(1, 90 * SECOND);
    let unix = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.expect("after 1970").as_secs()
    };
    let before = unix();
    let headers = written(Headers::Legacy(Reset::Epoch), &[api.told()]);
    let reset: u64 = legacy(&headers)[2][0].parse().expect("a Unix time");
    assert!((before + 90..=unix() + 91).contains(&reset));
}
