//! `diff`: two contracts in, what the newer one changes out, secrets masked.

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::outline::{Change, Difference, Outline, Value};
use bakehouse_contract::{ContractDocument, Limits};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::console::Console;
use super::error::CliError;
use super::files::{self, OptionalKeyFiles};

/// Characters of a value that are shown; of a longer one, its digest.
const SHOWN: usize = 100;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keys: OptionalKeyFiles,
    /// The contract as it was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The contract as it is to be
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// What was found.
#[derive(Serialize)]
struct Comparison {
    verdict: Verdict,
    /// Digests of the two documents.
    digests: [String; 2],
    differences: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// The strings of both are the same.
    Same,
    /// They say the same: texts were encrypted anew.
    OnlyTokens,
    /// They say the same in other words: remarks, quotes, the order of keys.
    OnlyWording,
    Different,
}

/// One difference.
#[derive(Serialize)]
struct Line {
    path: String,
    change: &'static str,
    /// Whether one of the values is a secret, and so not here.
    secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<String>,
}

/// Compares; says whether the contracts ask for the same.
pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<bool, CliError> {
    let limits = Limits::default();
    let keys = args.keys.read()?.unwrap_or_default();
    let read = |path: &Path| -> Result<(ContractDocument, Outline), CliError> {
        let bytes = files::read(path, limits.document_bytes)?;
        let document = ContractDocument::parse(bytes.expose(), &limits)?;
        let outline = Outline::of(&document, &keys, &limits)?;
        Ok((document, outline))
    };
    let ((old, old_outline), (new, new_outline)) = (read(&args.old)?, read(&args.new)?);
    let differences = old_outline.differences(&new_outline);
    let verdict = match (old.digest() == new.digest(), differences.is_empty()) {
        (true, _) => Verdict::Same,
        (false, true) if old.sealed() || new.sealed() => Verdict::OnlyTokens,
        (false, true) => Verdict::OnlyWording,
        (false, false) => Verdict::Different,
    };
    console.answer(&Comparison {
        verdict,
        digests: [old.digest(), new.digest()].map(|digest| digest.to_string()),
        differences: differences.into_iter().map(Line::from).collect(),
    })?;
    Ok(verdict != Verdict::Different)
}

/// A public value in one line.
pub(super) fn shown(text: &str) -> String {
    let characters = text.chars().count();
    if characters <= SHOWN && !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let digest = hex::encode(Sha256::digest(text));
    format!("({characters} characters, sha256 {digest})")
}

fn public(value: Value) -> Option<String> {
    match value {
        Value::Public(text) => Some(shown(&text)),
        Value::Masked => None,
    }
}

// === impl Line ===

impl From<Difference> for Line {
    fn from(Difference { path, change }: Difference) -> Self {
        let (name, old, new) = match change {
            Change::Added(new) => ("added", None, Some(new)),
            Change::Removed(old) => ("removed", Some(old), None),
            Change::Changed { old, new } => ("changed", Some(old), Some(new)),
            Change::Unknown => ("unknown", None, None),
        };
        let masked = Some(Value::Masked);
        let secret = old == masked || new == masked;
        Self {
            path,
            change: name,
            secret,
            old: old.and_then(public),
            new: new.and_then(public),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, .. } = self;
        let secret = "(secret)".to_owned();
        let [old, new] = [&self.old, &self.new].map(|it| it.as_ref().unwrap_or(&secret));
        match self.change {
            "added" => writeln!(f, "+ {path}: {new}"),
            "removed" => writeln!(f, "- {path}: {old}"),
            "changed" if self.secret && self.old.is_none() && self.new.is_none() => {
                writeln!(f, "~ {path}: secret changed")
            }
            "changed" => writeln!(f, "~ {path}: {old} → {new}"),
            _ => writeln!(
                f,
                "? {path}: encrypted, and the tokens differ; give --key to compare what is in them"
            ),
        }
    }
}

// === impl Comparison ===

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.differences {
            write!(f, "{line}")?;
        }
        match self.verdict {
            Verdict::Same => writeln!(f, "the same, to the byte"),
            Verdict::OnlyTokens => writeln!(f, "only tokens differ: what is in them is the same"),
            Verdict::OnlyWording => {
                writeln!(f, "only the wording differs: the values are the same")
            }
            Verdict::Different => {
                let [old, new] = &self.digests;
                writeln!(f, "different (digest {old} → {new})")
            }
        }
    }
}
