//! From a checked plan entry to a running program.
//!
//! Everything is prepared before the fork. The child only makes system calls, in this order: its own session, its streams, signals
//! and limits as new, its account with no way back, the death signal (which a change of ids would have cleared), its folder, and
//! exec by descriptor with the planned environment and nothing else.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::fcntl::AtFlags;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, chdir, getrlimit, kill_process, set_parent_process_death_signal,
    setrlimit, setsid, umask,
};

use super::wire::Failure;
use crate::plan::spec::{Account, UnitSpec};
use crate::process::forbid_cores;
use crate::sandbox::{IdentityStep, assume};
use crate::sys::{self, Forked};

const EXEC_WITHIN: Duration = Duration::from_secs(10);
const OPEN_FILES: u64 = 65_536;
const NOT_EXECUTED: i32 = 126;

/// A command, ready to be forked.
pub(super) struct Launch {
    program: OwnedFd,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    account: Account,
    folder: CString,
    umask: u32,
    unless_exists: Option<CString>,
}

/// What came of it.
pub(super) enum Launched {
    /// It was executed. The read ends of its streams.
    Running {
        pid: Pid,
        stdout: OwnedFd,
        stderr: OwnedFd,
    },
    /// What it would have made is there already.
    Skipped,
}

/// Where the child was when something failed. The numbers go through a pipe from child to parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Skipped = 0,
    Session,
    Streams,
    Signals,
    Limits,
    Groups,
    Gid,
    Uid,
    Irrevocable,
    Capabilities,
    NoNewPrivs,
    DeathSignal,
    UnlessExists,
    Folder,
    Descriptors,
    Exec,
    Fork,
}

// === impl Launch ===

impl Launch {
    /// Prepares a unit's main command or, with `arguments` and `unless_exists` of its own, one of its preparations.
    pub(super) fn new(
        unit: &UnitSpec,
        program: OwnedFd,
        arguments: &[String],
        unless_exists: Option<&std::path::Path>,
    ) -> Result<Self, Failure> {
        let argv = std::iter::once(&unit.executable.name).chain(arguments);
        let pairs = unit
            .env
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let path = |path: &std::path::Path| c_string(path.as_os_str().as_encoded_bytes());
        Ok(Self {
            program,
            arguments: argv
                .map(|text| c_string(text.as_bytes()))
                .collect::<Result<_, _>>()?,
            environment: pairs
                .map(|text| c_string(text.as_bytes()))
                .collect::<Result<_, _>>()?,
            account: unit.account.clone(),
            folder: path(&unit.cwd)?,
            umask: unit.umask,
            unless_exists: unless_exists.map(path).transpose()?,
        })
    }

    /// Forks and executes. When this returns, the program runs or it is known why not.
    pub(super) fn launch(&self) -> Result<Launched, Failure> {
        let (stdout, child_stdout) = stream()?;
        let (stderr, child_stderr) = stream()?;
        let (verdict, child_verdict) =
            pipe_with(PipeFlags::CLOEXEC).map_err(Stage::Fork.failed())?;
        let forked = sys::fork().map_err(|error| Stage::Fork.failure(errno_of(&error)))?;
        let Forked::Parent(pid) = forked else {
            let (stage, errno) = self.become_unit(&child_stdout, &child_stderr);
            report(&child_verdict, stage, errno);
            sys::exit_now(NOT_EXECUTED);
        };
        drop((child_stdout, child_stderr, child_verdict));
        match read_verdict(&verdict, pid)? {
            None => Ok(Launched::Running {
                pid,
                stdout,
                stderr,
            }),
            Some((stage, _)) if stage == Stage::Skipped as u8 => Ok(Launched::Skipped),
            Some((stage, errno)) => Err(Failure::StartFailed {
                step: Stage::name(stage).to_owned(),
                errno,
            }),
        }
    }

