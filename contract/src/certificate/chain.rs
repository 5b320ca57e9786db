//! The check of a certificate as a whole.

use x509_parser::prelude::X509Certificate;
use x509_parser::revocation_list::CertificateRevocationList;

use super::path::{self, Path, same_name};
use super::report::{Check, CheckName, Described, Outcome, Report, Role};
use super::signature::{self, Signed};
use super::{Certificate, Chain, RevocationList, revocation};
use crate::record::{Digest, sha256};

/// SHA-256 of the certificate `DigiCert Trusted Root G4`, which IBM's images are under.
const PUBLIC_ROOT: &str = "552f7bdcf1a7af9e6ce672017f4f12abf77240c78e761ac203d1d9d20ac89988";

/// Who the intermediate under that root must be.
const PUBLISHER: &str = "International Business Machines Corporation";

/// Checks a certificate against what is above it, at a time in seconds since 1970.
pub fn check(leaf: &Certificate, chain: &Chain, now: u64) -> Report {
    check_under(leaf, chain, now, Digest::from_hex(PUBLIC_ROOT))
}

/// The same, with another root in the place of the public one.
pub(super) fn check_under(
    leaf: &Certificate,
    chain: &Chain,
    now: u64,
    public_root: Option<Digest>,
) -> Report {
    let mut checking = Checking {
        now: i64::try_from(now).unwrap_or(i64::MAX),
        report: Report {
            certificates: Vec::new(),
            checks: Vec::new(),
            warnings: Vec::new(),
        },
    };
    // Both types hold only what could be read.
    let Some(leaf) = leaf.parsed() else {
        checking.say(
            CheckName::Signature,
            Role::Leaf,
            Outcome::Failed,
            "can't be read",
        );
        return checking.report;
    };
    let lists: Vec<_> = chain
        .revocation_lists
        .iter()
        .filter_map(RevocationList::parsed)
        .collect();
    checking.look(&leaf, Role::Leaf);
    match chain.intermediate.as_ref().and_then(Certificate::parsed) {
        Some(intermediate) => {
            let authorities: Vec<_> = chain
                .authorities
                .iter()
                .filter_map(Certificate::parsed)
                .collect();
            checking.leaf(&leaf, &intermediate, &lists);
            let path = path::build(&intermediate, &authorities);
            checking.path(&path, authorities.is_empty(), &lists);
            checking.root(&path, public_root);
            checking.stray_lists(&lists, &path);
        }
        None => checking.say(
            CheckName::Signature,
            Role::Leaf,
            Outcome::NotChecked,
            "who signed it: no intermediate certificate was given",
        ),
    }
    checking.report
}

struct Checking {
    now: i64,
    report: Report,
}

// === impl Checking ===

impl Checking {
    fn say(&mut self, name: CheckName, role: Role, outcome: Outcome, detail: impl Into<String>) {
        self.report.checks.push(Check {
            name,
            role,
            outcome,
            detail: detail.into(),
        });
    }

    /// What a certificate says of itself: its dates and its extensions.
    fn look(&mut self, certificate: &X509Certificate<'_>, role: Role) {
        let described = Described::new(certificate, role, self.now);
        let validity = certificate.validity();
        let (outcome, detail) = if validity.not_before.timestamp() > self.now {
            let from = &described.not_before;
            (Outcome::Failed, format!("is not valid before {from}"))
        } else if validity.not_after.timestamp() < self.now {
            let to = &described.not_after;
            (Outcome::Failed, format!("expired at {to}"))
        } else {
            let days = described.days_left;
            (Outcome::Passed, format!("valid for {days} more days"))
        };
        if outcome == Outcome::Passed {
            self.report.warnings.extend(described.warning());
        }
        self.report.certificates.push(described);
        self.say(CheckName::Dates, role, outcome, detail);
        if !path::understood(certificate) {
            let detail = "has a critical extension that is not understood";
            self.say(CheckName::Extensions, role, Outcome::Failed, detail);
        }
    }

