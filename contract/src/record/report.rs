//! What verifying a record found.

use std::fmt;

use serde::Serialize;

use super::expect::Form;
use super::hashes::Digest;
use crate::certificate;

/// What verifying a record found, line by line.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of the runtime that wrote the record.
    pub version: String,
    /// The lines that are for people and prove nothing by themselves.
    pub notes: Vec<String>,
    /// Whether the certificate's key signed the record.
    pub signature: SignatureState,
    /// What there is to say of the attestation certificate.
    pub certificate: certificate::Report,
    /// The hashes, in the record's order, then those that it lacks.
    pub lines: Vec<LineReport>,
}

/// Whether a signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureState {
    /// It is the certificate's key that signed these bytes.
    Valid,
    /// It is another key, or these are other bytes.
    Invalid,
}

/// What was found of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineReport {
    /// The name, in its current form.
    pub name: String,
    /// What was found.
    pub state: LineState,
    /// The line of the record, from 1.
    pub line: Option<usize>,
    /// The hash in the record.
    pub recorded: Option<Digest>,
    /// The hash of the operator's own file.
    pub expected: Option<Digest>,
    /// In which form the operator's own string gives the hash in the record.
    pub form: Option<Form>,
}

/// How a line of the record and the operator's own files go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// The hashes are the same.
    Matched,
    /// The hashes are not the same.
    Differing,
    /// The operator gave nothing to compare with.
    NotChecked,
    /// The record does not have it.
    Missing,
    /// The record has it, and the operator gave the guest nothing of the kind.
    Unexpected,
}

// === impl Report ===

impl Report {
    /// Whether nothing is wrong: what was not checked is not wrong.
    pub fn passed(&self) -> bool {
        self.signature == SignatureState::Valid
            && self.certificate.passed()
            && self.lines.iter().all(|line| !line.state.is_wrong())
    }

    fn count(&self, state: LineState) -> usize {
        self.lines.iter().filter(|line| line.state == state).count()
    }

    /// Whether the certificate was held against something, and at least one line against a file of the operator's.
    pub fn complete(&self) -> bool {
        self.certificate.complete() && self.count(LineState::Matched) > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "record of a guest of version {}", self.version)?;
        for note in &self.notes {
            writeln!(f, "  {}", note.escape_debug())?;
        }
        writeln!(f, "signature: {}", self.signature)?;
        write!(f, "{}", self.certificate)?;
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        let wrong = self
            .lines
            .iter()
            .filter(|line| line.state.is_wrong())
            .count();
        let counts = format!(
            "{} matched, {wrong} wrong, {} not checked",
            self.count(LineState::Matched),
            self.count(LineState::NotChecked)
        );
        // Where nobody vouches for the certificate, or nothing was compared, nothing was verified either.
        let verdict = match (self.passed(), self.complete()) {
            (false, _) => "NOT VERIFIED",
            (true, true) => "verified",
            (true, false) => "nothing wrong in what was checked",
        };
        writeln!(f, "{verdict}: {counts}")
    }
}

// === impl SignatureState ===

impl fmt::Display for SignatureState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid, by the key of the certificate",
            Self::Invalid => {
                "NOT VALID: another key, or another text, so nothing below proves anything"
            }
        })
    }
}

// === impl LineState ===

impl LineState {
    /// Whether a record with such a line is to be turned down.
    pub fn is_wrong(self) -> bool {
        matches!(self, Self::Differing | Self::Missing | Self::Unexpected)
    }
}

// === impl LineReport ===

impl fmt::Display for LineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line:<3} ")?,
            None => f.write_str("         ")?,
        }
        let name = self.name.escape_debug();
        let shown = |digest: Option<Digest>| digest.map_or_else(String::new, |it| it.to_string());
        let (recorded, expected) = (shown(self.recorded), shown(self.expected));
        match self.state {
            LineState::Matched => {
                let remark = self.form.map_or("", Form::remark);
                write!(f, "matched      {name}{remark}")
            }
            LineState::Differing => write!(
                f,
                "DIFFERS      {name}: the record has {recorded}, your own is {expected}"
            ),
            LineState::NotChecked => write!(f, "not checked  {name} {recorded}"),
            LineState::Missing => write!(
                f,
                "MISSING      {name}: the record does not have it, your own is {expected}"
            ),
            LineState::Unexpected => write!(
                f,
                "UNEXPECTED   {name}: the guest was given one, and you have none; the record has {recorded}"
            ),
        }
    }
}
