#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::UNIX_EPOCH;

use http::HeaderValue;
use proptest::prelude::*;

use super::{format, parse};
use crate::time::Timestamp;

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// 2023-11-14 22:13:20.
const NOW: Timestamp = at(1_700_000_000);

fn read(text: &str) -> Option<Timestamp> {
    parse(&HeaderValue::from_bytes(text.as_bytes()).unwrap(), NOW)
}

#[test]
fn the_examples_of_the_rfc_are_one_instant() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
    ] {
        assert_eq!(read(text), Some(at(784_111_777)), "{text}");
    }
}

#[test]
fn dates_are_read_as_the_suite_has_it() {
    // 18 August 2050, 02:01:18, was and will be a Thursday; the 8th was not.
    let date = Some(at(2_544_400_878));
    for (text, expected) in [
        ("Tue, 19 Jan 2038 14:14:08 GMT", Some(at(2_147_523_248))),
        ("Sun, 21 Nov 2286 04:46:39 GMT", Some(Timestamp::MAX)),
        ("Thu, 18 Aug 2050 02:01:18 GMT", date),
        ("Thursday, 18-Aug-50 02:01:18 GMT", date),
        ("Thu Aug 18 02:01:18 2050", date),
        (
            "Thu Aug  8 02:01:18 2050",
            Some(at(2_544_400_878 - 10 * 86400)),
        ),
        ("THU, 18 Aug 2050 02:01:18 GMT", date),
        ("Thu, 18 AUG 2050 02:01:18 GMT", date),
        ("Thu, 18 Aug 2050 02:01:18 gMT", date),
        ("thursday, 18-aug-50 02:01:18 gmt", date),
        ("Thu, 18 Aug 2050 02:01:18 UTC", None),
        ("Thu, 18 Aug 2050 02:01:18 AEST", None),
        ("Thu, 18 Aug 50 02:01:18 GMT", None),
        ("Thu 18 Aug 2050 02:01:18 GMT", None),
        ("Thu, 18  Aug  2050 02:01:18 GMT", None),
        ("Thu, 18-Aug-2050 02:01:18 GMT", None),
        ("Thu, 18 Aug 2050 02.01.18 GMT", None),
        ("Thu, 18 Aug 2050 2:01:18 GMT", None),
        ("0", None),
        ("-1", None),
        ("", None),
        ("foo", None),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn what_is_nearly_a_date_is_none() {
    for text in [
        "Thu, 18 Aug 2050 02:01:18",
        "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT",
        "Thu, 18 Aug 2050 02:01:18 +0000",
        "Thu, 18 Aug 2050 02:01:18 GMTx",
        "Thu,18 Aug 2050 02:01:18 GMT",
        "Thx, 18 Aug 2050 02:01:18 GMT",
        "Thursday, 18 Aug 2050 02:01:18 GMT",
        "Thu, 18-Aug-50 02:01:18 GMT",
        "Thursday, 18-Aug-2050 02:01:18 GMT",
        "Thurs, 18-Aug-50 02:01:18 GMT",
        "Thu, 8 Aug 2050 02:01:18 GMT",
        "Thu,  8 Aug 2050 02:01:18 GMT",
        "Thu, 18 Oug 2050 02:01:18 GMT",
        "Thu, 18 ebM 2050 02:01:18 GMT",
        "Thu, 00 Aug 2050 02:01:18 GMT",
        "Thu, 32 Aug 2050 02:01:18 GMT",
        "Thu, 31 Jun 2050 02:01:18 GMT",
        "Thu, 29 Feb 2050 02:01:18 GMT",
        "Thu, 29 Feb 2100 02:01:18 GMT",
        "Thu, 18 Aug 2050 24:00:00 GMT",
        "Thu, 18 Aug 2050 02:60:18 GMT",
        "Thu, 18 Aug 2050 02:01:61 GMT",
        "Thu, 18 Aug +050 02:01:18 GMT",
        "Thu, 18 Aug 2050 -2:01:18 GMT",
        "Thu Aug 18 02:01:18 50",
        "Thu Aug 18 02:01:18 2050 GMT",
        "Thu Aug 1  02:01:18 2050",
        "Thu\u{e4} 18 Aug 2050 02:01:18 GMT",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn the_ends_of_time_are_clamped() {
    for (text, expected) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", at(0)),
        ("Thu, 01 Jan 1970 00:00:01 GMT", at(1)),
        ("Wed, 31 Dec 1969 23:59:59 GMT", at(0)),
        ("Mon, 01 Jan 0000 00:00:00 GMT", at(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Timestamp::MAX),
        ("Tue, 29 Feb 2000 12:00:00 GMT", at(951_825_600)),
        ("Thu, 29 Feb 2024 23:59:59 GMT", at(1_709_251_199)),
        // Leap seconds are the next one.
        ("Sat, 31 Dec 2016 23:59:60 GMT", at(1_483_228_800)),
    ] {
        assert_eq!(read(text), Some(expected), "{text}");
    }
}

#[test]
fn two_digits_of_a_year_are_at_most_fifty_years_ahead() {
    let year = |year: u64| at((year - 1970) * 31_556_952);
    for (text, now, expected) in [
        (
            "Tuesday, 01-Jul-73 00:00:00 GMT",
            NOW,
            "Sat, 01 Jul 2073 00:00:00 GMT",
        ),
        (
            "Tuesday, 31-Dec-73 00:00:00 GMT",
            NOW,
            "Mon, 31 Dec 1973 00:00:00 GMT",
        ),
        (
            "Tuesday, 01-Jan-74 00:00:00 GMT",
            NOW,
            "Tue, 01 Jan 1974 00:00:00 GMT",
        ),
        (
            "Tuesday, 01-Jan-00 00:00:00 GMT",
            NOW,
            "Sat, 01 Jan 2000 00:00:00 GMT",
        ),
        (
            "Tuesday, 01-Jul-05 00:00:00 GMT",
            year(2099),
            "Wed, 01 Jul 2105 00:00:00 GMT",
        ),
        (
            "Tuesday, 01-Jul-94 00:00:00 GMT",
            year(1994),
            "Fri, 01 Jul 1994 00:00:00 GMT",
        ),
        (
            "Tuesday, 01-Jul-94 00:00:00 GMT",
            year(2050),
            "Thu, 01 Jul 2094 00:00:00 GMT",
        ),
        // 2100 has no such day.
        (
            "Tuesday, 29-Feb-00 00:00:00 GMT",
            year(2090),
            "Tue, 29 Feb 2000 00:00:00 GMT",
        ),
        (
            "Tuesday, 01-Jul-01 00:00:00 GMT",
            Timestamp::MAX,
            "Thu, 01 Jan 2256 00:00:00 GMT",
        ),
    ] {
        let date = parse(&HeaderValue::from_static(text), now);
        assert_eq!(date, read(expected), "{text}");
    }
}

#[test]
fn whitespace_around_is_no_part_of_it() {
    assert_eq!(read("  Thu, 01 Jan 1970 00:00:01 GMT\t"), Some(at(1)));
}

#[test]
fn a_date_is_written_as_imf_fixdate() {
    let time = Timestamp::from_micros(784_111_777_999_999);
    assert_eq!(format(time), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(format(at(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(format(Timestamp::MAX), "Tue, 05 Jun 2255 23:47:34 GMT");
}

proptest! {
    #[test]
    fn what_is_written_is_read(seconds in 0..Timestamp::MAX.as_micros() / 1_000_000) {
        let text = format(at(seconds));
        prop_assert_eq!(parse(&text, NOW), Some(at(seconds)));
    }

    /// The library reads what is right as we do, and nothing that we do not read, for the years that we know.
    #[test]
    fn what_the_library_reads_is_read_alike(
        weekday in 0..7_usize, day in 0..33, month in 0..12_usize, year in 1970..2255,
        (hour, minute, second) in (0..25, 0..61, 0..61),
    ) {
        let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].get(weekday).unwrap();
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months.get(month).unwrap();
        let time = format!("{hour:02}:{minute:02}:{second:02}");
        for text in [
            format!("{weekday}, {day:02} {month} {year} {time} GMT"),
            format!("{weekday} {month} {day:2} {time} {year}"),
        ] {
            if let Ok(theirs) = httpdate::parse_http_date(&text) {
                let since_epoch = theirs.duration_since(UNIX_EPOCH).unwrap();
                prop_assert_eq!(read(&text), Some(at(since_epoch.as_secs())), "{}", text);
            } else if let Some(ours) = read(&text) {
                // Another day of the week, or a leap second.
                let right = format(ours);
                prop_assert_ne!(right.to_str().unwrap(), &text);
                let same_day = right.to_str().unwrap().split_at(5).1 == text.split_at(5).1;
                prop_assert!(same_day || second == 60 || !text.ends_with("GMT"), "{}", text);
            }
        }
    }

    #[test]
    fn any_text_is_read(text in "[ -~]{0,40}", now in 0..=Timestamp::MAX.as_micros()) {
        let value = HeaderValue::from_str(&text).unwrap();
        let read = parse(&value, Timestamp::from_micros(now));
        prop_assert!(read.is_none() || text.len() >= 24);
    }
}
