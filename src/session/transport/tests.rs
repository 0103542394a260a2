use proptest::prelude::*;

use super::*;

fn texts<const N: usize>() -> [String; N] {
    std::array::from_fn(|_| {
        Token::generate()
            .expect("random numbers")
            .text()
            .to_string()
    })
}

fn lines(lines: &[(HeaderName, &[u8])]) -> HeaderMap {
    let value = |line| HeaderValue::from_bytes(line).expect("a header value");
    let lines = lines.iter().map(|(name, line)| (name.clone(), value(line)));
    lines.collect()
}

fn cookies(values: &[&str]) -> HeaderMap {
    let line = |line: &&'_ str| HeaderValue::from_bytes(line.as_bytes()).expect("a header value");
    let lines = values.iter().map(|value| (COOKIE, line(value)));
    lines.collect()
}

fn cookie() -> Transport {
    Transport::cookie(SessionCookie::host("id"))
}

fn found(presented: &Presented) -> Vec<String> {
    let texts = presented
        .tokens()
        .iter()
        .map(|token| token.text().to_string());
    texts.collect()
}

/// Reads by the default cookie.
fn read(headers: &HeaderMap) -> (Vec<String>, bool) {
    let presented = presented(&[cookie()], headers);
    (found(&presented), presented.any)
}

#[test]
fn the_cookie_is_found_whatever_is_around_it() {
    let [a] = texts();
    for line in [
        format!("__Host-id={a}"),
        format!("a=1; __Host-id={a}; b=2"),
        format!("a=1;__Host-id={a};b=2"),
        format!(";; ;\t __Host-id={a} \t;"),
        format!("x=__Host-id=; __Host-id={a}"),
        format!("=; __Host-id; __Host-id={a}"),
        format!("{}__Host-id={a}", "a=1; ".repeat(2000)),
        format!("__Host-id={a}; x={}", "é".repeat(5000)),
    ] {
        assert_eq!(read(&cookies(&[&line])), (vec![a.clone()], true), "{line}");
    }
    assert_eq!(read(&HeaderMap::new()), (vec![], false));
}

#[test]
fn other_names_are_other_cookies() {
    let [a] = texts();
    for name in [
        "__HOST-id",
        "__host-id",
        "__Host-ID",
        "%5f_Host-id",
        "__Host%2did",
        "id",
        "x__Host-id",
        "__Host-id2",
        "__Host-id ",
        "\"__Host-id\"",
        "__Secure-id",
        "__Host-Http-id",
        "$__Host-id",
    ] {
        let line = format!("{name}={a}");
        assert_eq!(read(&cookies(&[&line])), (vec![], false), "{line}");
    }
}

#[test]
fn malformed_values_are_no_tokens_but_something_that_was_sent() {
    let [a] = texts();
    let (head, tail) = a.split_at(45);
    for value in [
        String::new(),
        "x".into(),
        head.into(),
        format!("{a}A"),
        format!("{a}="),
        format!("\"{a}\""),
        format!("{head}%{:02x}", tail.as_bytes()[0]),
        format!("{head} {tail}"),
        format!("{head}="),
        format!("{head}+"),
        format!("{head}/"),
        format!("{head}B"),
        "é".repeat(23),
        "A".repeat(10_000),
    ] {
        let line = format!("__Host-id={value}");
        assert_eq!(read(&cookies(&[&line])), (vec![], true), "{line}");
    }
    let bytes = [&b"__Host-id="[..], &[0xff; 46]].concat();
    assert_eq!(read(&lines(&[(COOKIE, &bytes)])), (vec![], true));
}

/// A header value cannot have it, but nothing below relies on that.
#[test]
fn a_nul_is_malformed() {
    let Kind::Cookie(prepared) = cookie().0 else {
        panic!("a cookie");
    };
    let pair = [&b"__Host-id="[..], &[0; 46]].concat();
    let value = prepared.value_of(&pair);
    assert_eq!(value, Some(&[0; 46][..]));
    let mut presented = Presented::default();
    let _ = presented.add(value.expect("the value of the cookie"));
    assert_eq!(presented.tokens().len(), 0);
}

