//! IBM's attestation record, `se-checksums.txt`: read, written, signed and verified.
//!
//! A record lists what a guest was given as SHA-256 hashes. It begins with the version of the runtime, then come lines for
//! people, then `<64 hex digits> <name>`. Names were written in four ways over the years; all are read here and come out as
//! the current one, `contract:workload`. What is not understood is kept and proves nothing.
//!
//! The signature is over the bytes of the text, so whoever verifies keeps the text: [`Record`] is what it says, not what was
//! signed. A record's lines are no secrets, yet they are chosen by the guest, so they are shown escaped.

mod expect;
mod hashes;
mod names;
mod report;
mod sign;
mod verify;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

pub use expect::{Expectations, Form};
pub use hashes::{Digest, contract_hashes, sha256};
pub use report::{LineReport, LineState, Report, SignatureState};
pub use sign::{encrypt, sign};
pub use verify::{Evidence, verify};

/// Bytes that a record may have. IBM's have less than two thousand.
pub const MAX_BYTES: usize = 64 * 1024;
/// Lines that a record may have.
pub const MAX_LINES: usize = 1024;
/// Characters that the version line may have.
const MAX_VERSION: usize = 64;

/// A record's contents, names in their current form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    version: String,
    lines: Vec<Line>,
}

/// A line below the first.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Note(String),
    Hash(Hash),
}

/// What was hashed, and what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash {
    /// Such as `contract:workload` or `cidata/meta-data`.
    pub name: String,
    /// Its SHA-256.
    pub digest: Digest,
}

/// Why a text is no record, or why none can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More bytes than a record may have.
    #[error("the record has more than the {MAX_BYTES} bytes allowed")]
    TooLarge,
    /// More lines than a record may have.
    #[error("the record has more than the {MAX_LINES} lines allowed")]
    TooManyLines,
    /// The first line is not the version of a runtime.
    #[error("line 1 of the record is not the version of a runtime")]
    Version,
    /// Two lines give different hashes for one name.
    #[error("line {line} of the record gives another hash than line {first}, for the same name")]
    Duplicate {
        /// The line in question, from 1.
        line: usize,
        /// The line that gave the name first.
        first: usize,
    },
    /// To be written: an informational line that would be read as something else.
    #[error(
        "informational line {number} can't be written: it has a line break or looks like a hash"
    )]
    Note {
        /// Which of those given, from 1.
        number: usize,
    },
    /// To be written: a name that would be read as something else.
    #[error(
        "the name of hash {number} can't be written: it is empty, not in its current form, or has a line break"
    )]
    Name {
        /// Which of those given, from 1.
        number: usize,
    },
}

// === impl Record ===

impl Record {
    /// Reads a record: any of the four styles, in any order, line ends with or without a carriage return.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        if text.len() > MAX_BYTES {
            return Err(RecordError::TooLarge);
        }
        let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
        let version = lines.next().unwrap_or_default().trim();
        if !is_version(version) {
            return Err(RecordError::Version);
        }
        let lines: Vec<Line> = lines.take(MAX_LINES).map(Line::parse).collect();
        Self::checked(version.to_owned(), lines)
    }

    /// Makes a record, its hashes in the order in which IBM's runtime writes them.
    pub fn new(
        version: &str,
        notes: Vec<String>,
        mut hashes: Vec<Hash>,
    ) -> Result<Self, RecordError> {
        if !is_version(version) {
            return Err(RecordError::Version);
        }
        let sound = |line: &Line| line.is_one_line() && Line::parse(&line.to_string()) == *line;
        let notes: Vec<Line> = notes.into_iter().map(Line::Note).collect();
        if let Some(at) = notes.iter().position(|line| !sound(line)) {
            let number = at.saturating_add(1);
            return Err(RecordError::Note { number });
        }
        if let Some(at) = hashes
            .iter()
            .position(|hash| !sound(&Line::Hash(hash.clone())))
        {
            let number = at.saturating_add(1);
            return Err(RecordError::Name { number });
        }
        hashes.sort_by_key(|hash| names::rank(&hash.name));
        let lines = notes
            .into_iter()
            .chain(hashes.into_iter().map(Line::Hash))
            .collect();
        let record = Self::checked(version.to_owned(), lines)?;
        if record.to_string().len() > MAX_BYTES {
            return Err(RecordError::TooLarge);
        }
        Ok(record)
    }

    fn checked(version: String, lines: Vec<Line>) -> Result<Self, RecordError> {
        if lines.len() >= MAX_LINES {
            return Err(RecordError::TooManyLines);
        }
        let record = Self { version, lines };
        let mut seen: HashMap<&str, (usize, Digest)> = HashMap::new();
        for (line, hash) in record.hashes() {
            let (first, digest) = *seen.entry(&hash.name).or_insert((line, hash.digest));
            if digest != hash.digest {
                return Err(RecordError::Duplicate { line, first });
            }
        }
        Ok(record)
    }

    /// The version of the runtime that wrote it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The lines that are neither version nor hash, in their order.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Note(note) => Some(note.as_str()),
            Line::Hash(_) => None,
        })
    }

    /// The hashes in their order, each with its line, from 1.
    pub fn hashes(&self) -> impl Iterator<Item = (usize, &Hash)> {
        self.lines
            .iter()
            .zip(2..)
            .filter_map(|(line, number)| match line {
                Line::Hash(hash) => Some((number, hash)),
                Line::Note(_) => None,
            })
    }
}

impl fmt::Display for Record {
    /// The text of the file, with a line feed after each line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.version)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

// === impl Line ===

impl Line {
    fn parse(text: &str) -> Self {
        Self::hash(text).unwrap_or_else(|| Self::Note(text.to_owned()))
    }

    fn hash(text: &str) -> Option<Self> {
        let (digits, name) = text.split_once(char::is_whitespace)?;
        let digest = Digest::from_hex(digits)?;
        let name = names::current(name);
        (!name.is_empty()).then_some(Self::Hash(Hash { name, digest }))
    }

    /// Whether it would be read as one line, to its end.
    fn is_one_line(&self) -> bool {
        let (Self::Note(text) | Self::Hash(Hash { name: text, .. })) = self;
        !text.contains('\n') && !text.ends_with('\r')
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(note) => f.write_str(note),
            Self::Hash(hash) => write!(f, "{} {}", hash.digest, hash.name),
        }
    }
}

// === impl RecordError ===

impl RecordError {
    /// A stable name of what is wrong.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::TooManyLines => "record_too_large",
            Self::Version => "record_version",
            Self::Duplicate { .. } => "record_duplicate",
            Self::Note { .. } => "record_note",
            Self::Name { .. } => "record_name",
        }
    }

    /// The line of the record that is wrong, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Version => Some(1),
            Self::Duplicate { line, .. } => Some(*line),
            _ => None,
        }
    }

    /// What to do about it, in one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::TooManyLines => {
                "Give the file se-checksums.txt (or .enc) of the guest and nothing else."
            }
            Self::Version => {
                "Give the whole file se-checksums.txt: its first line is a version such as 26.7.1."
            }
            Self::Duplicate { .. } => {
                "Do not trust this record: no runtime writes one name with two hashes."
            }
            Self::Note { .. } => "Give each informational line as one line of text.",
            Self::Name { .. } => "Give the name as the record has it, such as contract:workload.",
        }
    }
}

fn is_version(text: &str) -> bool {
    (1..=MAX_VERSION).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
        && Digest::from_hex(text).is_none()
}
