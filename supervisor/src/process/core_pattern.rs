//! Whether cores would leave by a pipe or a socket, past every size limit.

use std::fs;

use super::ProcessError;

const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";

/// Refuses a kernel that hands cores to a program or a socket.
///
/// Units cannot dump a core either way: their limit of one byte is what the kernel itself uses to say "never" for pipes. This check is
/// for the guest whose host chose the pattern; the caller decides where it applies.
///
/// # Errors
/// [`ProcessError::CorePatternPiped`], or the pattern could not be read.
pub fn probe_core_pattern() -> Result<(), ProcessError> {
    let pattern = fs::read_to_string(CORE_PATTERN).map_err(ProcessError::system(CORE_PATTERN))?;
    judge(&pattern)
}

fn judge(pattern: &str) -> Result<(), ProcessError> {
    let pattern = pattern.trim();
    if pattern.starts_with(['|', '@']) {
        return Err(ProcessError::CorePatternPiped {
            pattern: pattern.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piped_and_socket_patterns_are_refused() {
        for pattern in [
            "|/usr/lib/systemd/systemd-coredump %P\n",
            "@/run/core.sock",
            "@@/run/core.sock",
        ] {
            let error = judge(pattern).unwrap_err();
            assert_eq!(error.code(), "core_pattern_piped");
        }
    }

    #[test]
    fn file_patterns_pass() {
        for pattern in ["core\n", "/tmp/core.%p", "", "core|x"] {
            judge(pattern).unwrap();
        }
    }
}
