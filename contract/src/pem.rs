//! PEM texts in all the shapes that contracts carry them in.
//!
//! A field may hold PEM, base64 of PEM (up to three times over, as one of IBM's tools writes it), PEM whose line breaks are
//! the two characters `\n`, or PEM that YAML folded into one line. All come out the same: 64 characters to a line, nothing
//! outside the blocks. A text that is none of these is refused without being quoted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const LAYERS: usize = 3;
const LINE: usize = 64;

/// One block of a PEM text.
#[derive(Debug)]
pub struct Block {
    /// What stands after `BEGIN`, such as `CERTIFICATE`.
    pub label: String,
    /// The bytes.
    pub der: Secret<Vec<u8>>,
}

/// Why a text is no PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No `-----BEGIN` in it, however often it is read as base64.
    #[error("no PEM block in it")]
    Missing,
    /// A block without an end, with a bad label or with a body that is not base64.
    #[error("a PEM block that is damaged")]
    Damaged,
    /// A block with headers, which is how encrypted keys of old look.
    #[error("a PEM block that is encrypted")]
    Encrypted,
    /// A block of a kind that does not belong there.
    #[error("a PEM block of another kind")]
    Kind,
}

/// Reads every block of a text.
pub fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    let text = peel(text)?;
    let mut rest = text.as_str();
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once(DASHES).ok_or(PemError::Damaged)?;
        let (body, after) = after.split_once(END).ok_or(PemError::Damaged)?;
        let after = after
            .strip_prefix(label)
            .and_then(|it| it.strip_prefix(DASHES))
            .ok_or(PemError::Damaged)?;
        found.push(block(label, body)?);
        rest = after;
    }
    if found.is_empty() {
        Err(PemError::Missing)
    } else {
        Ok(found)
    }
}

/// The same text in one shape, if it has at least one block and each block's label is in `labels`.
///
/// Blocks named `EC PARAMETERS` repeat what the key itself says and are left out.
pub fn normalise(text: &str, labels: &[&str]) -> Result<Secret<String>, PemError> {
    // Base64 of DER and back is no longer than the input by more than the line breaks and the labels.
    let mut out = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
    for block in blocks(text)? {
        if block.label == "EC PARAMETERS" {
            continue;
        }
        if !labels.contains(&block.label.as_str()) {
            return Err(if block.label == "ENCRYPTED PRIVATE KEY" {
                PemError::Encrypted
            } else {
                PemError::Kind
            });
        }
        write(&block, &mut out);
    }
    if out.is_empty() {
        Err(PemError::Kind)
    } else {
        Ok(Secret::new(std::mem::take(&mut *out)))
    }
}

/// One block as text.
pub(crate) fn write(block: &Block, out: &mut String) {
    let body = Zeroizing::new(STANDARD.encode(block.der.expose()));
    for piece in [BEGIN, &block.label, DASHES, "\n"] {
        out.push_str(piece);
    }
    let mut rest = body.as_str();
    while let Some((line, after)) = rest.split_at_checked(LINE) {
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        out.push_str(rest);
        out.push('\n');
    }
    for piece in [END, &block.label, DASHES, "\n"] {
        out.push_str(piece);
    }
}

/// Takes base64 and escaped line breaks off, until a block begins.
fn peel(text: &str) -> Result<Zeroizing<String>, PemError> {
    let mut text = Zeroizing::new(text.to_owned());
    for _ in 0..=LAYERS {
        if text.contains(BEGIN) {
            return Ok(unescaped(&text));
        }
        let compact = compact(&text);
        let bytes = Zeroizing::new(
            STANDARD
                .decode(compact.as_bytes())
                .map_err(|_| PemError::Missing)?,
        );
        let inner = std::str::from_utf8(&bytes).map_err(|_| PemError::Missing)?;
        text = Zeroizing::new(inner.to_owned());
    }
    Err(PemError::Missing)
}

/// A text without its white space. It is as long as it will ever be from the first, so that no copy is left by growing.
fn compact(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    out.extend(text.split_ascii_whitespace());
    out
}