    /// The certificate in question, held against the intermediate.
    fn leaf(
        &mut self,
        leaf: &X509Certificate<'_>,
        intermediate: &X509Certificate<'_>,
        lists: &[CertificateRevocationList<'_>],
    ) {
        let (outcome, detail) = match signature::certificate(leaf, intermediate.public_key()) {
            Signed::Valid => (Outcome::Passed, "signed by the intermediate's key"),
            Signed::Invalid => (Outcome::Failed, "is not signed by the intermediate's key"),
            Signed::Unknown => (
                Outcome::Failed,
                "is signed with an algorithm other than RSA PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512",
            ),
        };
        self.say(CheckName::Signature, Role::Leaf, outcome, detail);
        let (outcome, detail) = if same_name(leaf.issuer(), intermediate.subject()) {
            (Outcome::Passed, "names the intermediate as its issuer")
        } else {
            (
                Outcome::Failed,
                "names another issuer than the intermediate",
            )
        };
        self.say(CheckName::Issuer, Role::Leaf, outcome, detail);
        let (outcome, detail) = revocation::check(leaf, intermediate, lists, self.now);
        self.say(CheckName::Revocation, Role::Leaf, outcome, detail);
    }

    /// The intermediate and what is above it.
    fn path(&mut self, path: &Path<'_>, alone: bool, lists: &[CertificateRevocationList<'_>]) {
        let roles = std::iter::once(Role::Intermediate).chain(std::iter::repeat(Role::Authority));
        for (certificate, role) in path.certificates.iter().zip(roles.clone()) {
            self.look(certificate, role);
        }
        let (outcome, detail) = match path.end {
            Ok(()) => (
                Outcome::Passed,
                "leads up to a root that was given".to_owned(),
            ),
            Err(_) if alone => (
                Outcome::NotChecked,
                "whether it leads up to a root: no authorities were given".to_owned(),
            ),
            Err(error) => {
                let last = path.certificates.len().saturating_sub(1);
                let of = if last == 0 {
                    ""
                } else {
                    "an authority above it: "
                };
                (
                    Outcome::Failed,
                    format!("does not lead up to a root that was given: {of}{error}"),
                )
            }
        };
        self.say(CheckName::Path, Role::Intermediate, outcome, detail);
        let issuers = path.certificates.iter().skip(1);
        for ((certificate, issuer), role) in path.certificates.iter().zip(issuers).zip(roles) {
            let (mut outcome, mut detail) = revocation::check(certificate, issuer, lists, self.now);
            if outcome == Outcome::Passed && !path::may_revoke(issuer) {
                outcome = Outcome::Failed;
                "the issuer may not sign revocation lists".clone_into(&mut detail);
            }
            self.say(CheckName::Revocation, role, outcome, detail);
        }
    }

    /// Which root it is, and whether the one who signed the leaf may speak for IBM.
    fn root(&mut self, path: &Path<'_>, public_root: Option<Digest>) {
        let (Ok(()), Some(root), Some(intermediate)) = (
            path.end,
            path.certificates.last(),
            path.certificates.first(),
        ) else {
            return;
        };
        let digest = sha256(root.as_raw());
        if Some(digest) != public_root {
            let warning = format!(
                "the root is not the one that IBM's images are under; it is trusted because it was given: {digest}"
            );
            self.report.warnings.push(warning);
            return;
        }
        let mut names = intermediate.subject().iter_organization();
        let ours = names.next().and_then(|name| name.as_str().ok()) == Some(PUBLISHER);
        let (outcome, detail) = if ours && names.next().is_none() {
            (Outcome::Passed, format!("is of {PUBLISHER}"))
        } else {
            (Outcome::Failed, format!("is not of {PUBLISHER}"))
        };
        self.say(CheckName::Publisher, Role::Intermediate, outcome, detail);
    }

    /// A list that is of nobody here was given by mistake.
    fn stray_lists(&mut self, lists: &[CertificateRevocationList<'_>], path: &Path<'_>) {
        for (list, number) in lists.iter().zip(1..) {
            if !revocation::belongs(list, &path.certificates) {
                let warning = format!("revocation list {number} is of no issuer in this chain");
                self.report.warnings.push(warning);
            }
        }
    }
}
