//! HTTP dates: RFC 9110, section 5.6.7.
//!
//! All three formats, and nothing like them; but in any case, since RFC 9111, section 4.2, wants it so, and whatever day of
//! the week they say, since dates without a doubt are wrong there. The parser of `httpdate` does neither, and its two digits
//! of a year do not depend on the time.

#[cfg(test)]
mod tests;

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;

use crate::time::Timestamp;

/// Reads a date. One before 1970 is 1970.
///
/// Two digits of a year mean the latest such year for which the date is at most 50 years after `now`.
pub(in crate::response_cache) fn parse(value: &HeaderValue, now: Timestamp) -> Option<Timestamp> {
    let text = value.as_bytes().trim_ascii();
    let seconds = imf_fixdate(text)
        .or_else(|| asctime(text))
        .or_else(|| rfc850(text, now))?;
    let micros = u64::try_from(seconds)
        .unwrap_or(0)
        .saturating_mul(1_000_000);
    Some(Timestamp::from_micros(micros))
}

/// Writes an IMF-fixdate, without the fraction of the second.
pub(in crate::response_cache) fn format(time: Timestamp) -> HeaderValue {
    let since_epoch = Duration::from_micros(time.as_micros());
    let text = httpdate::fmt_http_date(UNIX_EPOCH + since_epoch);
    HeaderValue::try_from(text).expect("a date is visible ASCII")
}

const DAYS: [&[u8]; 7] = [
    b"monday",
    b"tuesday",
    b"wednesday",
    b"thursday",
    b"friday",
    b"saturday",
    b"sunday",
];
const MONTHS: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
const DAY: i64 = 24 * 60 * 60;
const FIFTY_YEARS: i64 = 50 * (365 * DAY + DAY / 4);

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &[u8]) -> Option<i64> {
    let (weekday, text) = text.split_first_chunk::<3>()?;
    let (b", ", text) = text.split_first_chunk()? else {
        return None;
    };
    let (&[d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' '], text) =
        text.split_first_chunk()?
    else {
        return None;
    };
    is_weekday(weekday).then_some(())?;
    let year = number(&[y1, y2, y3, y4])?;
    let midnight = midnight(year, month(&[m1, m2, m3])?, number(&[d1, d2])?)?;
    Some(midnight + gmt(text)?)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &[u8]) -> Option<i64> {
    let (weekday, text) = text.split_first_chunk::<3>()?;
    let (&[b' ', m1, m2, m3, b' ', d1, d2, b' '], text) = text.split_first_chunk()? else {
        return None;
    };
    let (time, year) = text.split_first_chunk::<8>()?;
    let &[b' ', y1, y2, y3, y4] = year else {
        return None;
    };
    is_weekday(weekday).then_some(())?;
    let tens = if d1 == b' ' { b'0' } else { d1 };
    let year = number(&[y1, y2, y3, y4])?;
    let midnight = midnight(year, month(&[m1, m2, m3])?, number(&[tens, d2])?)?;
    Some(midnight + time_of_day(*time)?)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(text: &[u8], now: Timestamp) -> Option<i64> {
    let comma = text.iter().position(|&byte| byte == b',')?;
    let (weekday, text) = text.split_at(comma);
    let (&[b',', b' ', d1, d2, b'-', m1, m2, m3, b'-', y1, y2, b' '], text) =
        text.split_first_chunk()?
    else {
        return None;
    };
    DAYS.iter().find(|day| weekday.eq_ignore_ascii_case(day))?;
    let (month, day) = (month(&[m1, m2, m3])?, number(&[d1, d2])?);
    let (two_digits, time) = (number(&[y1, y2])?, gmt(text)?);
    let latest = (now.as_micros() / 1_000_000).cast_signed() + FIFTY_YEARS;
    // Timestamps end in 2255.
    let years = [2300, 2200, 2100, 2000, 1900].map(|century| century + two_digits);
    let dates = years
        .into_iter()
        .filter_map(|year| midnight(year, month, day));
    dates.map(|date| date + time).find(|&date| date <= latest)
}

/// `08:49:37 GMT`
fn gmt(text: &[u8]) -> Option<i64> {
    let (time, zone) = text.split_first_chunk::<8>()?;
    zone.eq_ignore_ascii_case(b" GMT").then_some(())?;
    time_of_day(*time)
}

/// `08:49:37`, with leap seconds.
fn time_of_day(text: [u8; 8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else {
        return None;
    };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    is_time.then_some(hour * 60 * 60 + minute * 60 + second)
}

fn is_weekday(name: &[u8; 3]) -> bool {
    let names = DAYS.iter().filter_map(|day| day.first_chunk());
    names
        .into_iter()
        .any(|day: &[u8; 3]| name.eq_ignore_ascii_case(day))
}

/// Returns 1 for January.
fn month(name: &[u8; 3]) -> Option<i64> {
    let mut names = MONTHS.chunks_exact(3).zip(1..);
    let found = names.find(|(month, _)| name.eq_ignore_ascii_case(month))?;
    Some(found.1)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        let is_digit = digit.is_ascii_digit();
        is_digit.then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// Returns the seconds from 1970 to the start of a day of the Gregorian calendar.
fn midnight(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=days).contains(&day).then_some(())?;
    // Years begin in March here, so that a leap day is their last. March and the months after it have 31 and 30 days in turn,
    // but for August, and so again from there: 153 days in five of them.
    let (year, months) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = year * 365 + leap_days + (153 * months + 2) / 5 + day - 1;
    Some((days - DAYS_TO_1970) * DAY)
}

/// From 1 March of the year 0.
const DAYS_TO_1970: i64 = 719_468;
