//! The clean start of this process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::RawFd;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask,
};

use super::ProcessError;
use crate::sys;

/// Leaves nothing inherited but the descriptors in `keep`, lets no core be dumped and no file be made that others can read.
///
/// Standard input becomes `/dev/null` unless 0 is kept. Kept descriptors are closed on exec.
///
/// # Errors
/// The step that the kernel refused.
pub fn sanitise(keep: &[RawFd]) -> Result<(), ProcessError> {
    sys::close_all_except(keep).map_err(ProcessError::system("close_range"))?;
    sys::close_on_exec_from(3).map_err(ProcessError::system("close_range"))?;
    if !keep.contains(&0) {
        let null = null_device().map_err(ProcessError::system("/dev/null"))?;
        rustix::stdio::dup2_stdin(&null).map_err(ProcessError::errno("dup2"))?;
    }
    umask(Mode::from_raw_mode(0o077));
    forbid_cores().map_err(ProcessError::errno("setrlimit"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(ProcessError::errno("prctl"))?;
    // after the re-exec the kernel would call this process "exe"
    rustix::thread::set_name(c"bakehouse").map_err(ProcessError::errno("prctl"))
}

/// Opens `/dev/null` for reading and writing.
pub(crate) fn null_device() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null")
}

/// No core dumps, to files or pipes: a limit of exactly one byte is too small for any file, and the only one that the kernel
/// honours for a piped `core_pattern`.
pub(crate) fn forbid_cores() -> rustix::io::Result<()> {
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(1),
            maximum: Some(1),
        },
    )
}
