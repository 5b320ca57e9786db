//! Times as people write them: `2027-07-06T06:44:41Z`.

use std::fmt::Write as _;

const DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01, in the calendar that is used today.
const EPOCH: i64 = 719_468;
/// Days of 400 years.
const ERA: i64 = 146_097;

/// Writes seconds since 1970 as a time in UTC.
pub fn format_time(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date_of(days);
    let mut out = format!("{year:04}-{month:02}-{day:02}T");
    write!(
        out,
        "{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
    .unwrap_or_default();
    out
}

/// Reads a time in UTC as seconds since 1970: `2027-07-06`, `2027-07-06T06:44:41Z`, or the seconds themselves.
pub fn parse_time(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        // Seconds of the year 9999 have twelve digits; a date without hyphens has eight and is not one of these.
        return (text.len() >= 9)
            .then(|| text.parse().ok())
            .flatten()
            .filter(|it| *it <= LAST);
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let days = days_of(year, month, day);
    let real = date_of(days) == (year, month, day) && year >= 1970;
    if !real || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    u64::try_from(days * DAY + hour * 3600 + minute * 60 + second).ok()
}

/// 9999-12-31T23:59:59Z
const LAST: u64 = 253_402_300_799;

fn fields(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut pieces = text.split(separator);
    let mut out = [0; 3];
    for (out, width) in out.iter_mut().zip(widths) {
        let piece = pieces.next()?;
        let sound = piece.len() == width && piece.bytes().all(|b| b.is_ascii_digit());
        *out = sound.then(|| piece.parse().ok()).flatten()?;
    }
    pieces.next().is_none().then_some(out)
}

/// Year, month and day of a day since 1970. Years are counted from March, so that the leap day is their last.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(EPOCH);
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// The day since 1970 of a date.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2027-07-06T06:44:41Z", 1_814_856_281),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse_time(text), Some(seconds), "{text}");
            assert_eq!(format_time(i64::try_from(seconds).unwrap()), text);
        }
        assert_eq!(parse_time("2027-07-06"), Some(1_814_832_000));
        assert_eq!(parse_time("1814856281"), Some(1_814_856_281));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2027",
            "20270706",
            "2027-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-01-00",
            "1969-12-31",
            "2027-7-6",
            "2027-07-06T06:44:41",
            "2027-07-06T24:00:00Z",
            "2027-07-06T06:60:00Z",
            "2027-07-06T06:44Z",
            "2027-07-06T06:44:41+00:00",
            "+027-07-06",
            "2027-07-06-01",
            "99999999999999999999",
            "253402300800",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

        #[test]
        fn what_is_written_is_read_back(seconds in 0_u64..=LAST) {
            prop_assert_eq!(parse_time(&format_time(i64::try_from(seconds).unwrap())), Some(seconds));
        }

        #[test]
        fn any_time_is_written(seconds in any::<i64>()) {
            drop(format_time(seconds));
        }
    }
}
