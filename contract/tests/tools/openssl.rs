//! The `openssl` program.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs openssl in a directory and gives what it prints; nothing, said loudly, if there is none.
pub(crate) fn openssl(dir: &Path, args: &str, input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new("openssl")
        .args(args.split(' '))
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        // Written past the harness, which keeps the output of a test that passes to itself.
        std::io::stderr()
            .write_all(b"SKIPPED: there is no openssl program on this machine\n")
            .unwrap();
        return None;
    };
    // A program that does not read its input closes it.
    drop(child.stdin.take().unwrap().write_all(input));
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {args}: {words}");
    Some(output.stdout)
}
