//! Our own program, run.

use std::path::Path;
use std::process::{Command, Output};

/// Exit code, standard output and standard error.
pub(crate) type Said = (Option<i32>, String, String);

/// Runs our own program in a directory; white space parts the arguments.
pub(crate) fn run(dir: &Path, args: &str) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_bakehouse-contract"))
        .args(args.split_whitespace())
        .current_dir(dir)
        .output();
    said(&output.unwrap())
}

/// What a program said.
pub(crate) fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}
