//! Folders as the plan wants them, reached without ever following a symbolic link.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{
    FileType, Gid, Mode, OFlags, ResolveFlags, Uid, fchmod, fchown, fstat, mkdirat, openat2,
};
use rustix::io::Errno;

use super::{Refusal, RefusalCode};
use crate::plan::spec::DirectorySpec;

/// Makes a folder, or corrects the owner and mode of the one that is there.
pub(super) fn make(spec: &DirectorySpec) -> Result<OwnedFd, Refusal> {
    let (parent, name) = open_parent(&spec.path)?;
    match mkdirat(&parent, name, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(unwritable(&spec.path, errno)),
    }
    let folder = open(&spec.path)?;
    let found = fstat(&folder).map_err(|errno| unwritable(&spec.path, errno))?;
    if (found.st_uid, found.st_gid) != (spec.uid, spec.gid) {
        fchown(
            &folder,
            Some(Uid::from_raw(spec.uid)),
            Some(Gid::from_raw(spec.gid)),
        )
        .map_err(|errno| ownership(&spec.path, errno))?;
    }
    if found.st_mode & 0o7777 != spec.mode {
        fchmod(&folder, Mode::from_raw_mode(spec.mode))
            .map_err(|errno| unwritable(&spec.path, errno))?;
    }
    Ok(folder)
}

/// Opens a folder by its absolute path; a symbolic link anywhere in it is refused.
pub(super) fn open(path: &Path) -> Result<OwnedFd, Refusal> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let plain = path.is_absolute()
        && path
            .components()
            .skip(1)
            .all(|part| matches!(part, Component::Normal(_)));
    if !plain {
        return Err(Refusal::request(format!(
            "{}: not a plain absolute path",
            path.display()
        )));
    }
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(rustix::fs::CWD, path, flags, Mode::empty(), resolve).map_err(|errno| match errno {
        Errno::LOOP | Errno::NOTDIR => {
            let detail = format!("{}: a symbolic link or no folder", path.display());
            Refusal::new(RefusalCode::StateUnwritable, detail)
        }
        other => unwritable(path, other),
    })
}

/// Opens the folder that a path lies in, and gives the path's last name.
pub(super) fn open_parent(path: &Path) -> Result<(OwnedFd, &OsStr), Refusal> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok((open(parent)?, name)),
        _ => Err(Refusal::request(format!(
            "{}: has no parent",
            path.display()
        ))),
    }
}

/// True when this is a regular file.
pub(super) fn is_regular(mode: u32) -> bool {
    FileType::from_raw_mode(mode) == FileType::RegularFile
}

pub(super) fn unwritable(path: &Path, errno: Errno) -> Refusal {
    Refusal::new(
        RefusalCode::StateUnwritable,
        format!("{}: {errno}", path.display()),
    )
}

/// An owner that cannot be given: an id without a mapping in this user namespace is a missing power.
pub(super) fn ownership(path: &Path, errno: Errno) -> Refusal {
    let code = match errno {
        Errno::INVAL | Errno::PERM => RefusalCode::PowerUids,
        _ => RefusalCode::StateUnwritable,
    };
    Refusal::new(code, format!("{}: {errno}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn spec(path: &Path, mode: u32) -> DirectorySpec {
        let own = std::fs::metadata("/proc/self").unwrap();
        DirectorySpec {
            path: path.into(),
            uid: own.uid(),
            gid: own.gid(),
            mode,
        }
    }

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn mode_of(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn folders_are_made_and_existing_ones_corrected() {
        let home = home();
        let path = home.path().join("state");
        make(&spec(&path, 0o2750)).unwrap();
        assert_eq!(mode_of(&path), 0o2750);
        make(&spec(&path, 0o700)).unwrap();
        assert_eq!(mode_of(&path), 0o700);
    }

    #[test]
    fn symbolic_links_are_refused_at_the_end_and_on_the_way() {
        let home = home();
        let target = home.path().join("target");
        std::fs::create_dir(&target).unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o755)).unwrap();
        let link = home.path().join("link");
        symlink(&target, &link).unwrap();
        for path in [link.clone(), link.join("below")] {
            let refusal = make(&spec(&path, 0o700)).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::StateUnwritable);
        }
        assert_eq!(mode_of(&target), 0o755);
        assert!(!target.join("below").exists());
    }

    #[test]
    fn relative_and_dotted_paths_are_refused() {
        for path in ["state", "/tmp/../etc", ""] {
            let refusal = make(&spec(Path::new(path), 0o700)).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::Request);
        }
    }

    #[test]
    fn a_file_in_the_way_is_refused() {
        let home = home();
        let path = home.path().join("file");
        std::fs::write(&path, "").unwrap();
        assert_eq!(
            make(&spec(&path, 0o700)).unwrap_err().code,
            RefusalCode::StateUnwritable
        );
    }
}
