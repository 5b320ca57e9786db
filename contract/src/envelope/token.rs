//! The wire form of an encrypted section.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hpke;
use crate::limits::{BLOB_OVERHEAD, Limits, RSA_FIELD_CHARS};
use crate::reader::decimal;

/// The serials that a contract may have. JSON's numbers are exact so far.
pub const SERIALS: RangeInclusive<u64> = 1..=1 << 53;
/// What a token of our own begins with.
const HPKE_PREFIX: &str = "bakehouse-hpke";

/// What IBM's token begins with. Guests older than contract-go 2.29 know only the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prefix {
    /// `hyper-protect-basic`
    #[default]
    HyperProtectBasic,
    /// `contract-basic`
    ContractBasic,
}

/// An encrypted section, decoded but not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// IBM's.
    Basic(Basic),
    /// Ours.
    Hpke(Hpke),
}

/// IBM's token: a password for RSA, a text for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basic {
    pub(crate) prefix: Prefix,
    /// RSA ciphertext of the password.
    pub(crate) password: Vec<u8>,
    /// `Salted__`, salt and AES ciphertext.
    pub(crate) blob: Vec<u8>,
}

/// Our own token: HPKE, with the section's name and the serial as associated data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hpke {
    pub(crate) serial: u64,
    /// The encapsulated key and the ciphertext with its tag.
    pub(crate) body: Vec<u8>,
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin with a known prefix: it is plain text.
    #[error("not a token")]
    Plain,
    /// Not three fields, or not base64.
    #[error("a damaged token")]
    Damaged,
    /// More than the limits allow.
    #[error("a token too large")]
    TooLarge,
}

// === impl Prefix ===

impl Prefix {
    const ALL: [Self; 2] = [Self::HyperProtectBasic, Self::ContractBasic];

    /// The prefix itself, without the dot.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HyperProtectBasic => "hyper-protect-basic",
            Self::ContractBasic => "contract-basic",
        }
    }
}

// === impl Token ===

impl Token {
    /// Reads a token. White space around it does not count, nor do line breaks inside its base64.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, TokenError> {
        let text = text.trim();
        if let Some(rest) = after(text, HPKE_PREFIX) {
            return Hpke::parse(rest, limits).map(Self::Hpke);
        }
        Prefix::ALL
            .into_iter()
            .find_map(|prefix| Some((prefix, after(text, prefix.as_str())?)))
            .ok_or(TokenError::Plain)
            .and_then(|(prefix, rest)| Basic::parse(prefix, rest, limits))
            .map(Self::Basic)
    }

    /// Whether a text is meant to be a token, sound or not.
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim_start();
        Self::is_meant_as_hpke(text)
            || Prefix::ALL
                .into_iter()
                .any(|prefix| after(text, prefix.as_str()).is_some())
    }

    fn is_meant_as_hpke(text: &str) -> bool {
        after(text.trim_start(), HPKE_PREFIX).is_some()
    }

    /// A token that nothing opens, worked on in the place of a text that can't be read as one of the same kind.
    pub(crate) fn stand_in(text: &str) -> Self {
        if Self::is_meant_as_hpke(text) {
            return Self::Hpke(Hpke {
                serial: 0,
                body: Vec::new(),
            });
        }
        Self::Basic(Basic {
            prefix: Prefix::default(),
            password: Vec::new(),
            blob: Vec::new(),
        })
    }

    /// The prefix it came with, if it is IBM's.
    pub fn prefix(&self) -> Option<Prefix> {
        match self {
            Self::Basic(token) => Some(token.prefix),
            Self::Hpke(_) => None,
        }
    }

    /// The serial that a text's token of ours says, sound or not.
    pub(crate) fn serial_in(text: &str) -> Option<u64> {
        let (serial, _) = after(text.trim_start(), HPKE_PREFIX)?.split_once('.')?;
        canonical(serial)
    }

    /// The serial of the contract that it was made for, if it is ours. Nobody vouches for it before the token has opened.
    pub fn serial(&self) -> Option<u64> {
        match self {
            Self::Basic(_) => None,
            Self::Hpke(token) => Some(token.serial),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic(Basic {
                prefix,
                password,
                blob,
            }) => {
                let (password, blob) = (STANDARD.encode(password), STANDARD.encode(blob));
                write!(f, "{}.{password}.{blob}", prefix.as_str())
            }
            Self::Hpke(Hpke { serial, body }) => {
                write!(f, "{HPKE_PREFIX}.{serial}.{}", STANDARD.encode(body))
            }
        }
    }
}

