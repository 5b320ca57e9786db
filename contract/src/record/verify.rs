//! Holding a record against its signature, its certificate and the operator's files.

use super::expect::{Expectations, Rule};
use super::report::{LineReport, LineState, Report, SignatureState};
use super::{Hash, Record, RecordError};
use crate::certificate::{self, Certificate, Chain};

/// What came with a record.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The record itself, decrypted; the signature is over these bytes.
    pub text: &'a str,
    /// The bytes of `se-signature.bin`.
    pub signature: &'a [u8],
    /// The attestation certificate of the image.
    pub certificate: &'a Certificate,
    /// What the certificate is to be held against.
    pub chain: &'a Chain,
    /// The time to judge certificates by, in seconds since 1970.
    pub now: u64,
}

/// Says of every line whether it is what the operator expects, and of signature and certificate whether they hold.
pub fn verify(evidence: &Evidence<'_>, expectations: &Expectations) -> Result<Report, RecordError> {
    let record = Record::parse(evidence.text)?;
    let signed = evidence
        .certificate
        .signed(evidence.text.as_bytes(), evidence.signature);
    let mut lines: Vec<LineReport> = record
        .hashes()
        .map(|(line, hash)| listed(line, hash, expectations.of(&hash.name)))
        .collect();
    for expected in expectations.iter() {
        let Rule::Required(forms) = &expected.rule else {
            continue;
        };
        if record.hashes().all(|(_, hash)| hash.name != expected.name) {
            lines.push(LineReport {
                name: expected.name.clone(),
                state: LineState::Missing,
                line: None,
                recorded: None,
                expected: forms.first().map(|(_, digest)| *digest),
                form: None,
            });
        }
    }
    Ok(Report {
        version: record.version().to_owned(),
        notes: record.notes().map(str::to_owned).collect(),
        signature: if signed {
            SignatureState::Valid
        } else {
            SignatureState::Invalid
        },
        certificate: certificate::check(evidence.certificate, evidence.chain, evidence.now),
        lines,
    })
}

fn listed(line: usize, hash: &Hash, rule: Option<&Rule>) -> LineReport {
    let mut found = LineReport {
        name: hash.name.clone(),
        state: LineState::NotChecked,
        line: Some(line),
        recorded: Some(hash.digest),
        expected: None,
        form: None,
    };
    match rule {
        None => {}
        Some(Rule::Absent) => found.state = LineState::Unexpected,
        Some(Rule::Required(forms) | Rule::IfListed(forms)) => {
            let same = forms.iter().find(|(_, digest)| *digest == hash.digest);
            found.state = same.map_or(LineState::Differing, |_| LineState::Matched);
            found.form = same.map(|(form, _)| *form);
            found.expected = same.or(forms.first()).map(|(_, digest)| *digest);
        }
    }
    found
}
