//! The `nft` program: everything but re-arming goes through it, as JSON, in one transaction at a time.
//!
//! It is run by absolute path with an empty environment and `/` as its folder, so that nothing outside the contract
//! changes what it does, and it is killed when it takes longer than [`LIMIT`].

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::error::FirewallError;

/// Where `nft` may lie.
const PATHS: [&str; 2] = ["/usr/sbin/nft", "/sbin/nft"];
/// A transaction takes tens of milliseconds; after this time something is broken.
const LIMIT: Duration = Duration::from_secs(10);
/// No listing of ours is as long as this.
const MAX_OUTPUT: usize = 16 << 20;

/// The `nft` program of this guest.
#[derive(Debug, Clone)]
pub struct Nft {
    path: PathBuf,
    limit: Duration,
}

struct Answer {
    success: bool,
    stdout: Vec<u8>,
    stderr: String,
}

// === impl Nft ===

impl Nft {
    /// Finds it in one of its two places.
    pub fn find() -> Result<Self, FirewallError> {
        PATHS
            .iter()
            .map(Path::new)
            .find(|path| path.is_file())
            .map(|path| Self {
                path: path.to_path_buf(),
                limit: LIMIT,
            })
            .ok_or_else(FirewallError::no_binary)
    }

    #[cfg(test)]
    pub(super) fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            limit: LIMIT,
        }
    }

    /// Carries out all commands, or none.
    pub(super) fn transact(&self, json: &[u8]) -> Result<(), FirewallError> {
        let answer = self.run(&["-j", "-f", "-"], json)?;
        if answer.success {
            return Ok(());
        }
        Err(refusal(&answer.stderr))
    }

    /// Has the kernel check all commands, and carries out none.
    pub(super) fn check(&self, json: &[u8]) -> Result<(), FirewallError> {
        let answer = self.run(&["-c", "-j", "-f", "-"], json)?;
        if answer.success {
            return Ok(());
        }
        match refusal(&answer.stderr) {
            FirewallError::Refused { message } => Err(FirewallError::no_kernel_support(&format!(
                "connection tracking and matching by uid ({message})"
            ))),
            other => Err(other),
        }
    }

    /// Lists a table; `None` when there is no such table.
    pub(super) fn list(&self, table: &str) -> Result<Option<Vec<u8>>, FirewallError> {
        let answer = self.run(&["-j", "list", "table", "inet", table], b"")?;
        if answer.success {
            return Ok(Some(answer.stdout));
        }
        if answer.stderr.contains("No such file or directory") {
            return Ok(None);
        }
        Err(refusal(&answer.stderr))
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Result<Answer, FirewallError> {
        let mut child = Command::new(&self.path)
            .args(args)
            .env_clear()
            .current_dir("/")
            .stdin(in_memory(input).map_err(FirewallError::Run)?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => FirewallError::no_binary(),
                _ => FirewallError::Run(error),
            })?;
        let heard = listen(&mut child, Instant::now() + self.limit);
        if heard.is_err() {
            // Already gone is as good as killed.
            child.kill().ok();
        }
        let status = child.wait().map_err(FirewallError::Run)?;
        let (stdout, stderr) = heard.map_err(FirewallError::Run)?;
        Ok(Answer {
            success: status.success(),
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }
}

/// The input as a file in memory: a program that writes before it has read everything can't block us.
fn in_memory(input: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("nft", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(input)?;
    file.rewind()?;
    Ok(file)
}

/// Reads both outputs to their ends.
fn listen(child: &mut Child, deadline: Instant) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut stdout = child.stdout.take();
    let mut stderr = child.stderr.take();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while stdout.is_some() || stderr.is_some() {
        wait(stdout.as_ref(), stderr.as_ref(), deadline)?;
        drain(&mut stdout, &mut out)?;
        drain(&mut stderr, &mut err)?;
    }
    Ok((out, err))
}

fn wait<A: AsFd, B: AsFd>(one: Option<&A>, two: Option<&B>, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut fds: Vec<PollFd<'_>> = [one.map(AsFd::as_fd), two.map(AsFd::as_fd)]
        .into_iter()
        .flatten()
        .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
        .collect();
    match poll(&mut fds, timeout) {
        Ok(0) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads once from a pipe that has something; drops it at its end.
fn drain<R: Read + AsFd>(pipe: &mut Option<R>, into: &mut Vec<u8>) -> io::Result<()> {
    let Some(reader) = pipe.as_mut() else {
        return Ok(());
    };
    let mut ready = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    if poll(&mut ready, PollTimeout::ZERO)? == 0 {
        return Ok(());
    }
    let mut buffer = [0_u8; 16 << 10];
    let count = reader.read(&mut buffer)?;
    into.extend(buffer.iter().take(count));
    if into.len() > MAX_OUTPUT {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    if count == 0 {
        *pipe = None;
    }
    Ok(())
}

/// What `nft` says when it fails, as one of our errors.
fn refusal(stderr: &str) -> FirewallError {
    if stderr.contains("Operation not permitted") || stderr.contains("Permission denied") {
        return FirewallError::no_capability();
    }
    if ["Operation not supported", "Protocol not supported"]
        .iter()
        .any(|text| stderr.contains(text))
    {
        return FirewallError::no_kernel_support("nf_tables");
    }
    let first = stderr.lines().find(|line| !line.trim().is_empty());
    let message = first.unwrap_or("no reason given").chars().take(200);
    FirewallError::Refused {
        message: message.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(body: &str) -> (tempfile::TempDir, Nft) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nft");
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let nft = Nft::at(&path);
        (folder, nft)
    }

    #[test]
    fn no_program_is_a_missing_power() {
        let nft = Nft::at(Path::new("/nonexistent/nft"));
        let error = nft.transact(b"{}").unwrap_err();
        assert_eq!(error.code(), "power_missing");
        assert!(error.to_string().contains("nft program"), "{error}");
    }

    #[test]
    fn refusals_are_told_apart() {
        let cases = [
            (
                "Error: Could not process rule: Operation not permitted",
                "power_missing",
            ),
            (
                "Error: cache initialization failed: Operation not permitted",
                "power_missing",
            ),
            (
                "Error: Could not process rule: Operation not supported",
                "power_missing",
            ),
            ("Error: syntax error", "firewall_failed"),
            ("", "firewall_failed"),
        ];
        for (stderr, code) in cases {
            assert_eq!(refusal(stderr).code(), code, "{stderr}");
        }
    }

    #[test]
    fn environment_of_the_program_is_empty() {
        let (_folder, nft) = script("/usr/bin/env");
        let listed = nft.list("x").unwrap().unwrap();
        let text = String::from_utf8(listed).unwrap();
        // The shell itself sets these three.
        let foreign = text
            .lines()
            .filter(|line| {
                !["PWD=", "SHLVL=", "_="]
                    .iter()
                    .any(|own| line.starts_with(own))
            })
            .count();
        assert_eq!(foreign, 0, "{text}");
    }

    #[test]
    fn long_input_and_output_do_not_block() {
        let (_folder, nft) = script("cat");
        let input = vec![b'x'; 3 << 20];
        let answer = nft.run(&[], &input).unwrap();
        assert_eq!(answer.stdout.len(), input.len());
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let (_folder, mut nft) = script("exec sleep 60");
        nft.limit = Duration::from_millis(50);
        let started = Instant::now();
        let error = nft.transact(b"").unwrap_err();
        assert!(matches!(error, FirewallError::Run(_)), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
