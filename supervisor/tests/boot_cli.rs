//! The real program, seen from outside: exit codes, console, status. Each run has a network namespace of its own, so that
//! its firewall locks nobody else out. Without root these tests are skipped, loudly.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test; clippy knows only functions marked #[test]"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const BAKEHOUSE: &str = env!("CARGO_BIN_EXE_bakehouse");

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED: not root, so no namespaces");
    }
    root
}

/// `bakehouse run` in namespaces of its own.
fn run(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--net", "--mount", "--", BAKEHOUSE, "run"])
        .args(arguments);
    command.arg("--units").arg(folder);
    command.arg("--runtime-dir").arg(folder.join("run"));
    command
}

fn halted(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len() % 2, 0, "two lines per event: {text}");
    for pair in lines.chunks(2) {
        let json: Value = serde_json::from_str(pair[1]).unwrap();
        assert!(
            pair[0].starts_with(json["ts"].as_str().unwrap()),
            "{pair:?}"
        );
    }
    assert!(!text.contains("port.opened"));
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(last["event"], "halted", "{text}");
    last
}

#[test]
fn fatal_boot_error_exits_nonzero() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let nonsense = folder.path().join("nonsense");
    std::fs::write(&nonsense, "{ no: yaml").unwrap();
    let missing = folder.path().join("missing");
    for (contract, code, exit) in [
        (&missing, "contract_missing", 66),
        (&nonsense, "contract_not_yaml", 65),
    ] {
        let mut command = run(folder.path(), &["--contract", contract.to_str().unwrap()]);
        // None of these is ever read.
        command
            .env("RUST_LOG", "trace")
            .env("BAKEHOUSE_WORKLOAD", "x")
            .env("BAKEHOUSE_ENV", "y");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{output:?}");
        let halted = halted(&output);
        assert_eq!(
            (&halted["code"], &halted["exit_code"]),
            (&code.into(), &exit.into())
        );
        assert!(!String::from_utf8_lossy(&output.stdout).contains("TRACE"));
    }
}

/// Ends the process that it holds, and only that.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn status_readable_after_fatal_boot() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = run(
        folder.path(),
        &["--contract", "/missing", "--host", "sealed"],
    );
    let mut guest = Guest(command.stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(guest.0.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"event\":\"halted\"")));
    let mut status = Command::new(BAKEHOUSE);
    let output = status
        .args(["status", "--json", "--runtime-dir"])
        .arg(folder.path().join("run"))
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["halted"]["code"], "contract_missing");
    assert_eq!(
        (&status["phase"], &status["port"]),
        (&"Halted".into(), &"shut".into())
    );
}

#[test]
fn a_second_run_is_refused_and_changes_nothing() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--contract", "/missing", "--host", "sealed"];
    let mut first = run(folder.path(), &arguments);
    let mut guest = Guest(first.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(guest.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"halted\"")));
    let output = run(folder.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert_eq!(halted(&output)["code"], "already_running");
    let status = Command::new(BAKEHOUSE)
        .args(["status", "--json", "--runtime-dir"])
        .arg(folder.path().join("run"))
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["halted"]["code"], "contract_missing", "the first's");
}

#[test]
fn a_contract_is_never_read_from_the_environment_outside_of_workload_mode() {
    let folder = tempfile::tempdir().unwrap();
    let given = |host: &str, exit: i32, code: &str| {
        let mut command = Command::new(BAKEHOUSE);
        command
            .arg("run")
            .args(["--units", "/nowhere", "--host", host]);
        command.arg("--runtime-dir").arg(folder.path());
        command.env("BAKEHOUSE_WORKLOAD", "type: workload");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{output:?}");
        assert_eq!(halted(&output)["code"], code);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 2, "told once: {text}");
    };
    // Neither gets as far as the firewall: a document is wanted, or the other section.
    given("bench", 64, "usage");
    given("workload", 66, "contract_missing");
}

#[test]
fn the_command_line_has_its_own_exit_codes() {
    let code = |arguments: &[&str]| {
        Command::new(BAKEHOUSE)
            .args(arguments)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(code(&[]), Some(64));
    assert_eq!(code(&["run"]), Some(64));
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["status", "--runtime-dir", "/nowhere"]), Some(69));
    assert_eq!(code(&["check", "/nowhere"]), Some(66));
    assert_eq!(code(&["plan", "/nowhere"]), Some(66));
}
