use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;

use super::NOW;
use crate::{response_cache::semantics::date, time::Timestamp};

/// Dates: what is written is read back, case means nothing, and what `httpdate` writes it reads alike.
pub fn dates(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    for now in [Timestamp::from_micros(0), NOW, Timestamp::MAX] {
        let read = date::parse(&value, now);
        let upper = HeaderValue::from_bytes(&data.to_ascii_uppercase()).expect("a value");
        assert_eq!(date::parse(&upper, now), read);
        if let Some(time) = read {
            let seconds = Timestamp::from_micros(time.as_micros() / 1_000_000 * 1_000_000);
            assert_eq!(date::parse(&date::format(time), now), Some(seconds));
            assert!(time == seconds || time == Timestamp::MAX);
        }
        if let Some(exact) = exact(value.as_bytes().trim_ascii()) {
            assert_eq!(read, Some(exact));
        }
    }
}

/// Reads an IMF-fixdate by `httpdate`.
fn exact(text: &[u8]) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    let since_epoch: Duration = time.duration_since(UNIX_EPOCH).ok()?;
    let micros = u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX);
    (httpdate::fmt_http_date(time) == text).then(|| Timestamp::from_micros(micros))
}
