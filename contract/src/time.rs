//! Points in time as contracts, pins and command lines write them: UTC, to the second.
//!
//! Nothing here asks what time it is. A time is seconds since 1970, as Unix counts them.

use time::{Date, Month, OffsetDateTime, Time};

/// Seconds of a day.
pub const DAY: u64 = 86_400;
/// 9999-12-31T23:59:59Z
const LAST: u64 = 253_402_300_799;

const BEYOND: &str = "a time beyond the year 9999";

/// `2026-11-22T19:00:01Z`, of a time before the year 10000.
pub fn format(seconds: impl TryInto<i64>) -> String {
    moment(seconds).map_or_else(
        || BEYOND.to_owned(),
        |it| {
            let (hour, minute, second) = it.to_hms();
            format!("{}T{hour:02}:{minute:02}:{second:02}Z", day(it))
        },
    )
}

/// `2026-11-22`, of a time before the year 10000.
pub fn date(seconds: impl TryInto<i64>) -> String {
    moment(seconds).map_or_else(|| BEYOND.to_owned(), day)
}

fn moment(seconds: impl TryInto<i64>) -> Option<OffsetDateTime> {
    let seconds = seconds.try_into().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

fn day(moment: OffsetDateTime) -> String {
    let (year, month, day) = moment.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

/// Reads `2027-07-06T06:44:41Z`, `2027-07-06` or the seconds themselves, from 1970 to 9999; fractions of a second are dropped.
pub fn parse(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A date without hyphens has eight digits and is not meant as seconds.
        let seconds = (text.len() >= 9).then(|| text.parse().ok()).flatten();
        return seconds.filter(|seconds| *seconds <= LAST);
    }
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, clock.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let [hour, minute, second] = [hour, minute, second].map(|it| u8::try_from(it).ok());
    let clock = Time::from_hms(hour?, minute?, second?).ok()?;
    u64::try_from(date.with_time(clock).assume_utc().unix_timestamp()).ok()
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u16; 3]> {
    let mut parts = text.split(separator);
    let mut next = |width: usize| {
        let part = parts.next()?;
        let digits = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    };
    let [a, b, c] = widths;
    let numbers = [next(a)?, next(b)?, next(c)?];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2027-07-06T06:44:41Z", 1_814_856_281),
            ("9999-12-31T23:59:59Z", LAST),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
            assert_eq!(format(seconds), text);
        }
        assert_eq!(parse("2024-02-29T12:34:56.999Z"), Some(1_709_210_096));
        assert_eq!(parse("2027-07-06"), Some(1_814_832_000));
        assert_eq!(parse("1814856281"), Some(1_814_856_281));
        assert_eq!(format(-1), "1969-12-31T23:59:59Z");
        assert_eq!(format(u64::MAX), "a time beyond the year 9999");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        // date -u -d @SECONDS +%F
        for (seconds, day) in [
            (0, "1970-01-01"),
            (DAY - 1, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_700_000_000, "2023-11-14"),
            (4_107_542_400, "2100-03-01"),
            (4_107_456_000, "2100-02-28"),
            (LAST, "9999-12-31"),
        ] {
            assert_eq!(date(seconds), day, "{seconds}");
        }
        assert_eq!(date(u64::MAX), "a time beyond the year 9999");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2027",
            "20270706",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "0000-00-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00Z",
            "2024-01-01T00:00:00+01:00",
            "1969-12-31T23:59:59Z",
            "1969-12-31",
            "2024-1-1T0:0:0Z",
            "+024-01-01T00:00:00Z",
            "2027-07-06-01",
            "99999999999999999999",
            "253402300800",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

        #[test]
        fn what_is_formatted_is_parsed(seconds in 0..=LAST) {
            prop_assert_eq!(parse(&format(seconds)), Some(seconds));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", digits in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", any in any::<i64>()) {
            let _seen = (parse(&text), parse(&digits), format(any));
        }
    }
}