    /// Runs in the child; returns only when there is no program to become.
    fn become_unit(&self, stdout: &OwnedFd, stderr: &OwnedFd) -> (Stage, Errno) {
        match self.try_become_unit(stdout, stderr) {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    fn try_become_unit(
        &self,
        stdout: &OwnedFd,
        stderr: &OwnedFd,
    ) -> Result<std::convert::Infallible, (Stage, Errno)> {
        let at = |stage| move |errno| (stage, errno);
        setsid().map_err(at(Stage::Session))?;
        // standard input is the spawner's: /dev/null
        rustix::stdio::dup2_stdout(stdout).map_err(at(Stage::Streams))?;
        rustix::stdio::dup2_stderr(stderr).map_err(at(Stage::Streams))?;
        sys::reset_signals()
            .map_err(nix_errno)
            .map_err(at(Stage::Signals))?;
        limit().map_err(at(Stage::Limits))?;
        umask(Mode::from_raw_mode(self.umask));
        assume(&self.account).map_err(|(step, errno)| (step.into(), errno))?;
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(at(Stage::DeathSignal))?;
        if let Some(path) = &self.unless_exists {
            match rustix::fs::stat(path) {
                Ok(_) => return Err((Stage::Skipped, Errno::EXIST)),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err((Stage::UnlessExists, errno)),
            }
        }
        chdir(&self.folder).map_err(at(Stage::Folder))?;
        sys::close_on_exec_from(3)
            .map_err(|error| errno_of(&error))
            .map_err(at(Stage::Descriptors))?;
        let (arguments, environment) = (&self.arguments, &self.environment);
        nix::unistd::execveat(
            &self.program,
            c"",
            arguments,
            environment,
            AtFlags::AT_EMPTY_PATH,
        )
        .map_err(nix_errno)
        .map_err(at(Stage::Exec))
    }
}

// === impl Stage ===

impl Stage {
    const NAMES: [(Self, &'static str); 16] = [
        (Self::Session, "session"),
        (Self::Streams, "streams"),
        (Self::Signals, "signals"),
        (Self::Limits, "limits"),
        (Self::Groups, "groups"),
        (Self::Gid, "gid"),
        (Self::Uid, "uid"),
        (Self::Irrevocable, "ids can be taken back"),
        (Self::Capabilities, "capabilities"),
        (Self::NoNewPrivs, "no_new_privs"),
        (Self::DeathSignal, "death signal"),
        (Self::UnlessExists, "unless_exists"),
        (Self::Folder, "cwd"),
        (Self::Descriptors, "descriptors"),
        (Self::Exec, "exec"),
        (Self::Fork, "fork"),
    ];

    fn name(number: u8) -> &'static str {
        let found = Self::NAMES.iter().find(|(stage, _)| *stage as u8 == number);
        found.map_or("unknown", |(_, name)| name)
    }

    fn failure(self, errno: Errno) -> Failure {
        let step = Self::name(self as u8).to_owned();
        Failure::StartFailed {
            step,
            errno: errno.raw_os_error(),
        }
    }

    fn failed(self) -> impl FnOnce(Errno) -> Failure {
        move |errno| self.failure(errno)
    }
}

impl From<IdentityStep> for Stage {
    fn from(step: IdentityStep) -> Self {
        match step {
            IdentityStep::Groups => Self::Groups,
            IdentityStep::Gid => Self::Gid,
            IdentityStep::Uid => Self::Uid,
            IdentityStep::Irrevocable => Self::Irrevocable,
            IdentityStep::Capabilities => Self::Capabilities,
            IdentityStep::NoNewPrivs => Self::NoNewPrivs,
        }
    }
}

/// A pipe for one stream; only our end is non-blocking.
fn stream() -> Result<(OwnedFd, OwnedFd), Failure> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(Stage::Streams.failed())?;
    fcntl_setfl(&read, OFlags::NONBLOCK).map_err(Stage::Streams.failed())?;
    Ok((read, write))
}

fn limit() -> Result<(), Errno> {
    forbid_cores()?;
    let most = getrlimit(Resource::Nofile)
        .maximum
        .map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(most),
            maximum: Some(most),
        },
    )
}

fn report(verdict: &OwnedFd, stage: Stage, errno: Errno) {
    let mut bytes = vec![stage as u8];
    bytes.extend_from_slice(&errno.raw_os_error().to_be_bytes());
    // five bytes into an empty pipe; if nobody reads any more, nobody waits either
    let _sent = rustix::io::retry_on_intr(|| rustix::io::write(verdict, &bytes));
}

/// `None` when exec closed the pipe, else the stage and the kernel's answer.
fn read_verdict(verdict: &OwnedFd, pid: Pid) -> Result<Option<(u8, i32)>, Failure> {
    let mut fds = [PollFd::from_borrowed_fd(verdict.as_fd(), PollFlags::IN)];
    let timeout = Timespec::try_from(EXEC_WITHIN).ok();
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, timeout.as_ref()))
        .map_err(Stage::Exec.failed())?;
    if ready == 0 {
        kill_process(pid, Signal::KILL).map_err(Stage::Exec.failed())?;
        return Err(Stage::Exec.failure(Errno::TIMEDOUT));
    }
    let mut bytes = [0; 5];
    let length = rustix::io::retry_on_intr(|| rustix::io::read(verdict, &mut bytes))
        .map_err(Stage::Exec.failed())?;
    let [stage, errno @ ..] = bytes;
    Ok((length > 0).then(|| (stage, i32::from_be_bytes(errno))))
}

fn c_string(bytes: &[u8]) -> Result<CString, Failure> {
    CString::new(bytes).map_err(|_| Stage::Exec.failure(Errno::INVAL))
}

fn nix_errno(error: nix::Error) -> Errno {
    Errno::from_raw_os_error(error as i32)
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_name() {
        assert_eq!(Stage::name(Stage::Fork as u8), "fork");
        assert_eq!(Stage::Fork as usize, Stage::NAMES.len());
        for (index, (stage, _)) in Stage::NAMES.iter().enumerate() {
            assert_eq!(*stage as usize, index + 1);
        }
        assert_eq!(Stage::name(200), "unknown");
    }
}
