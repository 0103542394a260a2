//! What clients read out of our header fields, with `sfv` as their parser.

mod legacy;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use sfv::{List, ListEntry, Parser};

use super::{Headers, Reset, Told, policies};
use crate::{
    quota::{Algorithm, Quota},
    rate_limit::{
        label::{Label, tests::hostile_names},
        refusal::Refusal,
    },
    store::{Decision, Verdict, Window},
};

const SECOND: u64 = 1_000_000;
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// A limit and a decision, to be told of.
pub(in super::super) struct Case {
    pub(in super::super) label: Label,
    pub(in super::super) quota: Quota,
    pub(in super::super) decision: Decision,
}

impl Case {
    pub(in super::super) fn new(name: &'static str, quota: Quota, verdict: Verdict) -> Self {
        Self {
            label: Label::new(name, None),
            quota,
            decision: decision(quota, verdict, 7, 18 * SECOND),
        }
    }

    pub(in super::super) fn told(&self) -> Told<'_> {
        Told {
            label: &self.label,
            quota: &self.quota,
            decision: &self.decision,
            enforced: true,
        }
    }

    fn left(mut self, remaining: u32, reset_micros: u64) -> Self {
        let verdict = self.decision.verdict();
        self.decision = decision(self.quota, verdict, remaining, reset_micros);
        self
    }
}

pub(in super::super) const fn refused(retry_micros: u64) -> Verdict {
    Verdict::Refused { retry_micros }
}

const fn decision(quota: Quota, verdict: Verdict, remaining: u32, reset_micros: u64) -> Decision {
    let window = Window::from_u64(0);
    Decision::new(verdict, quota.capacity(), remaining, reset_micros, window)
}

fn written(headers: Headers, told: &[Told<'_>]) -> HeaderMap {
    let mut response = Response::new(());
    headers.write(told, None, &mut response);
    response.into_parts().0.headers
}

fn lines<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let values = headers.get_all(name).into_iter();
    values.map(|value| value.to_str().expect("ASCII")).collect()
}

type Member = (String, Vec<(String, String)>);

/// The members of all lines of a field, as a client sees them: their names and their parameters.
fn members(headers: &HeaderMap, name: &str) -> Vec<Member> {
    let list: List = Parser::new(&lines(headers, name).join(", "))
        .parse()
        .expect("a structured field");
    list.iter()
        .map(|entry| {
            let ListEntry::Item(item) = entry else {
                panic!("an inner list");
            };
            let name = item.bare_item.as_string().expect("a string").as_str();
            let parameters = item.params.iter().map(|(key, value)| {
                let text = value.as_integer().map(|n| i64::from(n).to_string());
                let text = text.or_else(|| value.as_string().map(|s| s.as_str().to_owned()));
                (
                    key.as_str().to_owned(),
                    text.expect("an integer or a string"),
                )
            });
            (name.to_owned(), parameters.collect())
        })
        .collect()
}

fn parameter(member: &Member, key: &str) -> Option<u64> {
    let (_, value) = member.1.iter().find(|(name, _)| name == key)?;
    Some(value.parse().expect("a number"))
}