#[test]
fn duplicates_are_each_tried_in_their_order_up_to_four() {
    let [a, b, c, d, e] = texts();
    let name = |text: &String| format!("__Host-id={text}");
    let line = [&a, &b, &a, &b, &c, &d, &e].map(name).join("; ");
    let expected = vec![a.clone(), b.clone(), c, d];
    assert_eq!(read(&cookies(&[&line])), (expected, true));
    let line = [&b, &a].map(name).join("; ");
    assert_eq!(read(&cookies(&[&line])), (vec![b, a.clone()], true));
    // Junk takes nobody's place.
    let line = "__Host-id=x; ".repeat(50) + &name(&"!".repeat(46)) + ";" + &name(&a);
    assert_eq!(read(&cookies(&[&line])), (vec![a], true));
}

#[test]
fn cookies_of_several_lines_are_found() {
    let [a, b] = texts();
    let (first, second) = (format!("__Host-id={a}"), format!("x=1; __Host-id={b}"));
    assert_eq!(read(&cookies(&["x=1", &first])).0, [&*a]);
    assert_eq!(read(&cookies(&[&first, "é", &second])).0, [&*a, &*b]);
    let bad = lines(&[
        (COOKIE, b"\xff=\xff; __Host-id"),
        (COOKIE, first.as_bytes()),
    ]);
    assert_eq!(read(&bad).0, [&*a]);
}

#[test]
fn a_bearer_token_is_found_by_a_scheme_in_any_case() {
    let [a, b] = texts();
    let read = |lines_of: &[&str]| {
        let values = lines_of.iter().map(|line| (AUTHORIZATION, line.as_bytes()));
        let presented = presented(&[Transport::bearer()], &lines(&values.collect::<Vec<_>>()));
        (found(&presented), presented.any)
    };
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER  "] {
        let line = format!("{scheme} {a} ");
        assert_eq!(read(&[&line]), (vec![a.clone()], true), "{line}");
    }
    for line in [
        a.clone(),
        format!("Basic {a}"),
        format!("Bearer{a}"),
        "Bearer".into(),
    ] {
        assert_eq!(read(&[&line]), (vec![], false), "{line}");
    }
    for value in ["", "x", "a.b.c", &format!("{a},"), &format!("x {a}")] {
        // Without a token, a value ends before the space.
        let (tokens, _) = read(&[&format!("Bearer {value}")]);
        assert!(tokens.is_empty(), "{value}");
    }
    assert!(read(&["Bearer x"]).1);
    let both = [format!("Bearer {a}"), format!("Bearer {b}")];
    assert_eq!(read(&[&both[0], &both[1]]).0, [a, b]);
}

#[test]
fn a_header_field_is_found_also_where_lines_were_joined() {
    let [a, b] = texts();
    let transport = [Transport::header("X-Session")];
    let name = HeaderName::from_static("x-session");
    let joined = format!(" {a} ,{b},");
    let apart = lines(&[(name.clone(), a.as_bytes()), (name.clone(), b.as_bytes())]);
    for headers in [lines(&[(name, joined.as_bytes())]), apart] {
        let presented = presented(&transport, &headers);
        assert_eq!(found(&presented), [&*a, &*b]);
    }
    let other = lines(&[(HeaderName::from_static("x-sessions"), a.as_bytes())]);
    assert!(!presented(&transport, &other).any);
}

#[test]
fn the_first_transport_with_a_token_wins() {
    let [a, b] = texts();
    let (bearer, pair) = (format!("Bearer {a}"), format!("__Host-id={b}"));
    let both = lines(&[
        (AUTHORIZATION, bearer.as_bytes()),
        (COOKIE, pair.as_bytes()),
    ]);
    let [first, second] = [Transport::bearer(), cookie()];
    let order = presented(&[first.clone(), second.clone()], &both);
    assert_eq!((found(&order), order.transport), (vec![a], 0));
    let order = presented(&[second.clone(), first.clone()], &both);
    assert_eq!((found(&order), order.transport), (vec![b.clone()], 0));
    // Somebody else's bearer token is in nobody's way.
    let other = lines(&[(AUTHORIZATION, b"Bearer a.b.c"), (COOKIE, pair.as_bytes())]);
    let order = presented(&[first.clone(), second.clone()], &other);
    assert_eq!((found(&order), order.transport), (vec![b], 1));
    // Without a token it is answered where something was sent.
    let junk = presented(&[first.clone(), second.clone()], &cookies(&["__Host-id=x"]));
    assert_eq!(
        (junk.tokens().len(), junk.transport, junk.any),
        (0, 1, true)
    );
    // … unless it may be a program's own, in a browser that is to have a cookie.
    let other = lines(&[(AUTHORIZATION, b"Bearer a.b.c")]);
    let order = presented(&[second.clone(), first.clone()], &other);
    assert_eq!((order.tokens().len(), order.transport), (0, 0));
    let none = presented(&[first, second], &HeaderMap::new());
    assert_eq!(
        (none.tokens().len(), none.transport, none.any),
        (0, 0, false)
    );
}

