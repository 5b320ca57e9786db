//! `certificate`: whether an encryption or attestation certificate is to be trusted, and for how long.

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::certificate::{
    self, Certificate, CertificateError, Chain, Report, RevocationList,
};
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files::{self, PEM_BYTES};

/// Bytes that a revocation list may have; those of large authorities have a few million.
const LIST_BYTES: usize = 32 * 1024 * 1024;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    files: ChainFiles,
}

/// A certificate and what it is held against.
#[derive(clap::Args)]
pub(super) struct ChainFiles {
    /// The image's certificate (PEM)
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Certificate whose key signed it (PEM)
    #[arg(long, value_name = "FILE")]
    intermediate: Option<PathBuf>,
    /// Certificates of the authorities above it, root included (PEM, one or several to a file); the root is trusted
    #[arg(long = "ca", value_name = "FILE", requires = "intermediate")]
    authorities: Vec<PathBuf>,
    /// Revocation list of any of them (DER or PEM)
    #[arg(long = "crl", value_name = "FILE", requires = "intermediate")]
    revocation_lists: Vec<PathBuf>,
    /// Time to judge by, such as 2027-07-06 or 2027-07-06T06:44:41Z; now, if not given
    #[arg(long, value_name = "TIME", value_parser = files::time)]
    at: Option<u64>,
}

/// A certificate, what it is held against, and the time to judge by.
pub(super) struct Given {
    pub(super) certificate: Certificate,
    pub(super) chain: Chain,
    pub(super) now: u64,
}

/// What was found.
#[derive(Serialize)]
struct Findings {
    passed: bool,
    complete: bool,
    #[serde(flatten)]
    report: Report,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let given = args.files.read()?;
    let report = certificate::check(&given.certificate, &given.chain, given.now);
    let passed = report.passed();
    console.answer(&Findings {
        passed,
        complete: report.complete(),
        report,
    })?;
    if passed {
        Ok(())
    } else {
        let code = "certificate_refused";
        Err(CliError::Failed { code })
    }
}

// === impl ChainFiles ===

impl ChainFiles {
    pub(super) fn read(&self) -> Result<Given, CliError> {
        let one = |path: &PathBuf| read_pem(path, Certificate::from_pem);
        let mut chain = Chain {
            intermediate: self.intermediate.as_ref().map(one).transpose()?,
            ..Chain::default()
        };
        for path in &self.authorities {
            chain
                .authorities
                .extend(read_pem(path, Certificate::all_from_pem)?);
        }
        for path in &self.revocation_lists {
            let bytes = files::read(path, LIST_BYTES)?;
            let list = RevocationList::from_bytes(bytes.expose()).map_err(refused(path))?;
            chain.revocation_lists.push(list);
        }
        Ok(Given {
            certificate: one(&self.certificate)?,
            chain,
            now: self.at.unwrap_or_else(files::now),
        })
    }
}

fn read_pem<T>(
    path: &Path,
    read: impl Fn(&str) -> Result<T, CertificateError>,
) -> Result<T, CliError> {
    let text = files::read_text(path, PEM_BYTES)?;
    read(text.expose()).map_err(refused(path))
}

fn refused(path: &Path) -> impl Fn(CertificateError) -> CliError {
    let path = files::name(path);
    move |source| CliError::Chain {
        path: path.clone(),
        source,
    }
}

// === impl Findings ===

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)?;
        f.write_str(match (self.passed, self.complete) {
            (false, _) => "REFUSED\n",
            (true, true) => "sound\n",
            (true, false) => "nothing wrong in what was checked\n",
        })
    }
}
