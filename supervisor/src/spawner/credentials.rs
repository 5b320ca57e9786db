//! The private file system of the credentials, and its end.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::{CredentialsMount, LoadFile, Refusal, RefusalCode, Wiped, directory, files};

/// Accounts pass through to their own files but cannot list.
const TMPFS: &str = "mode=0711,size=16m,nr_inodes=1024,noswap";
const RAMFS: &str = "mode=0711";
const SOURCE: &str = "bakehouse-credentials";

/// A mounted file system with secrets in it. It is seen in the spawner's mount namespace only, and gone with it.
#[derive(Debug)]
pub(super) struct Vault {
    path: PathBuf,
    kind: CredentialsMount,
    files: Vec<(PathBuf, OwnedFd)>,
    mounted: bool,
}

// === impl Vault ===

impl Vault {
    /// Mounts it: tmpfs that is never swapped, else ramfs, else refused.
    pub(super) fn open(path: &Path) -> Result<Self, Refusal> {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let with = |kind, data| mount(Some(SOURCE), path, Some(kind), flags, Some(data));
        let kind = match with("tmpfs", TMPFS) {
            Ok(()) => CredentialsMount::Tmpfs,
            Err(first) => match with("ramfs", RAMFS) {
                Ok(()) => CredentialsMount::Ramfs,
                Err(second) => {
                    let detail = format!("tmpfs with noswap: {first}; ramfs: {second}");
                    return Err(Refusal::new(RefusalCode::PowerCredentials, detail));
                }
            },
        };
        Ok(Self {
            path: path.to_owned(),
            kind,
            files: Vec::new(),
            mounted: true,
        })
    }

    pub(super) fn kind(&self) -> CredentialsMount {
        self.kind
    }

    /// True when a path lies in it.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path != self.path && path.starts_with(&self.path)
    }

    /// Stores a secret.
    pub(super) fn store(&mut self, file: &LoadFile) -> Result<(), Refusal> {
        let fd = files::store_secret(file)?;
        self.files.push((file.spec.path.clone(), fd));
        Ok(())
    }

    /// Overwrites and removes all secrets and takes the file system away. All of it is tried; the first failure is told.
    pub(super) fn wipe(&mut self) -> Result<Wiped, Refusal> {
        let mut first_failure = None;
        let mut count = 0;
        for (path, fd) in self.files.drain(..) {
            match overwrite(fd).and_then(|()| remove(&path)) {
                Ok(()) => count += 1,
                Err(errno) => {
                    first_failure.get_or_insert(directory::unwritable(&path, errno));
                }
            }
        }
        if self.mounted {
            match umount2(&self.path, MntFlags::MNT_DETACH) {
                Ok(()) => self.mounted = false,
                Err(errno) => {
                    let errno = Errno::from_raw_os_error(errno as i32);
                    first_failure.get_or_insert(directory::unwritable(&self.path, errno));
                }
            }
        }
        first_failure.map_or(Ok(Wiped { files: count }), Err)
    }
}

fn overwrite(fd: OwnedFd) -> Result<(), Errno> {
    let io = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let mut file = File::from(fd);
    let mut left = file.metadata().map_err(io)?.len();
    std::io::Seek::rewind(&mut file).map_err(io)?;
    let zeroes = [0; 4096];
    while left > 0 {
        let chunk = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(zeroes.len());
        let part = zeroes.get(..chunk).unwrap_or(&zeroes);
        file.write_all(part).map_err(io)?;
        left -= part.len() as u64;
    }
    file.sync_all().map_err(io)
}

fn remove(path: &Path) -> Result<(), Errno> {
    let (folder, name) = directory::open_parent(path).map_err(|_| Errno::NOENT)?;
    unlinkat(&folder, name, AtFlags::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overwriting_leaves_zeroes_of_the_same_length() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        std::fs::write(&path, vec![7; 10_000]).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        overwrite(file.into()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), vec![0; 10_000]);
    }
}
