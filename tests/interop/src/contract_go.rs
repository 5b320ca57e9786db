//! IBM's contract-go as a process that answers jobs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::{CONTRACT_GO, go};

/// A running program around contract-go. It ends when this is dropped.
///
/// contract-go runs the `openssl` program for all of its cryptography.
#[derive(Debug)]
pub struct ContractGo {
    child: Child,
    jobs: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Builds the program, once in a process; gives its path, or why there is none.
///
/// # Errors
/// What was tried and how it failed, in one line.
pub fn program() -> Result<PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(build).clone()
}

fn build() -> Result<PathBuf, String> {
    go::output(Command::new("openssl").arg("version"))?;
    go::build(CONTRACT_GO)
}

/// The version of contract-go that is pinned.
///
/// # Errors
/// As [`program`].
pub fn version() -> Result<String, String> {
    let path = "github.com/ibm-hyper-protect/contract-go/v2";
    go::output(&mut go::command(
        CONTRACT_GO,
        &["list", "-m", "-f", "{{.Version}}", path],
    )?)
}

// === impl ContractGo ===

impl ContractGo {
    /// Builds and starts it.
    ///
    /// # Errors
    /// As [`program`].
    pub fn start() -> Result<Self, String> {
        Self::spawn(&mut Command::new(program()?))
    }

    /// As [`ContractGo::start`], with another program in the place of `openssl`.
    ///
    /// # Errors
    /// As [`program`].
    pub fn start_with_openssl(openssl: &std::path::Path) -> Result<Self, String> {
        Self::spawn(Command::new(program()?).env("OPENSSL_BIN", openssl))
    }

    fn spawn(command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the program around contract-go does not start: {error}"))?;
        let (Some(jobs), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the program around contract-go has no pipes".to_owned());
        };
        Ok(Self {
            child,
            jobs: Some(jobs),
            answers: BufReader::new(answers),
        })
    }

    /// Has one job done. A job is `{"do": NAME, ...}`; `contract-go/main.go` lists them.
    ///
    /// # Errors
    /// What contract-go says, or that the program ended.
    pub fn ask(&mut self, job: &Value) -> Result<String, String> {
        let ended =
            |error: std::io::Error| format!("the program around contract-go ended: {error}");
        let jobs = self.jobs.as_mut().ok_or("the program was stopped")?;
        jobs.write_all(format!("{job}\n").as_bytes())
            .map_err(ended)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(ended)?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|_| "the program around contract-go gave no answer".to_owned())?;
        let word = |name: &str| answer.get(name).and_then(Value::as_str);
        match word("error") {
            Some(error) => Err(error.to_owned()),
            None => Ok(word("result").unwrap_or_default().to_owned()),
        }
    }
}

impl Drop for ContractGo {
    fn drop(&mut self) {
        drop(self.jobs.take());
        drop(self.child.wait());
    }
}