#[test]
fn only_configured_transports_are_looked_at() {
    let [a] = texts();
    let (bearer, pair) = (format!("Bearer {a}"), format!("__Host-id={a}"));
    let session = HeaderName::from_static("x-session");
    let fields = [
        (AUTHORIZATION, bearer),
        (COOKIE, pair),
        (session, a.clone()),
    ];
    let transports = [
        Transport::bearer(),
        cookie(),
        Transport::header("x-session"),
    ];
    for (at, transport) in transports.iter().enumerate() {
        let others = fields.iter().enumerate().filter(|(other, _)| *other != at);
        let others = others.map(|(_, (name, value))| (name.clone(), value.as_bytes()));
        let mut others: Vec<_> = others.collect();
        let url = format!("/?__Host-id={a}&session={a}&token={a}");
        others.push((http::header::REFERER, url.as_bytes()));
        let presented = presented(std::slice::from_ref(transport), &lines(&others));
        assert!(
            !presented.any && presented.tokens().is_empty(),
            "{transport:?}"
        );
    }
}

#[test]
fn names_that_cannot_carry_a_token_are_refused() {
    for name in [
        "",
        "a b",
        "é",
        "Cookie",
        "set-cookie",
        "Authorization",
        "x-session-bin",
    ] {
        let made = std::panic::catch_unwind(|| Transport::header(name));
        assert!(made.is_err(), "{name}");
    }
}

#[test]
fn debug_shows_names() {
    let transports = [
        cookie(),
        Transport::bearer(),
        Transport::header("x-session"),
    ];
    let shown = r#"[Cookie("__Host-id"), Bearer, Header("x-session")]"#;
    assert_eq!(format!("{transports:?}"), shown);
    let is_cookie = transports.each_ref().map(Transport::is_cookie);
    assert_eq!(is_cookie, [true, false, false]);
    let insecure = Transport::cookie(SessionCookie::insecure_for_development("id"));
    assert_eq!(insecure.insecure(), Some("id"));
    assert!(
        transports
            .iter()
            .all(|transport| transport.insecure().is_none())
    );
}

/// Reads a line as text, pair by pair, without a thought of speed.
fn naive(lines: &[Vec<u8>]) -> (Vec<String>, bool) {
    let (mut tokens, mut any) = (Vec::new(), false);
    for line in lines {
        let text: String = line.iter().copied().map(char::from).collect();
        for pair in text.split(';') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if name.trim_start_matches([' ', '\t']) != "__Host-id" {
                continue;
            }
            any = true;
            let value = value.trim_matches([' ', '\t']);
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            let is_token = value.len() == 46
                && value.chars().all(is_letter)
                && value.ends_with(['A', 'Q', 'g', 'w']);
            if is_token && !tokens.iter().any(|known| known == value) {
                tokens.push(value.to_owned());
            }
        }
    }
    tokens.truncate(4);
    (tokens, any)
}

proptest! {
    #[test]
    fn cookie_lines_are_read_as_a_naive_reader_does(
        lines_of in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    3 => "[A-Za-z0-9_-]{45}[AQgwB]".prop_map(|text| format!("__Host-id={text}").into_bytes()),
                    3 => "[ab]{1}".prop_map(|letter| format!("__Host-id={}", letter.repeat(45) + "A").into_bytes()),
                    1 => Just(b"__Host-id".to_vec()),
                    1 => Just(b"__host-id=".to_vec()),
                    3 => prop::sample::select(b" \t=;,\"%".as_slice()).prop_map(|byte| vec![byte]),
                    3 => Just(b"; ".to_vec()),
                    1 => prop::collection::vec(any::<u8>(), 0..8),
                ],
                0..12,
            ).prop_map(|parts| parts.concat()),
            0..4,
        ),
    ) {
        let is_value = |line: &Vec<u8>| HeaderValue::from_bytes(line).is_ok();
        let lines_of: Vec<_> = lines_of.into_iter().filter(is_value).collect();
        let fields: Vec<_> = lines_of.iter().map(|line| (COOKIE, line.as_slice())).collect();
        prop_assert_eq!(read(&lines(&fields)), naive(&lines_of));
    }
}
