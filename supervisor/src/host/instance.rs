//! One supervisor for one runtime folder.
//!
//! Two would take the firewall, the status socket and the signer's folder away from each other. The kernel releases the lock
//! with the process that holds it, however that ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::libc;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{Code, Halt};

const LOCK: &str = "lock";

/// Held while this process is the one supervisor of its runtime folder.
#[derive(Debug)]
pub struct Instance {
    /// Closing it gives the lock up.
    _lock: File,
}

// === impl Instance ===

impl Instance {
    /// Takes the lock, or is refused at once. Nothing else is changed.
    pub fn lock(runtime_dir: &Path) -> Result<Self, Halt> {
        let folder = runtime_dir.display();
        let lock = open(runtime_dir)
            .map_err(|error| Halt::new(Code::Internal, format!("no lock in {folder}: {error}")))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(Errno::WOULDBLOCK) => Err(Halt::new(
                Code::AlreadyRunning,
                format!("another bakehouse runs with {folder}"),
            )),
            Err(error) => Err(Halt::new(
                Code::Internal,
                format!("no lock in {folder}: {error}"),
            )),
        }
    }
}

fn open(runtime_dir: &Path) -> io::Result<File> {
    if !runtime_dir.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(runtime_dir)?;
        // Whatever the mask is: units pass through it to folders of their own.
        std::fs::set_permissions(runtime_dir, PermissionsExt::from_mode(0o755))?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(runtime_dir.join(LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_while_the_first_runs() {
        let folder = tempfile::tempdir().unwrap();
        let runtime_dir = folder.path().join("run");
        let first = Instance::lock(&runtime_dir).unwrap();
        let refused = Instance::lock(&runtime_dir).unwrap_err();
        assert_eq!(
            (refused.code, refused.exit() as u8),
            (Code::AlreadyRunning, 69)
        );
        drop(first);
        Instance::lock(&runtime_dir).unwrap();
    }

    #[test]
    fn the_lock_is_not_taken_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/null", folder.path().join(LOCK)).unwrap();
        let refused = Instance::lock(folder.path()).unwrap_err();
        assert_eq!(refused.code, Code::Internal);
    }
}
