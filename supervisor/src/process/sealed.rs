//! Anonymous files that nobody can change any more: how bytes pass from one process to the next.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

/// Makes a sealed anonymous file of these parts, one after the other. It is closed on exec.
pub(crate) fn seal(name: &str, parts: &[&[u8]]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // kernels before 6.3 do not know the flag
        Err(Errno::INVAL) => memfd_create(name, flags)?,
        other => other?,
    };
    let mut file = File::from(fd);
    for part in parts {
        file.write_all(part)?;
    }
    fcntl_add_seals(&file, all_seals())?;
    Ok(file.into())
}

/// Opens a sealed file that came from another process: refused unless every seal is set and its size is within the limit.
pub(crate) fn open_sealed(fd: OwnedFd, limit: u64) -> io::Result<(File, u64)> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    let seals = fcntl_get_seals(&fd).map_err(|_| invalid("not a sealed file"))?;
    if !seals.contains(all_seals()) {
        return Err(invalid("not a sealed file"));
    }
    let file = File::from(fd);
    let size = file.metadata()?.len();
    if size > limit {
        return Err(invalid("too large"));
    }
    Ok((file, size))
}

fn all_seals() -> SealFlags {
    SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn sealed_bytes_arrive_and_cannot_be_changed() {
        let fd = seal("test", &[b"one", b"two"]).unwrap();
        let (file, size) = open_sealed(fd, 6).unwrap();
        let mut bytes = [0; 6];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!((&bytes, size), (b"onetwo", 6));
        assert!(file.write_all_at(b"x", 0).is_err());
        assert!(file.set_len(1).is_err());
    }

    #[test]
    fn unsealed_and_oversized_files_are_refused() {
        let plain = tempfile::tempfile().unwrap();
        assert!(open_sealed(plain.into(), 10).is_err());
        let open = memfd_create("open", MemfdFlags::ALLOW_SEALING).unwrap();
        assert!(open_sealed(open, 10).is_err());
        let large = seal("large", &[b"four"]).unwrap();
        assert!(open_sealed(large, 3).is_err());
    }
}
