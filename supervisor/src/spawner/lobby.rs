//! How the spawner comes into being: the fork, and what the child gives up before it serves.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, pidfd_open, set_dumpable_behavior,
    set_parent_process_death_signal, setsid, umask,
};
use rustix::thread::CapabilitySet;

use super::channel::Channel;
use super::server::Server;
use super::wire::Said;
use super::{Refusal, RefusalCode, SpawnerError, SpawnerPaths};
use crate::process::{forbid_cores, null_device};
use crate::sandbox::{confine_to, empty_bounding_set_but, held, lock_secure_bits};
use crate::sys::{self, Forked};

const HELLO_WITHIN: Duration = Duration::from_secs(10);
const PANICKED: i32 = 101;

/// What serving takes: other uids, their files, their signals, and the end of the credentials' mount.
pub(super) const SERVING: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::KILL);

/// What loading takes beside: folders of units on the state volume belong to units, and are entered and corrected before any unit runs.
const LOADING: CapabilitySet = SERVING
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER);

/// A spawner that waits for its plan. When this value goes, so does the spawner.
#[derive(Debug)]
pub struct Spawner {
    pub(super) channel: Channel,
    pub(super) pid: Pid,
    pub(super) pidfd: OwnedFd,
}

// === impl Spawner ===

impl Spawner {
    /// Forks it. Call this in the main thread, before there is any other, any secret and any runtime.
    ///
    /// The main thread must live as long as the process: its end is the spawner's end.
    ///
    /// # Errors
    /// There are other threads, or a power is missing.
    pub fn fork(paths: &SpawnerPaths) -> Result<Self, SpawnerError> {
        if !sys::is_single_threaded() {
            return Err(SpawnerError::Threaded);
        }
        check_powers()?;
        let (near, far) = Channel::pair().map_err(SpawnerError::system("socketpair"))?;
        match sys::fork_into_namespaces() {
            Ok(Forked::Child) => {
                drop(near);
                live(&far, paths)
            }
            Ok(Forked::Parent(pid)) => {
                drop(far);
                let pidfd = pidfd_open(pid, PidfdFlags::empty())
                    .map_err(|errno| SpawnerError::system("pidfd_open")(errno.into()))?;
                let spawner = Self {
                    channel: near,
                    pid,
                    pidfd,
                };
                spawner.expect_hello()?;
                Ok(spawner)
            }
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
                let detail = "a PID namespace and a mount namespace are not permitted";
                Err(Refusal::new(RefusalCode::PowerNamespaces, detail).into())
            }
            Err(error) => Err(SpawnerError::system("clone3")(error)),
        }
    }

    /// Its pid, as seen by the supervisor.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    fn expect_hello(&self) -> Result<(), SpawnerError> {
        let mut fds = [PollFd::new(&self.channel, PollFlags::IN)];
        let timeout = Timespec::try_from(HELLO_WITHIN).map_err(|_| SpawnerError::Protocol)?;
        rustix::io::retry_on_intr(|| poll(&mut fds, Some(&timeout)))
            .map_err(|errno| SpawnerError::system("poll")(errno.into()))?;
        if fds.iter().all(|fd| fd.revents().is_empty()) {
            return Err(SpawnerError::Lost);
        }
        let packet = self
            .channel
            .receive()
            .map_err(SpawnerError::system("recvmsg"))?;
        match packet.ok_or(SpawnerError::Lost)?.message() {
            Ok(Said::Hello(hello)) => Ok(hello?),
            _ => Err(SpawnerError::Protocol),
        }
    }
}

fn check_powers() -> Result<(), SpawnerError> {
    let held = held().map_err(|error| SpawnerError::system(error.step)(error.source))?;
    let missing = (LOADING | CapabilitySet::SETPCAP).difference(held);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter_names().map(|(name, _)| name).collect();
    Err(Refusal::new(RefusalCode::PowerCapabilities, names.join(", ")).into())
}

/// The whole life of the child.
fn live(channel: &Channel, paths: &SpawnerPaths) -> ! {
    let life = AssertUnwindSafe(|| match settle(channel) {
        Ok((signals, fresh_proc)) => {
            let hello = channel.send(&Said::Hello(Ok(())), &[], None);
            hello.map_or(1, |()| {
                Server::new(channel, signals, paths, fresh_proc).serve()
            })
        }
        Err(refusal) => {
            let told = channel.send(&Said::Hello(Err(refusal)), &[], None);
            told.map_or(2, |()| 1)
        }
    });
    // an unwinding child would go on as a second supervisor
    sys::exit_now(std::panic::catch_unwind(life).unwrap_or(PANICKED))
}

fn settle(channel: &Channel) -> Result<(SignalFd, bool), Refusal> {
    let step = Refusal::internal;
    let io = |step| {
        move |error: io::Error| Refusal::new(RefusalCode::Internal, format!("{step}: {error}"))
    };
    sys::close_all_except(&[channel.as_raw_fd()]).map_err(io("close_range"))?;
    let null = null_device().map_err(io("/dev/null"))?;
    rustix::stdio::dup2_stdin(&null).map_err(step("dup2"))?;
    rustix::stdio::dup2_stdout(&null).map_err(step("dup2"))?;
    rustix::stdio::dup2_stderr(&null).map_err(step("dup2"))?;
    drop(null);
    setsid().map_err(step("setsid"))?;
    umask(Mode::from_raw_mode(0o077));
    rustix::process::chdir("/").map_err(step("chdir"))?;
    forbid_cores().map_err(step("setrlimit"))?;
    rustix::thread::set_name(c"bakehouse-spawn").map_err(step("set_name"))?;
    let signals = only_child_signals()?;
    let fresh_proc = own_mounts()?;
    give_up_powers().map_err(|error| Refusal::new(RefusalCode::Internal, error.to_string()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(step("dumpable"))?;
    // last: changing ids or capabilities may clear it
    set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(step("death signal"))?;
    Ok((signals, fresh_proc))
}

fn only_child_signals() -> Result<SignalFd, Refusal> {
    let errno = |error: nix::Error| Errno::from_raw_os_error(error as i32);
    sys::reset_signals()
        .map_err(errno)
        .map_err(Refusal::internal("signals"))?;
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()
        .map_err(errno)
        .map_err(Refusal::internal("signals"))?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(errno)
        .map_err(Refusal::internal("signalfd"))
}

/// No mount of ours is seen outside, and units see the processes of their own uid only, if the kernel lets us mount a `/proc`.
fn own_mounts() -> Result<bool, Refusal> {
    const NOTHING: Option<&Path> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(NOTHING, "/", NOTHING, private, NOTHING).map_err(|errno| {
        Refusal::new(
            RefusalCode::PowerNamespaces,
            format!("private mounts: {errno}"),
        )
    })?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let proc = mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        flags,
        Some("hidepid=2"),
    );
    // a container's masked /proc forbids it in a user namespace; the caller is told
    Ok(proc.is_ok())
}

fn give_up_powers() -> Result<(), crate::sandbox::SandboxError> {
    empty_bounding_set_but(CapabilitySet::empty())?;
    lock_secure_bits()?;
    confine_to(LOADING, CapabilitySet::empty())?;
    rustix::thread::set_no_new_privs(true).map_err(crate::sandbox::SandboxError::at("no_new_privs"))
}

impl AsFd for Spawner {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
