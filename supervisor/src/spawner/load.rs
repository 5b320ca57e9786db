//! The one large message: folders, files with their bytes, units.
//!
//! In a sealed file: the length of a JSON head as eight bytes, big-endian; the head; then the files' bytes, one after the other. The
//! head names sizes and owners only, so the serialiser never copies a secret.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{LoadFile, LoadSpec};
use crate::plan::spec::{DirectorySpec, FileSpec, UnitSpec};
use crate::process::sealed;

const LIMIT: u64 = 16 << 20;
const PREFIX: u64 = 8;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    credentials_path: PathBuf,
    directories: Vec<DirectorySpec>,
    files: Vec<(FileSpec, u64)>,
    units: Vec<UnitSpec>,
}

// === impl LoadSpec ===

impl LoadSpec {
    /// Packs everything into a sealed file.
    pub(super) fn pack(self) -> io::Result<OwnedFd> {
        let (specs, contents): (Vec<_>, Vec<_>) = self
            .files
            .into_iter()
            .map(|file| (file.spec, file.content))
            .unzip();
        let sizes = contents.iter().map(|content| content.len() as u64);
        let head = Head {
            credentials_path: self.credentials_path,
            directories: self.directories,
            files: specs.into_iter().zip(sizes).collect(),
            units: self.units,
        };
        let head = serde_json::to_vec(&head)?;
        let length = (head.len() as u64).to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![&length, &head];
        parts.extend(contents.iter().map(|content| content.as_slice()));
        if parts.iter().map(|part| part.len() as u64).sum::<u64>() > LIMIT {
            return Err(invalid("too large"));
        }
        sealed::seal("bakehouse-load", &parts)
    }

    /// Unpacks what [`pack`](Self::pack) made, to the last byte.
    pub(super) fn unpack(fd: OwnedFd) -> io::Result<Self> {
        let (file, size) = sealed::open_sealed(fd, LIMIT)?;
        let mut reader = Reader { file, at: 0, size };
        let prefix = reader.take(PREFIX)?;
        let prefix = prefix
            .first_chunk()
            .copied()
            .ok_or_else(|| invalid("truncated"))?;
        let head = reader.take(u64::from_be_bytes(prefix))?;
        let head: Head = serde_json::from_slice(&head)?;
        let mut files = Vec::with_capacity(head.files.len());
        for (spec, length) in head.files {
            files.push(LoadFile {
                spec,
                content: reader.take(length)?,
            });
        }
        if reader.at != size {
            return Err(invalid("bytes left over"));
        }
        Ok(Self {
            credentials_path: head.credentials_path,
            directories: head.directories,
            files,
            units: head.units,
        })
    }
}

struct Reader {
    file: File,
    at: u64,
    size: u64,
}

// === impl Reader ===

impl Reader {
    /// The next `length` bytes, in memory that is cleared when dropped and never grows.
    fn take(&mut self, length: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        if length > self.size - self.at {
            return Err(invalid("truncated"));
        }
        let capacity = usize::try_from(length).map_err(|_| invalid("too large"))?;
        let mut bytes = Zeroizing::new(vec![0; capacity]);
        self.file.read_exact_at(&mut bytes, self.at)?;
        self.at += length;
        Ok(bytes)
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(content: &[u8]) -> LoadFile {
        let spec = FileSpec {
            path: "/x".into(),
            uid: 1,
            gid: 2,
            mode: 0o400,
            sha256: None,
            secret: true,
        };
        LoadFile {
            spec,
            content: Zeroizing::new(content.to_vec()),
        }
    }

    proptest! {
        #[test]
        fn loads_survive_the_passage(contents in proptest::collection::vec(any::<Vec<u8>>(), 0..4)) {
            let spec = LoadSpec {
                credentials_path: "/run/x".into(),
                directories: Vec::new(),
                files: contents.iter().map(|content| file(content)).collect(),
                units: Vec::new(),
            };
            let back = LoadSpec::unpack(spec.pack().unwrap()).unwrap();
            let got: Vec<Vec<u8>> = back.files.iter().map(|file| file.content.to_vec()).collect();
            prop_assert_eq!(got, contents);
        }

        #[test]
        fn damaged_loads_are_errors(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let fd = sealed::seal("damaged", &[&bytes]).unwrap();
            prop_assert!(LoadSpec::unpack(fd).is_err());
        }

        #[test]
        fn wrong_lengths_are_errors(claimed in any::<u64>()) {
            let head = br#"{"credentials_path":"/x","directories":[],"files":[],"units":[]}"#;
            let fd = sealed::seal("lengths", &[&claimed.to_be_bytes(), head]).unwrap();
            prop_assert_eq!(LoadSpec::unpack(fd).is_ok(), claimed == head.len() as u64);
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let text = format!("{:?}", file(b"hunter2"));
        assert!(text.contains("redacted") && !text.contains("hunter2") && !text.contains("104"));
    }
}
