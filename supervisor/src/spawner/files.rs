//! Files as the plan wants them: secrets private from their first moment, others replaced in one step.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, Uid, fchmod, fchown, fsync, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::{LoadFile, Refusal, RefusalCode, directory};
use crate::plan::spec::FileSpec;

/// Nobody but its owner may read a secret, and nobody may write it.
const SECRET_MODE: u32 = 0o400;

/// Writes a secret to a place where nothing is yet. It is never readable by others, not even empty. The descriptor that comes back
/// is the means to overwrite it later, without the power to open what others own.
pub(super) fn store_secret(file: &LoadFile) -> Result<OwnedFd, Refusal> {
    let spec = &file.spec;
    if spec.mode != SECRET_MODE {
        return Err(Refusal::new(
            RefusalCode::CredentialsInvalid,
            format!(
                "{}: mode {:o} is not {SECRET_MODE:o}",
                spec.path.display(),
                spec.mode
            ),
        ));
    }
    let (folder, name) = directory::open_parent(&spec.path)?;
    create(&folder, Path::new(name), OFlags::RDWR, file).map_err(|refusal| match refusal.code {
        RefusalCode::StateUnwritable => {
            Refusal::new(RefusalCode::CredentialsInvalid, refusal.detail)
        }
        _ => refusal,
    })
}

/// Writes a file that is no secret: beside its place, synced, then moved there.
pub(super) fn store_plain(file: &LoadFile) -> Result<(), Refusal> {
    let spec = &file.spec;
    check_digest(file)?;
    let (folder, name) = directory::open_parent(&spec.path)?;
    let mut beside = name.to_owned();
    beside.push(".bakehouse-new");
    let beside = Path::new(&beside);
    match unlinkat(&folder, beside, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(directory::unwritable(&spec.path, errno)),
    }
    let written = create(&folder, beside, OFlags::WRONLY, file)?;
    fsync(&written)
        .and_then(|()| renameat(&folder, beside, &folder, name))
        .and_then(|()| fsync(&folder))
        .map_err(|errno| directory::unwritable(&spec.path, errno))
}

fn create(
    folder: &OwnedFd,
    name: &Path,
    access: OFlags,
    file: &LoadFile,
) -> Result<OwnedFd, Refusal> {
    let spec = &file.spec;
    let flags = access | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // no mode has more than this before the owner is right
    let first = Mode::from_raw_mode(SECRET_MODE);
    let fd = openat(folder, name, flags, first)
        .map_err(|errno| directory::unwritable(&spec.path, errno))?;
    let mut open = File::from(fd);
    open.write_all(&file.content).map_err(|error| {
        directory::unwritable(
            &spec.path,
            Errno::from_io_error(&error).unwrap_or(Errno::IO),
        )
    })?;
    let fd = OwnedFd::from(open);
    give(&fd, spec)?;
    Ok(fd)
}

fn give(fd: &OwnedFd, spec: &FileSpec) -> Result<(), Refusal> {
    fchown(
        fd,
        Some(Uid::from_raw(spec.uid)),
        Some(Gid::from_raw(spec.gid)),
    )
    .map_err(|errno| directory::ownership(&spec.path, errno))?;
    fchmod(fd, Mode::from_raw_mode(spec.mode))
        .map_err(|errno| directory::unwritable(&spec.path, errno))
}

fn check_digest(file: &LoadFile) -> Result<(), Refusal> {
    let Some(expected) = &file.spec.sha256 else {
        return Ok(());
    };
    if hex::encode(Sha256::digest(&*file.content)).eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let path = file.spec.path.display();
    Err(Refusal::request(format!(
        "{path}: the bytes are not those of the plan"
    )))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use zeroize::Zeroizing;

    use super::*;

    fn file(path: &Path, secret: bool, content: &[u8]) -> LoadFile {
        let own = std::fs::metadata("/proc/self").unwrap();
        LoadFile {
            spec: FileSpec {
                path: path.into(),
                uid: own.uid(),
                gid: own.gid(),
                mode: if secret { 0o400 } else { 0o640 },
                sha256: None,
                secret,
            },
            content: Zeroizing::new(content.to_vec()),
        }
    }

    fn mode_of(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn secrets_are_created_where_nothing_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        store_secret(&file(&path, true, b"s")).unwrap();
        assert_eq!(mode_of(&path), 0o400);
        let again = store_secret(&file(&path, true, b"s")).unwrap_err();
        assert_eq!(again.code, RefusalCode::CredentialsInvalid);
        let link = home.path().join("link");
        symlink(home.path().join("elsewhere"), &link).unwrap();
        assert!(store_secret(&file(&link, true, b"s")).is_err());
        assert!(!home.path().join("elsewhere").exists());
    }

    #[test]
    fn a_secret_that_others_could_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let mut loose = file(&home.path().join("key"), true, b"s");
        loose.spec.mode = 0o440;
        assert!(store_secret(&loose).is_err());
        assert!(!loose.spec.path.exists());
    }

    #[test]
    fn plain_files_are_replaced_whole_even_where_a_link_lies() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("wallet");
        let other = home.path().join("other");
        std::fs::write(&other, "other").unwrap();
        symlink(&other, &path).unwrap();
        // a leftover of a crash does not matter
        std::fs::write(home.path().join("wallet.bakehouse-new"), "old").unwrap();
        store_plain(&file(&path, false, b"new")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "other");
        assert_eq!(
            (
                mode_of(&path),
                std::fs::read_dir(home.path()).unwrap().count()
            ),
            (0o640, 2)
        );
        let own = std::fs::metadata("/proc/self").unwrap().uid();
        assert_eq!(std::fs::metadata(&path).unwrap().uid(), own);
    }

    #[test]
    fn bytes_that_are_not_those_of_the_plan_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let mut wrong = file(&home.path().join("wallet"), false, b"bytes");
        wrong.spec.sha256 = Some("00".repeat(32));
        assert_eq!(store_plain(&wrong).unwrap_err().code, RefusalCode::Request);
        wrong.spec.sha256 = Some(hex::encode(Sha256::digest(b"bytes")));
        store_plain(&wrong).unwrap();
    }
}
