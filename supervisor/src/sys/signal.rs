//! Signals as a new program expects them.

use nix::libc;
use nix::sys::signal::SigSet;

/// The kernel's `struct sigaction`, all zeroes: `SIG_DFL`, no flags, empty mask. No architecture's is larger than this.
const DEFAULT: [u64; 8] = [0; 8];
/// Bytes of the kernel's signal set.
const SET_SIZE: usize = 8;

/// Gives every signal its default disposition and unblocks all of them.
///
/// Rust ignores SIGPIPE, the spawner blocks SIGCHLD, and whoever started the supervisor may ignore any: all that would be inherited
/// across exec. libc refuses to touch the two signals that it uses itself, hence the bare system call.
pub(crate) fn reset_signals() -> nix::Result<()> {
    for signal in 1..=libc::SIGRTMAX() {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        // SAFETY: the kernel reads one struct sigaction, which is within DEFAULT, and writes nothing, for the old one is not asked
        // for. SIG_DFL installs no handler, so no code of ours can run in signal context.
        let result = unsafe {
            let old: *mut libc::c_void = std::ptr::null_mut();
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                DEFAULT.as_ptr(),
                old,
                SET_SIZE,
            )
        };
        nix::errno::Errno::result(result)?;
    }
    SigSet::empty().thread_set_mask()
}
