//! X.509 v1 certificates, written by hand: libraries make v3 only.
//!
//! A v1 certificate has no version field and no extensions; `openssl x509 -req` without an
//! extension file makes such ones.

use std::time::{SystemTime, UNIX_EPOCH};

use bakehouse_proto::der;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PublicKeyData, SigningKey};

use super::{CertError, Validity};

const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// ecdsa-with-SHA256, 1.2.840.10045.4.3.2
const ECDSA_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// What a v1 certificate says.
pub(super) struct Unsigned<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) validity: Validity,
    pub(super) public_key: &'a KeyPair,
}

// === impl Unsigned ===

impl Unsigned<'_> {
    /// The certificate in DER, signed with the issuer's P-256 key.
    pub(super) fn sign(&self, issuer: &KeyPair) -> Result<Vec<u8>, CertError> {
        let to_be_signed = self.to_be_signed()?;
        let signature = issuer.sign(&to_be_signed)?;
        let mut body = to_be_signed;
        body.extend(element(der::SEQUENCE, ECDSA_SHA256)?);
        body.extend(element(
            der::BIT_STRING,
            &[&[0], signature.as_slice()].concat(),
        )?);
        element(der::SEQUENCE, &body)
    }

    fn to_be_signed(&self) -> Result<Vec<u8>, CertError> {
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial).map_err(|_| CertError::Value("serial".to_owned()))?;
        // Positive and without a leading zero byte.
        serial[0] = serial[0] & 0x3f | 0x40;
        let validity = [
            time(self.validity.not_before)?,
            time(self.validity.not_after)?,
        ]
        .concat();
        let body = [
            element(der::INTEGER, &serial)?,
            element(der::SEQUENCE, ECDSA_SHA256)?,
            name(self.issuer)?,
            element(der::SEQUENCE, &validity)?,
            name(self.subject)?,
            self.public_key.subject_public_key_info(),
        ];
        element(der::SEQUENCE, &body.concat())
    }
}

/// PEM with lines of 64 letters.
pub(super) fn to_pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = next;
    }
    out + "-----END " + label + "-----\n"
}

fn name(common_name: &str) -> Result<Vec<u8>, CertError> {
    let text = element(UTF8_STRING, common_name.as_bytes())?;
    let attribute = element(der::SEQUENCE, &[COMMON_NAME, &text].concat())?;
    element(der::SEQUENCE, &element(SET, &attribute)?)
}

/// `UTCTime` to 2049, `GeneralizedTime` after, as RFC 5280 wants it.
fn time(moment: SystemTime) -> Result<Vec<u8>, CertError> {
    let seconds = moment
        .duration_since(UNIX_EPOCH)
        .map_err(|_| CertError::Value("a time before 1970".to_owned()))?
        .as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if year < 2050 {
        element(UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes())
    } else {
        element(GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes())
    }
}

/// The Gregorian date of a day since 1970-01-01 (years counted from March).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn element(tag: u8, content: &[u8]) -> Result<Vec<u8>, CertError> {
    der::write(tag, content).ok_or_else(|| CertError::Value("something too long".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
        assert_eq!(civil(47_540), (2100, 2, 28));
        assert_eq!(civil(47_541), (2100, 3, 1));
    }
}
