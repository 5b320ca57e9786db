//! Files of IBM's repositories: samples, fixtures and certificates.
//!
//! They are IBM's and hold private keys, so they are not kept here. They come through Go's module client, or from a folder
//! named by `IBM_FIXTURES` that holds the two repositories by their names.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::{CONTRACT_GO, go, skipped};

const FOLDER: &str = "IBM_FIXTURES";
const TERRAFORM: &str = "github.com/ibm-hyper-protect/terraform-provider-hpcr@v1.10.9";

/// A repository of IBM's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repository {
    /// contract-go, in the version that `contract-go/go.mod` pins.
    ContractGo,
    /// terraform-provider-hpcr.
    Terraform,
}

// === impl Repository ===

impl Repository {
    /// Where its files lie, or why they are nowhere. Each is asked for once in a process.
    ///
    /// # Errors
    /// What was tried and how it failed, in one line.
    pub fn folder(self) -> Result<PathBuf, String> {
        static FOLDERS: [OnceLock<Result<PathBuf, String>>; 2] = [OnceLock::new(), OnceLock::new()];
        let [contract_go, terraform] = &FOLDERS;
        let known = match self {
            Self::ContractGo => contract_go,
            Self::Terraform => terraform,
        };
        known.get_or_init(|| self.find()).clone()
    }

    /// As [`Repository::folder`]; `None`, said loudly, where it is not to be had.
    pub fn folder_for(self, what: &str) -> Option<PathBuf> {
        self.folder().map_err(|reason| skipped(what, &reason)).ok()
    }

    /// The bytes of one of its files; `None`, said loudly, where they are not to be had.
    pub fn file(self, what: &str, path: &str) -> Option<Vec<u8>> {
        let read = self
            .folder()
            .and_then(|folder| std::fs::read(folder.join(path)).map_err(|error| error.to_string()));
        read.map_err(|reason| skipped(&format!("{what}: {path}"), &reason))
            .ok()
    }

    /// As [`Repository::file`], as text.
    pub fn text(self, what: &str, path: &str) -> Option<String> {
        let text = String::from_utf8(self.file(what, path)?);
        text.map_err(|_| skipped(&format!("{what}: {path}"), "it is no text"))
            .ok()
    }

    fn find(self) -> Result<PathBuf, String> {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return Ok(PathBuf::from(folder).join(self.name()));
        }
        match self {
            Self::ContractGo => {
                let path = "github.com/ibm-hyper-protect/contract-go/v2";
                downloaded(&mut go::command(
                    CONTRACT_GO,
                    &["mod", "download", "-json", path],
                )?)
            }
            // No code of it is built, so it has no place in a go.mod, and its download must stand in no module.
            Self::Terraform => downloaded(
                Command::new(go::program()?)
                    .args(["mod", "download", "-json", TERRAFORM])
                    .env("GOTOOLCHAIN", "local")
                    .current_dir(std::env::temp_dir()),
            ),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ContractGo => CONTRACT_GO,
            Self::Terraform => "terraform-provider-hpcr",
        }
    }
}

/// The folder that `go mod download -json` tells of. It tells its errors the same way.
fn downloaded(command: &mut Command) -> Result<PathBuf, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("go mod download gave no answer: {}", said.trim())
    })?;
    let word = |name: &str| answer.get(name).and_then(serde_json::Value::as_str);
    match word("Dir") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Err(format!(
            "go mod download failed: {}",
            word("Error").unwrap_or("no reason given")
        )),
    }
}
