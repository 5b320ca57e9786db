//! Looks at the whole machine from outside.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::stage::read_lossy;

/// A process, held so that its number cannot become another's.
pub(crate) struct Held(OwnedFd);

// === impl Held ===

impl Held {
    pub(crate) fn of(pid: i32) -> Self {
        Self(pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap())
    }

    /// Waits until it is dead.
    pub(crate) fn dies(&self) {
        let timeout = Timespec::try_from(Duration::from_secs(20)).unwrap();
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&timeout))).unwrap();
        assert_eq!(ready, 1, "still alive");
    }

    pub(crate) fn is_dead(&self) -> bool {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut fds, Some(&now)).unwrap() == 1
    }
}

/// All processes whose argv holds this text.
pub(crate) fn processes_with(text: &str) -> Vec<i32> {
    processes_where(|line| line.contains(text))
}

fn processes_where(is_meant: impl Fn(&str) -> bool) -> Vec<i32> {
    let of = |pid: &i32| read_lossy(&PathBuf::from(format!("/proc/{pid}/cmdline")));
    pids()
        .into_iter()
        .filter(|pid| of(pid).is_some_and(|line| is_meant(&line)))
        .collect()
}

/// All processes whose argv is meant, as soon as there are this many: one that is just being executed has none for a moment.
pub(crate) fn crowd_where(count: usize, is_meant: impl Fn(&str) -> bool) -> Vec<i32> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = processes_where(&is_meant);
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "{} of {count}", found.len());
        std::thread::yield_now();
    }
}

/// Files named so of any process that hold this text.
pub(crate) fn proc_files_with(name: &str, text: &str) -> Vec<PathBuf> {
    let files = pids()
        .into_iter()
        .map(|pid| PathBuf::from(format!("/proc/{pid}/{name}")));
    files
        .filter(|path| read_lossy(path).is_some_and(|content| content.contains(text)))
        .collect()
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
