//! Files of IBM's contract-go, for tests: from the Go module proxy, or from a directory named by `IBM_FIXTURES`.
//!
//! They are IBM's and hold private keys, so they are not kept here. Where they can't be had, the test says SKIPPED.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const MODULE: &str = "github.com/ibm-hyper-protect/contract-go/v2@v2.40.1";

/// The directory of the module. It is asked for once.
pub(crate) fn module() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(find) {
        Ok(dir) => Some(dir),
        Err(reason) => {
            // Written past the harness, which keeps the output of a test that passes to itself.
            let line = format!("SKIPPED a test with files of contract-go: {reason}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            None
        }
    }
}

fn find() -> Result<PathBuf, String> {
    if let Some(dir) = std::env::var_os("IBM_FIXTURES") {
        return Ok(Path::new(&dir).join("contract-go"));
    }
    // `go mod download` wants to stand in no module.
    let output = Command::new("go")
        .args(["mod", "download", "-json", MODULE])
        .current_dir(std::env::temp_dir())
        .output()
        .map_err(|_| "there is no go program on this machine".to_owned())?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| "go mod download gave no answer".to_owned())?;
    match answer["Dir"].as_str() {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => Err(format!("go mod download {MODULE} gave nothing")),
    }
}
