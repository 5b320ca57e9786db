//! A look at which child has ended, without taking its status.

use std::io;

use nix::libc;
use rustix::process::Pid;

/// The pid of some child that has ended and is not yet reaped, if there is one.
///
/// nix's waitid cannot name real-time signals and rustix's hides the pid, hence this one.
pub(crate) fn peek_ended_child() -> io::Result<Option<Pid>> {
    // SAFETY: siginfo_t is plain data for which all zeroes is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is valid for writing for the whole call.
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) } < 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ECHILD) => Ok(None),
            _ => Err(error),
        };
    }
    // SAFETY: after waitid the record is that of SIGCHLD, or still all zeroes; both have the pid field.
    Ok(Pid::from_raw(unsafe { info.si_pid() }))
}