/// A text whose line breaks may be written as `\n`, and with `\r` before them. It does not grow either.
fn unescaped(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        rest = if let Some(after) = after.strip_prefix('r') {
            after
        } else if let Some(after) = after.strip_prefix('n') {
            out.push('\n');
            after
        } else {
            out.push('\\');
            after
        };
    }
    out.push_str(rest);
    out
}

fn block(label: &str, body: &str) -> Result<Block, PemError> {
    let named = !label.is_empty() && label.len() <= 64;
    if !named
        || !label
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ')
    {
        return Err(PemError::Damaged);
    }
    if body.contains(':') {
        return Err(PemError::Encrypted);
    }
    let compact = compact(body);
    let der = STANDARD
        .decode(compact.as_bytes())
        .map_err(|_| PemError::Damaged)?;
    if der.is_empty() {
        return Err(PemError::Damaged);
    }
    Ok(Block {
        label: label.to_owned(),
        der: Secret::new(der),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pem() -> String {
        let mut out = String::new();
        write(
            &Block {
                label: "CERTIFICATE".into(),
                der: Secret::new(vec![7; 100]),
            },
            &mut out,
        );
        out
    }

    #[test]
    fn every_shape_of_a_contract_comes_out_the_same() {
        let plain = pem();
        let escaped = plain.replace('\n', "\\n");
        let folded = plain.replace('\n', " ");
        let crlf = plain.replace('\n', "\r\n");
        let escaped_crlf = plain.replace('\n', "\\r\\n");
        let once = STANDARD.encode(&plain);
        let twice = STANDARD.encode(&once);
        let thrice = STANDARD.encode(&twice);
        let escaped_inside = STANDARD.encode(&escaped);
        let commented = format!("subject=CN = x\n{plain}trailing words");
        for shape in [
            &plain,
            &escaped,
            &folded,
            &crlf,
            &escaped_crlf,
            &once,
            &twice,
            &thrice,
            &escaped_inside,
            &commented,
        ] {
            let normal = normalise(shape, &["CERTIFICATE"]);
            assert_eq!(
                normal.map(|it| it.expose().clone()),
                Ok(plain.clone()),
                "{shape}"
            );
        }
    }

    #[test]
    fn other_texts_are_refused_by_name() {
        let reason = |text: &str| normalise(text, &["CERTIFICATE"]).map(|_| ()).unwrap_err();
        assert_eq!(reason(""), PemError::Missing);
        assert_eq!(reason("not base64 at all!"), PemError::Missing);
        assert_eq!(
            reason(&STANDARD.encode(STANDARD.encode(STANDARD.encode(STANDARD.encode(pem()))))),
            PemError::Missing
        );
        assert_eq!(reason(&pem().replace("END", "ENDE")), PemError::Damaged);
        assert_eq!(reason(&pem().replace("BwcH", "B?cH")), PemError::Damaged);
        assert_eq!(
            reason(&pem().replace("-----\nBw", "-----\nProc-Type: 4,ENCRYPTED\n\nBw")),
            PemError::Encrypted
        );
        assert_eq!(
            reason(&pem().replace("CERTIFICATE", "ENCRYPTED PRIVATE KEY")),
            PemError::Encrypted
        );
        assert_eq!(
            reason(&pem().replace("CERTIFICATE", "PRIVATE KEY")),
            PemError::Kind
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}") {
            drop(blocks(&text));
        }

        #[test]
        fn any_damage_is_read_or_refused(at in 0usize..200, with in any::<char>()) {
            let mut text: Vec<char> = pem().chars().collect();
            let at = at % text.len();
            text[at] = with;
            let text: String = text.into_iter().collect();
            drop(normalise(&text, &["CERTIFICATE"]));
        }

        #[test]
        fn what_is_written_is_read_back(der in prop::collection::vec(any::<u8>(), 1..300)) {
            let mut text = String::new();
            write(&Block { label: "PRIVATE KEY".into(), der: Secret::new(der.clone()) }, &mut text);
            let read = blocks(&text).unwrap();
            prop_assert_eq!(read[0].der.expose(), &der);
        }
    }
}
