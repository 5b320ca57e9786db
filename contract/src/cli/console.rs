//! Where a command's answers go.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::error::CliError;

/// What a command has to say: for people by `Display`, for programs by `Serialize`.
pub(super) trait Answer: Display + Serialize {}

impl<T: Display + Serialize> Answer for T {}

/// Standard output and error, and which language is spoken there.
pub(super) struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    json: bool,
}

// === impl Console ===

impl<'a> Console<'a> {
    pub(super) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, json: bool) -> Self {
        Self { out, err, json }
    }

    /// Gives the answer: its text as it is, or one line of JSON.
    pub(super) fn answer(&mut self, answer: &impl Answer) -> Result<(), CliError> {
        let text = if self.json {
            let mut line = serde_json::to_string(answer).map_err(|error| CliError::Write {
                path: "standard output".to_owned(),
                reason: error.to_string(),
            })?;
            line.push('\n');
            line
        } else {
            answer.to_string()
        };
        self.print(text.as_bytes())
    }

    /// Whether answers are JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes bytes to standard output.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.out
            .write_all(bytes)
            .and_then(|()| self.out.flush())
            .map_err(|error| super::files::write_error(Path::new("standard output"), &error))
    }

    /// Says something beside the answer, on standard error; for programs it belongs into the answer.
    pub(super) fn note(&mut self, text: &str) {
        if !self.json {
            writeln!(self.err, "note: {text}").unwrap_or_default();
        }
    }

    /// Says why the command failed; nothing is left to be done where nobody reads it.
    pub(super) fn fail(&mut self, error: &CliError) {
        if self.json {
            // One object for each command: what a failed check found has been given as the answer.
            if matches!(error, CliError::Failed { .. }) {
                return;
            }
            writeln!(self.out, "{}", error.to_json()).unwrap_or_default();
        } else {
            writeln!(self.err, "{error}").unwrap_or_default();
        }
    }
}
