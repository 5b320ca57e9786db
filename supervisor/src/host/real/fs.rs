//! Files.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::libc;
use zeroize::Zeroizing;

use crate::error::{Code, Halt};
use crate::host::{Fs, ReadError, Source};
use crate::{process, sys};

const MOUNTS: &str = "/proc/self/mountinfo";
const TRIAL: &str = ".bakehouse.trial";

/// This machine's files.
#[derive(Debug, Clone, Copy)]
pub struct RealFs;

// === impl RealFs ===

impl Fs for RealFs {
    fn read(&self, source: &Source, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        let file = match source {
            Source::File(path) => File::open(path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => ReadError::Missing,
                _ => ReadError::Unreadable,
            })?,
            // Adopted, so that it is closed when read.
            Source::Descriptor(fd) => File::from(sys::adopt(*fd).map_err(|_| ReadError::Missing)?),
        };
        // The whole room at once: a vector that grows leaves copies of the secret behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
        let mut bounded = file.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1));
        bounded
            .read_to_end(&mut bytes)
            .map_err(|_| ReadError::Unreadable)?;
        if bytes.len() > limit {
            return Err(ReadError::TooLarge);
        }
        Ok(bytes)
    }

    fn mounts(&self) -> Result<String, ReadError> {
        std::fs::read_to_string(MOUNTS).map_err(|_| ReadError::Unreadable)
    }

    fn mount_id(&self, path: &Path) -> Option<u64> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        let there = path.ancestors().find(|path| path.exists())?;
        let found = statx(CWD, there, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
        (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        for ancestor in path.ancestors() {
            if let Ok(real) = ancestor.canonicalize() {
                return match path.strip_prefix(ancestor) {
                    Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                    _ => real,
                };
            }
        }
        path.to_owned()
    }

    fn try_write(&self, folder: &Path) -> Result<(), ReadError> {
        if !folder.exists() {
            std::fs::create_dir_all(folder).map_err(|_| ReadError::Unwritable)?;
            // Units pass through it to folders of their own.
            let mode = PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(folder, mode).map_err(|_| ReadError::Unwritable)?;
        }
        let trial = folder.join(TRIAL);
        let written = std::fs::write(&trial, b"").map_err(|_| ReadError::Unwritable);
        self.remove(&trial);
        written
    }

    fn exists(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }

    fn mark(&self, path: &Path) -> Result<(), ReadError> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        // Through no link, and there before anybody relies on it, even after a loss of power.
        let marked = match options.custom_flags(libc::O_NOFOLLOW).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            file => file.and_then(|file| file.sync_all()),
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        marked
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|_| ReadError::Unwritable)
    }

    fn remove(&self, path: &Path) {
        // What is not there, or can't be removed, is left as it is: nothing depends on it.
        drop(std::fs::remove_file(path));
    }

    fn core_pattern(&self) -> Result<(), Halt> {
        process::probe_core_pattern()
            .map_err(|error| Halt::new(Code::of(error.code()), error.to_string()))
    }
}
