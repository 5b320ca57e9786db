//! Executables: opened once, known by their digest, executed from that descriptor.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::{Refusal, RefusalCode, directory};
use crate::plan::spec::ExecutableSpec;

const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Root, as this user namespace sees it.
const ROOT: u32 = 0;

/// The folder of the executables, with those that were asked for.
#[derive(Debug)]
pub(super) struct Executables {
    folder: OwnedFd,
    path: PathBuf,
    /// Whose the executables must be: the owner of a file can change it after it was checked.
    owner: u32,
    open: Vec<(ExecutableSpec, File)>,
}

// === impl Executables ===

impl Executables {
    /// Opens the folder.
    pub(super) fn of(path: &Path) -> Result<Self, Refusal> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| {
            let detail = format!("{}: {errno}", path.display());
            Refusal::new(RefusalCode::ExecutableMissing, detail)
        })?;
        Ok(Self {
            folder,
            path: path.to_owned(),
            owner: ROOT,
            open: Vec::new(),
        })
    }

    /// Opens and checks one, unless that was done before, and gives a descriptor of it.
    pub(super) fn get(&mut self, spec: &ExecutableSpec) -> Result<OwnedFd, Refusal> {
        if !self.open.iter().any(|(known, _)| known == spec) {
            let file = self.open_checked(spec)?;
            self.open.push((spec.clone(), file));
        }
        let found = self.open.iter().find(|(known, _)| known == spec);
        let again = found.map(|(_, file)| file.as_fd().try_clone_to_owned());
        again
            .and_then(Result::ok)
            .ok_or_else(|| self.refuse(RefusalCode::Internal, spec, "too many open files"))
    }

    fn open_checked(&self, spec: &ExecutableSpec) -> Result<File, Refusal> {
        if Path::new(&spec.name).file_name() != Some(spec.name.as_ref()) {
            return Err(self.refuse(RefusalCode::Request, spec, "not a file name"));
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = openat(&self.folder, &spec.name, flags, Mode::empty()).map_err(|errno| {
            let what = match errno {
                Errno::LOOP => "a symbolic link".to_owned(),
                other => other.to_string(),
            };
            self.refuse(RefusalCode::ExecutableMissing, spec, &what)
        })?;
        let about = fstat(&fd).map_err(|errno| {
            self.refuse(RefusalCode::ExecutableMissing, spec, &errno.to_string())
        })?;
        if !directory::is_regular(about.st_mode) {
            return Err(self.refuse(RefusalCode::ExecutableMissing, spec, "not a regular file"));
        }
        if about.st_mode & WRITABLE_BY_OTHERS != 0 {
            let what = "others than its owner may write it";
            return Err(self.refuse(RefusalCode::ExecutableMismatch, spec, what));
        }
        if about.st_uid != self.owner {
            let (found, owner) = (about.st_uid, self.owner);
            let what = format!(
                "its owner is uid {found}, who may change it at any time: give it to uid {owner} (chown {owner})"
            );
            return Err(self.refuse(RefusalCode::ExecutableMismatch, spec, &what));
        }
        let file = File::from(fd);
        let digest = digest_of(&file).map_err(|error| {
            self.refuse(RefusalCode::ExecutableMissing, spec, &error.to_string())
        })?;
        if !digest.eq_ignore_ascii_case(&spec.sha256) {
            let what = format!("its sha256 is {digest}, the plan names {}", spec.sha256);
            return Err(self.refuse(RefusalCode::ExecutableMismatch, spec, &what));
        }
        Ok(file)
    }

    fn refuse(&self, code: RefusalCode, spec: &ExecutableSpec, what: &str) -> Refusal {
        Refusal::new(
            code,
            format!("{}: {what}", self.path.join(&spec.name).display()),
        )
    }
}

fn digest_of(mut file: &File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            length => hasher.update(buffer.get(..length).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn spec(name: &str, content: &[u8]) -> ExecutableSpec {
        ExecutableSpec {
            name: name.into(),
            sha256: hex::encode(Sha256::digest(content)),
        }
    }

    fn place(home: &Path, name: &str, content: &[u8], mode: u32) {
        std::fs::write(home.join(name), content).unwrap();
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(home.join(name), permissions).unwrap();
    }

    /// The folder of a test that need not run as root.
    fn open(home: &Path) -> Executables {
        let mut executables = Executables::of(home).unwrap();
        executables.owner = std::fs::metadata("/proc/self").unwrap().uid();
        executables
    }

    #[test]
    fn only_the_file_with_the_digest_is_opened() {
        let home = tempfile::tempdir().unwrap();
        place(home.path(), "signer", b"one", 0o755);
        let mut executables = open(home.path());
        executables.get(&spec("signer", b"one")).unwrap();
        let refusal = executables.get(&spec("signer", b"two")).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::ExecutableMismatch);
        let refusal = executables.get(&spec("node", b"one")).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::ExecutableMissing);
    }

    #[test]
    fn what_others_may_write_is_refused() {
        let home = tempfile::tempdir().unwrap();
        for mode in [0o775, 0o757] {
            place(home.path(), "signer", b"one", mode);
            let refusal = open(home.path()).get(&spec("signer", b"one")).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::ExecutableMismatch);
        }
    }

    #[test]
    fn what_somebody_else_owns_is_refused() {
        let home = tempfile::tempdir().unwrap();
        place(home.path(), "signer", b"one", 0o755);
        let mut executables = open(home.path());
        executables.owner += 1;
        let refusal = executables.get(&spec("signer", b"one")).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::ExecutableMismatch);
        assert!(refusal.detail.contains("chown"), "{refusal}");
    }

    #[test]
    fn links_folders_and_paths_are_refused() {
        let home = tempfile::tempdir().unwrap();
        place(home.path(), "signer", b"one", 0o755);
        symlink(home.path().join("signer"), home.path().join("link")).unwrap();
        std::fs::create_dir(home.path().join("folder")).unwrap();
        let mut executables = open(home.path());
        for name in ["link", "folder"] {
            let refusal = executables.get(&spec(name, b"one")).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::ExecutableMissing);
        }
        for name in ["../signer", "folder/x", "..", ".", ""] {
            let refusal = executables.get(&spec(name, b"one")).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::Request, "{name}");
        }
    }

    #[test]
    fn a_missing_folder_is_refused() {
        let refusal = Executables::of(Path::new("/nonexistent/units")).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::ExecutableMissing);
    }
}
