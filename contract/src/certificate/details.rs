//! What a certificate says of itself, be it checked, linted or explained.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::record::{Digest, sha256};
use crate::time::DAY;

/// What a certificate says of itself; names are safe to show on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The name of its owner.
    pub subject: String,
    /// The name of whoever signed it.
    pub issuer: String,
    /// Its number, in hexadecimal.
    pub serial: String,
    /// Its first second, in seconds since 1970.
    pub not_before: i64,
    /// Its last second, in seconds since 1970.
    pub not_after: i64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

// === impl Details ===

impl Details {
    /// Reads the certificate that bytes begin with.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self::of(&certificate))
    }

    pub(super) fn of(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        Self {
            subject: shown(&certificate.subject().to_string()),
            issuer: shown(&certificate.issuer().to_string()),
            serial: serial(certificate.raw_serial()),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            sha256: sha256(certificate.as_raw()),
        }
    }

    /// Whole days left at a time; negative once it has expired.
    pub fn days_left(&self, now: i64) -> i64 {
        let left = self.not_after.saturating_sub(now);
        left.div_euclid(DAY.cast_signed())
    }
}

/// A number as OpenSSL writes it: without the zero that keeps it from being read as negative.
fn serial(raw: &[u8]) -> String {
    let digits = match raw {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    hex::encode_upper(digits)
}

/// A name from a certificate, what a terminal could take for a command escaped.
fn shown(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            let plain = !c.is_control();
            let escaped = (!plain).then(|| c.escape_default());
            plain
                .then_some(c)
                .into_iter()
                .chain(escaped.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_to_show_and_numbers_are_as_openssl_writes_them() {
        assert_eq!(shown("CN=a\u{1b}[2Jé\n"), "CN=a\\u{1b}[2Jé\\n");
        for (raw, number) in [
            (&[0, 0xc0, 0xff][..], "C0FF"),
            (&[0x7f, 0], "7F00"),
            (&[0], "00"),
        ] {
            assert_eq!(serial(raw), number);
        }
    }

    #[test]
    fn days_left_are_whole_ones() {
        let details = Details {
            subject: String::new(),
            issuer: String::new(),
            serial: String::new(),
            not_before: 0,
            not_after: 10 * 86_400,
            sha256: sha256(b""),
        };
        for (now, days) in [
            (0, 10),
            (1, 9),
            (10 * 86_400, 0),
            (10 * 86_400 + 1, -1),
            (i64::MAX, -106_751_991_167_291),
        ] {
            assert_eq!(details.days_left(now), days, "{now}");
        }
    }
}