// === impl Basic ===

impl Basic {
    fn parse(prefix: Prefix, rest: &str, limits: &Limits) -> Result<Self, TokenError> {
        let (password, blob) = rest.split_once('.').ok_or(TokenError::Damaged)?;
        if password.len() > RSA_FIELD_CHARS || blob.len() > limits.blob_field_chars() {
            return Err(TokenError::TooLarge);
        }
        let token = Self {
            prefix,
            password: decode(password)?,
            blob: decode(blob)?,
        };
        if token.blob.len() > limits.section_bytes.saturating_add(BLOB_OVERHEAD) {
            return Err(TokenError::TooLarge);
        }
        Ok(token)
    }
}

// === impl Hpke ===

impl Hpke {
    fn parse(rest: &str, limits: &Limits) -> Result<Self, TokenError> {
        let (serial, body) = rest.split_once('.').ok_or(TokenError::Damaged)?;
        if body.len() > limits.blob_field_chars() {
            return Err(TokenError::TooLarge);
        }
        let token = Self {
            serial: canonical(serial).ok_or(TokenError::Damaged)?,
            body: decode(body)?,
        };
        if token.body.len() > limits.section_bytes.saturating_add(hpke::OVERHEAD) {
            return Err(TokenError::TooLarge);
        }
        Ok(token)
    }
}

/// A serial. One number has one spelling, so that one token has one text.
fn canonical(serial: &str) -> Option<u64> {
    decimal(serial).filter(|number| SERIALS.contains(number) && serial == number.to_string())
}

/// What follows a prefix and its dot.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix)?.strip_prefix('.')
}

