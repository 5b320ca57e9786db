//! The program `soft-grep11`: how it starts, what it prints, how it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_soft-grep11");

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[cfg(test)]
fn certificates(directory: &Path) {
    let out = directory.to_str().unwrap();
    let made = Command::new(PROGRAM)
        .args([
            "certs",
            "--out",
            out,
            "--ip",
            "127.0.0.1",
            "--ip",
            "::1",
            "--name",
            "hsm.example",
        ])
        .status()
        .unwrap();
    assert!(made.success());
}

#[cfg(test)]
fn server(directory: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(directory)
        .args([
            "--listen",
            "127.0.0.1:0",
            "--certificate",
            "server.pem",
            "--key",
            "server.key",
        ])
        .args([
            "--client-ca",
            "ca.pem",
            "--master-key",
            "master.key",
            "--latency",
            "1ms",
        ])
        .args(["--journal", "journal.jsonl"]);
    command
}

#[test]
fn it_says_where_it_listens_and_ends_cleanly_on_sigterm() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path());
    let child = server(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .strip_prefix("soft-grep11 (a software stand-in, not an HSM) listening on ")
        .unwrap()
        .trim_end();
    std::net::TcpStream::connect(address).unwrap();
    assert!(directory.path().join("master.key").exists());

    let pid = Pid::from_raw(running.0.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn it_refuses_a_key_that_is_not_its_certificates() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path());
    std::fs::copy(
        directory.path().join("client.key"),
        directory.path().join("server.key"),
    )
    .unwrap();
    let output = server(directory.path()).output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("TLS cannot be set up"), "{message}");
    assert!(!message.contains("PRIVATE KEY"), "{message}");
}

#[test]
fn it_names_a_missing_file() {
    let directory = tempfile::tempdir().unwrap();
    let output = server(directory.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read server.pem"));
}
