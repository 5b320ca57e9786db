//! UTC dates as Tezos and our console write them (RFC 3339), to and from the system's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bakehouse_contract::time;

/// `2026-11-22T19:00:01.234Z`.
pub fn format(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let whole = time::format(since.as_secs());
    format!(
        "{}.{:03}Z",
        whole.trim_end_matches('Z'),
        since.subsec_millis()
    )
}

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]Z` from 1970 to 9999; fractions are dropped.
pub fn parse(text: &str) -> Option<SystemTime> {
    time::parse(text).map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Seconds since 1970; none before.
pub fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// When this version was written: no clock that says an earlier time is believed. 2026-11-22, to be raised with each release.
const WRITTEN: u64 = 1_795_305_600;

/// Seconds since 1970, by a clock that may have been turned back.
pub fn no_earlier_than_this_version(at: SystemTime) -> u64 {
    seconds(at).max(WRITTEN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_dates() {
        let at = UNIX_EPOCH + Duration::from_millis(1_709_210_096_789);
        assert_eq!(format(at), "2024-02-29T12:34:56.789Z");
        assert_eq!(
            parse("2024-02-29T12:34:56Z"),
            Some(at - Duration::from_millis(789))
        );
        assert_eq!(
            parse("2024-02-29T12:34:56.123456Z"),
            Some(at - Duration::from_millis(789))
        );
        assert_eq!(format(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn dates_that_are_not_are_refused() {
        for text in [
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00+01:00",
            "1969-12-31T23:59:59Z",
            "2024-1-1T0:0:0Z",
            "+024-01-01T00:00:00Z",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_formatted_is_parsed(seconds in 0_u64..253_402_300_800) {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(parse(&format(at)), Some(at));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _seen = parse(&text);
        }
    }
}
