//! What checking a certificate found.

use std::fmt;

use serde::Serialize;
use x509_parser::prelude::X509Certificate;

use super::{Details, WARN_DAYS};
use crate::record::Digest;
use crate::time;

/// What checking a certificate found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The certificate, then what is above it, as far as it was found.
    pub certificates: Vec<Described>,
    /// What was checked, and what came of it.
    pub checks: Vec<Check>,
    /// What is no failure, yet should be known.
    pub warnings: Vec<String>,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, Serialize)]
pub struct Described {
    /// Its part in the chain.
    pub role: Role,
    /// The name of its owner.
    pub subject: String,
    /// The name of whoever signed it.
    pub issuer: String,
    /// Its number, in hexadecimal.
    pub serial: String,
    /// When it begins to be valid.
    pub not_before: String,
    /// When it ceases to be valid.
    pub not_after: String,
    /// Whole days left; negative once it has expired.
    pub days_left: i64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// The part of a certificate in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The certificate in question.
    Leaf,
    /// Whose key signed it.
    Intermediate,
    /// Above that.
    Authority,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub name: CheckName,
    /// Of which certificate.
    pub role: Role,
    /// What came of it.
    pub outcome: Outcome,
    /// In words.
    pub detail: String,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// The intermediate's key signed the leaf.
    Signature,
    /// The leaf names the intermediate as its issuer.
    Issuer,
    /// The time is within the certificate's dates.
    Dates,
    /// Every critical extension is understood.
    Extensions,
    /// From the intermediate to a root that was given.
    Path,
    /// Below the root of IBM's images, the intermediate is IBM's.
    Publisher,
    /// A sound, current revocation list does not have it.
    Revocation,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// What it takes was not given.
    NotChecked,
}

// === impl Report ===

impl Report {
    /// Whether nothing failed: what was not checked has not failed.
    pub fn passed(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.outcome != Outcome::Failed)
    }

    /// Whether everything was checked.
    pub fn complete(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.outcome != Outcome::NotChecked)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for certificate in &self.certificates {
            write!(f, "{certificate}")?;
        }
        for check in &self.checks {
            writeln!(f, "{check}")?;
        }
        self.warnings
            .iter()
            .try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

// === impl Described ===

impl Described {
    pub(super) fn new(certificate: &X509Certificate<'_>, role: Role, now: i64) -> Self {
        let details = Details::of(certificate);
        Self {
            role,
            days_left: details.days_left(now),
            subject: details.subject,
            issuer: details.issuer,
            serial: details.serial,
            not_before: time::format(details.not_before),
            not_after: time::format(details.not_after),
            sha256: details.sha256,
        }
    }

    /// What to say of a certificate that is valid, though not for long.
    pub(super) fn warning(&self) -> Option<String> {
        (0..WARN_DAYS).contains(&self.days_left).then(|| {
            format!(
                "{}: expires in {} days, at {}",
                self.role, self.days_left, self.not_after
            )
        })
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.role, self.subject)?;
        writeln!(f, "  issuer  {}", self.issuer)?;
        writeln!(f, "  serial  {}", self.serial)?;
        writeln!(
            f,
            "  valid   {} to {}, {} days left",
            self.not_before, self.not_after, self.days_left
        )?;
        writeln!(f, "  sha256  {}", self.sha256)
    }
}

// === impl Role ===

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "certificate",
            Self::Intermediate => "intermediate",
            Self::Authority => "authority",
        })
    }
}

// === impl Check ===

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Passed => "ok",
            Outcome::Failed => "FAILED",
            Outcome::NotChecked => "not checked",
        };
        write!(f, "{outcome:<12} {}: {}", self.role, self.detail)
    }
}