#[test]
fn an_allowed_call_is_told_what_is_left_and_when_all_of_it_is_back() {
    let api = Case::new("api", Quota::per_minute(60), Verdict::Allowed).left(42, 17_000_001);
    let day = Case::new("day", Quota::per_day(1000), Verdict::Allowed).left(1000, 0);
    let headers = written(Headers::Ietf, &[api.told(), day.told()]);
    assert_eq!(
        lines(&headers, "ratelimit-policy"),
        [r#""api";q=60;w=60, "day";q=1000;w=86400"#]
    );
    assert_eq!(
        lines(&headers, "ratelimit"),
        [r#""api";r=42;t=18, "day";r=1000"#]
    );
    assert_eq!(headers.len(), 2);
}

#[test]
fn a_refused_call_is_told_when_to_come_back_by_the_limits_that_refuse_only() {
    let api = Case::new("api", Quota::per_minute(60), refused(1)).left(0, 60 * SECOND);
    let day = Case::new("day", Quota::per_day(1000), Verdict::Allowed).left(900, 9);
    let never = Case::new("never", Quota::NONE, Verdict::Never).left(0, 0);
    let headers = written(Headers::Ietf, &[api.told(), day.told(), never.told()]);
    assert_eq!(
        lines(&headers, "ratelimit"),
        [r#""api";r=0;t=1, "day";r=900, "never";r=0"#]
    );
    assert!(lines(&headers, "ratelimit-policy")[0].ends_with(r#", "never";q=0"#));
}

#[test]
fn a_window_that_is_no_whole_number_of_seconds_is_left_out_and_a_unit_is_named() {
    let tokens = Label::new("tokens", Some("tokens"));
    let render = |quota| policies([(&tokens, &quota)].into_iter());
    let millis = |n| Quota::fixed(10, Duration::from_millis(n));
    assert_eq!(render(millis(100)), r#""tokens";q=10;qu="tokens""#);
    assert_eq!(render(millis(1500)), r#""tokens";q=10;qu="tokens""#);
    assert_eq!(render(millis(2000)), r#""tokens";q=10;qu="tokens";w=2"#);
    let burst = Quota::per_minute(120).burst(30);
    assert_eq!(render(burst), r#""tokens";q=120;qu="tokens";w=60"#);
}

#[test]
fn any_name_any_quota_and_any_wait_can_be_read_back() {
    let finest = Quota::new(Algorithm::FixedWindow, 1, Duration::from_micros(1));
    let largest = Quota::new(Algorithm::FixedWindow, u32::MAX, TEN_YEARS);
    let quotas = [finest, largest].map(|quota| quota.expect("a quota"));
    let ten_years = TEN_YEARS.as_micros() as u64;
    for name in hostile_names() {
        for quota in quotas {
            for wait in [1, 999_999, SECOND, SECOND + 1, ten_years, 1 << 53] {
                let case = Case::new(name, quota, refused(wait)).left(u32::MAX, wait);
                let headers = written(Headers::Both(Reset::Seconds), &[case.told(), case.told()]);
                let [policy, _] = &members(&headers, "ratelimit-policy")[..] else {
                    panic!("two policies");
                };
                assert_eq!(policy.0, case.label.text());
                assert_eq!(parameter(policy, "q"), Some(quota.limit().into()));
                let window = (quota == quotas[1]).then_some(TEN_YEARS.as_secs());
                assert_eq!(parameter(policy, "w"), window);
                let [limit, _] = &members(&headers, "ratelimit")[..] else {
                    panic!("two limits");
                };
                assert_eq!(limit.0, case.label.text());
                assert_eq!(parameter(limit, "r"), Some(u32::MAX.into()));
                assert_eq!(parameter(limit, "t"), Some(wait.div_ceil(SECOND)));
            }
        }
    }
}

#[test]
fn retry_after_is_never_earlier_than_any_t_nor_than_the_wait() {
    let ten_years = TEN_YEARS.as_micros() as u64;
    let waits = [
        1,
        1_000,
        999_999,
        SECOND,
        SECOND + 1,
        60 * SECOND,
        ten_years,
    ];
    for (short, long) in waits.iter().flat_map(|a| waits.map(|b| (*a, b))) {
        let (a, b) = (
            Case::new("a", Quota::per_minute(60), refused(short)),
            Case::new("b", Quota::per_minute(60), refused(long)),
        );
        let told = [a.told(), b.told()];
        let mut response =
            Refusal::quota_exceeded(&told, Duration::from_micros(900_000)).problem_json();
        Headers::Ietf.write(&told, None, &mut response);
        let after: u64 = lines(response.headers(), "retry-after")[0]
            .parse()
            .expect("seconds");
        assert!(after >= 1 && after * SECOND >= short.max(long));
        for member in members(response.headers(), "ratelimit") {
            assert!(parameter(&member, "t").is_some_and(|t| t >= 1 && t <= after));
        }
    }
}

#[test]
fn an_allowed_call_has_no_t_beside_the_retry_after_of_an_inner_service() {
    let api = Case::new("api", Quota::per_minute(60), Verdict::Allowed);
    let mut response = Response::new(());
    let retry_after = HeaderValue::from_static("2");
    response.headers_mut().insert(RETRY_AFTER, retry_after);
    Headers::Ietf.write(&[api.told()], None, &mut response);
    assert_eq!(lines(response.headers(), "ratelimit"), [r#""api";r=7"#]);
}

#[test]
fn stacked_layers_append_a_line_each_and_clients_read_one_list() {
    let names = hostile_names();
    let mut response = Response::new(());
    for name in names {
        let case = Case::new(name, Quota::per_minute(60), Verdict::Allowed);
        let prepared = policies([(&case.label, &case.quota)].into_iter());
        Headers::Ietf.write(&[case.told()], Some(&prepared), &mut response);
    }
    for field in ["ratelimit", "ratelimit-policy"] {
        assert_eq!(lines(response.headers(), field).len(), names.len());
        let read: Vec<String> = members(response.headers(), field)
            .into_iter()
            .map(|member| member.0)
            .collect();
        assert_eq!(
            read,
            names.map(|name| Label::new(name, None).text().to_owned())
        );
    }
}

#[test]
fn nothing_is_told_of_informational_answers_watched_limits_and_where_headers_are_off() {
    let api = Case::new("api", Quota::per_minute(60), Verdict::Allowed);
    for (headers, status, enforced, expected) in [
        (Headers::Both(Reset::Seconds), StatusCode::OK, true, 5),
        (
            Headers::Both(Reset::Seconds),
            StatusCode::NOT_FOUND,
            true,
            5,
        ),
        (Headers::Both(Reset::Seconds), StatusCode::CONTINUE, true, 0),
        (
            Headers::Both(Reset::Seconds),
            StatusCode::SWITCHING_PROTOCOLS,
            true,
            0,
        ),
        (Headers::Both(Reset::Seconds), StatusCode::OK, false, 0),
        (Headers::None, StatusCode::OK, true, 0),
    ] {
        let told = Told {
            enforced,
            ..api.told()
        };
        let mut response = Response::new(());
        *response.status_mut() = status;
        headers.write(&[told], None, &mut response);
        assert_eq!(response.headers().len(), expected);
    }
    assert!(written(Headers::Ietf, &[]).is_empty());
}

#[test]
fn a_watched_limit_that_would_refuse_is_not_told_and_changes_no_t() {
    let api = Case::new("api", Quota::per_minute(60), Verdict::Allowed).left(1, SECOND);
    let shadow = Case::new("shadow", Quota::per_minute(1), refused(50 * SECOND));
    let watched = Told {
        enforced: false,
        ..shadow.told()
    };
    let headers = written(Headers::Both(Reset::Seconds), &[watched, api.told()]);
    assert_eq!(lines(&headers, "ratelimit"), [r#""api";r=1;t=1"#]);
    assert_eq!(lines(&headers, "ratelimit-policy"), [r#""api";q=60;w=60"#]);
    assert_eq!(lines(&headers, "x-ratelimit-limit"), ["60"]);
}

#[test]
fn a_full_header_map_stays_as_it_is() {
    let api = Case::new("api", Quota::per_minute(60), Verdict::Allowed);
    let mut response = Response::new(());
    let headers = response.headers_mut();
    let filled = (0..40_000).any(|n| {
        let name = HeaderName::try_from(format!("x-{n}")).expect("a name");
        let value = HeaderValue::from_static("x");
        headers.try_append(name, value).is_err()
    });
    assert!(filled);
    let before = response.headers().clone();
    Headers::Both(Reset::Epoch).write(&[api.told()], None, &mut response);
    assert_eq!(*response.headers(), before);
}