fn decode(field: &str) -> Result<Vec<u8>, TokenError> {
    let breaks = |c| matches!(c, '\r' | '\n');
    let compact = if field.contains(breaks) {
        Cow::Owned(field.replace(breaks, ""))
    } else {
        Cow::Borrowed(field)
    };
    if compact.is_empty() {
        return Err(TokenError::Damaged);
    }
    STANDARD
        .decode(compact.as_bytes())
        .map_err(|_| TokenError::Damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Token, TokenError> {
        Token::parse(text, &Limits::default())
    }

    #[test]
    fn both_prefixes_outer_space_and_inner_line_breaks_are_taken() {
        let plain = parse("hyper-protect-basic.AAEC.AwQF").unwrap();
        let expected = Basic {
            prefix: Prefix::HyperProtectBasic,
            password: vec![0, 1, 2],
            blob: vec![3, 4, 5],
        };
        assert_eq!(plain, Token::Basic(expected));
        assert_eq!(plain.serial(), None);
        assert_eq!(
            parse(" \n hyper-protect-basic.AA\r\nEC.AwQ\nF\n\n"),
            Ok(plain.clone())
        );
        assert_eq!(
            parse("contract-basic.AAEC.AwQF").unwrap().prefix(),
            Some(Prefix::ContractBasic)
        );
        assert_eq!(plain.to_string(), "hyper-protect-basic.AAEC.AwQF");
    }

    #[test]
    fn what_is_no_token_is_told_from_what_is_a_bad_one() {
        for plain in [
            "",
            "type: workload",
            "hyper-protect-basic",
            "Hyper-Protect-Basic.AAEC.AwQF",
            "xcontract-basic.A.B",
            "bakehouse-hpke",
            "bakehouse-hpke2.7.AAEC",
            "Bakehouse-hpke.7.AAEC",
        ] {
            assert_eq!(parse(plain), Err(TokenError::Plain), "{plain}");
            assert!(!Token::is_meant(plain));
        }
        for bad in [
            "hyper-protect-basic.",
            "hyper-protect-basic.AAEC",
            "hyper-protect-basic..AwQF",
            "hyper-protect-basic.AAEC.",
            "hyper-protect-basic.AAEC.AwQF.AwQF",
            "hyper-protect-basic.AAE.AwQF",
            "hyper-protect-basic.AA EC.AwQF",
            "hyper-protect-basic.AAE-.AwQF",
            "bakehouse-hpke.",
            "bakehouse-hpke.7",
            "bakehouse-hpke.7.",
            "bakehouse-hpke..AAEC",
            "bakehouse-hpke.0.AAEC",
            "bakehouse-hpke.07.AAEC",
            "bakehouse-hpke.+7.AAEC",
            "bakehouse-hpke.-7.AAEC",
            "bakehouse-hpke. 7.AAEC",
            "bakehouse-hpke.9007199254740993.AAEC",
            "bakehouse-hpke.18446744073709551616.AAEC",
            "bakehouse-hpke.7.AAEC.AAEC",
            "bakehouse-hpke.7.AAE",
        ] {
            assert_eq!(parse(bad), Err(TokenError::Damaged), "{bad}");
            assert!(Token::is_meant(bad));
        }
    }

    #[test]
    fn size_is_bounded_before_base64_is_decoded() {
        let long = "A".repeat(RSA_FIELD_CHARS + 4);
        assert_eq!(
            parse(&format!("contract-basic.{long}.AwQF")),
            Err(TokenError::TooLarge)
        );
        let small = Limits {
            section_bytes: 100,
            ..Limits::default()
        };
        let blob = "A".repeat(180);
        assert_eq!(
            Token::parse(&format!("contract-basic.AAEC.{blob}"), &small),
            Err(TokenError::TooLarge)
        );
    }

    #[test]
    fn a_token_of_our_own_says_its_serial() {
        for (text, serial) in [
            ("bakehouse-hpke.7.AAEC", 7),
            (" bakehouse-hpke.9007199254740992.AA\nEC\n", 1 << 53),
        ] {
            let token = parse(text).unwrap();
            assert!(Token::is_meant(text));
            assert_eq!((token.serial(), token.prefix()), (Some(serial), None));
            assert_eq!(token.to_string(), format!("bakehouse-hpke.{serial}.AAEC"));
        }
        let small = Limits {
            section_bytes: 100,
            ..Limits::default()
        };
        for (chars, fits) in [(196, true), (200, false), (400, false)] {
            let text = format!("bakehouse-hpke.7.{}", "A".repeat(chars));
            let expected = if fits {
                Ok(())
            } else {
                Err(TokenError::TooLarge)
            };
            assert_eq!(Token::parse(&text, &small).map(|_| ()), expected, "{chars}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

        #[test]
        fn any_text_is_read_or_refused(text in "(hyper-protect-basic|contract-basic|bakehouse-hpke[.]7)?[.A-Za-z0-9+/=\r\n ]{0,80}") {
            drop(parse(&text));
        }

        #[test]
        fn what_is_written_is_read_back(
            password in prop::collection::vec(any::<u8>(), 1..600),
            blob in prop::collection::vec(any::<u8>(), 1..600),
        ) {
            let token = Token::Hpke(Hpke { serial: 7, body: blob.clone() });
            prop_assert_eq!(parse(&token.to_string()), Ok(token));
            let token = Token::Basic(Basic { prefix: Prefix::ContractBasic, password, blob });
            prop_assert_eq!(parse(&token.to_string()), Ok(token));
        }
    }
}
