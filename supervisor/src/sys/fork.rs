//! Fork, plain and into new namespaces, refused in a process with several threads.

use std::io;

use nix::libc;
use nix::sched::{CloneFlags, unshare};
use rustix::process::Pid;

/// Who returns from a fork.
#[derive(Debug)]
pub(crate) enum Forked {
    /// The caller, with its child's pid.
    Parent(Pid),
    /// The child.
    Child,
}

/// True when the calling process has one thread; the kernel's own test.
pub(crate) fn is_single_threaded() -> bool {
    unshare(CloneFlags::CLONE_THREAD).is_ok()
}

/// Forks.
///
/// # Errors
/// `EBUSY` when there are several threads: the child of such a fork may find any lock held for ever.
pub(crate) fn fork() -> io::Result<Forked> {
    if !is_single_threaded() {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: there is no other thread (just checked), so no lock is held by anybody else and the child may do whatever
    // the parent may, allocation included.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => parent_of(child.as_raw()),
        nix::unistd::ForkResult::Child => Ok(Forked::Child),
    }
}

/// Forks a child that is PID 1 of a new PID namespace, in a new mount namespace. The caller stays where it is.
///
/// # Errors
/// `EBUSY` when there are several threads, `EPERM` without `CAP_SYS_ADMIN`.
pub(crate) fn fork_into_namespaces() -> io::Result<Forked> {
    if !is_single_threaded() {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // struct clone_args, version 0: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls.
    let mut arguments = [0_u64; 8];
    arguments[0] = u64::from((libc::CLONE_NEWPID | libc::CLONE_NEWNS).cast_unsigned());
    arguments[4] = u64::from(libc::SIGCHLD.cast_unsigned());
    // SAFETY: without CLONE_VM and with no stack, clone3 is fork: the child gets a copy of the address space and goes on
    // after this call. `arguments` is 64 bytes, as the size says, and lives across the call. There is no other thread, so the
    // locks that libc's own fork would take are free; libc caches no pid.
    let result = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            arguments.as_mut_ptr(),
            size_of_val(&arguments),
        )
    };
    match result {
        0 => Ok(Forked::Child),
        pid if pid > 0 => parent_of(i32::try_from(pid).unwrap_or(i32::MAX)),
        _ => Err(io::Error::last_os_error()),
    }
}

fn parent_of(pid: i32) -> io::Result<Forked> {
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::from_raw_os_error(libc::ECHILD))?;
    Ok(Forked::Parent(pid))
}

/// Ends a forked child at once: no destructors, no exit handlers of the parent's making.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no preconditions and does not return.
    unsafe { libc::_exit(code) }
}
