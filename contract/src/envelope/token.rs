//! The wire form of an encrypted section.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits::{BLOB_OVERHEAD, Limits, RSA_FIELD_CHARS};

/// What a token begins with. Guests older than contract-go 2.29 know only the first.
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
pub struct Token {
    pub(crate) prefix: Prefix,
    /// RSA ciphertext of the password.
    pub(crate) password: Vec<u8>,
    /// `Salted__`, salt and AES ciphertext.
    pub(crate) blob: Vec<u8>,
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
        let (prefix, rest) = [Prefix::HyperProtectBasic, Prefix::ContractBasic]
            .into_iter()
            .find_map(|prefix| {
                Some((
                    prefix,
                    text.strip_prefix(prefix.as_str())?.strip_prefix('.')?,
                ))
            })
            .ok_or(TokenError::Plain)?;
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

    /// Whether a text is meant to be a token, sound or not.
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim_start();
        [Prefix::HyperProtectBasic, Prefix::ContractBasic]
            .into_iter()
            .any(|prefix| {
                text.strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
            })
    }

    /// A token that nothing opens, worked on in the place of one that can't be read.
    pub(crate) fn stand_in() -> Self {
        Self {
            prefix: Prefix::default(),
            password: Vec::new(),
            blob: Vec::new(),
        }
    }

    /// The prefix it came with.
    pub fn prefix(&self) -> Prefix {
        self.prefix
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (password, blob) = (STANDARD.encode(&self.password), STANDARD.encode(&self.blob));
        write!(f, "{}.{password}.{blob}", self.prefix.as_str())
    }
}

fn decode(field: &str) -> Result<Vec<u8>, TokenError> {
    let compact: String = field
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n'))
        .collect();
    if compact.is_empty() {
        return Err(TokenError::Damaged);
    }
    STANDARD.decode(compact).map_err(|_| TokenError::Damaged)
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
        assert_eq!(
            (plain.password.as_slice(), plain.blob.as_slice()),
            (&[0, 1, 2][..], &[3, 4, 5][..])
        );
        assert_eq!(
            parse(" \n hyper-protect-basic.AA\r\nEC.AwQ\nF\n\n"),
            Ok(plain.clone())
        );
        assert_eq!(
            parse("contract-basic.AAEC.AwQF").unwrap().prefix(),
            Prefix::ContractBasic
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

        #[test]
        fn any_text_is_read_or_refused(text in "(hyper-protect-basic|contract-basic)?[.A-Za-z0-9+/=\r\n ]{0,80}") {
            drop(parse(&text));
        }

        #[test]
        fn what_is_written_is_read_back(
            password in prop::collection::vec(any::<u8>(), 1..600),
            blob in prop::collection::vec(any::<u8>(), 1..600),
        ) {
            let token = Token { prefix: Prefix::ContractBasic, password, blob };
            prop_assert_eq!(parse(&token.to_string()), Ok(token));
        }
    }
}
