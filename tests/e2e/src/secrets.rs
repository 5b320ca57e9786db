//! Looks for secrets where none may be: in every file that the guest could have left behind.

use std::path::{Path, PathBuf};

/// Byte strings that must not be found.
#[derive(Debug, Default)]
pub struct Canaries(Vec<Vec<u8>>);

// === impl Canaries ===

impl Canaries {
    /// Adds a PEM text: each of its lines of base64 is a secret.
    pub fn add_pem(&mut self, pem: &str) {
        let lines = pem
            .lines()
            .filter(|line| line.len() >= 32 && !line.starts_with("-----"));
        self.0.extend(lines.map(|line| line.as_bytes().to_vec()));
    }

    /// Adds a key blob, in hex and as bytes.
    pub fn add_blob(&mut self, text: &str) {
        self.0.push(text.as_bytes().to_vec());
        if let Ok(bytes) = hex::decode(text.trim()) {
            self.0.push(bytes);
        }
    }

    /// Whether a text or file holds any of them.
    pub fn occur_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|secret| {
            !secret.is_empty()
                && bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_slice())
        })
    }

    /// All files below the folders that hold one.
    pub fn search(&self, folders: &[&Path]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut queue: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
        while let Some(folder) = queue.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                if kind.is_dir() {
                    queue.push(entry.path());
                } else if kind.is_file()
                    && std::fs::read(entry.path()).is_ok_and(|bytes| self.occur_in(&bytes))
                {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    /// Processes whose command line or environment holds one.
    pub fn search_processes(&self, pids: &[nix::unistd::Pid]) -> Vec<String> {
        let mut found = Vec::new();
        for pid in pids {
            for file in ["cmdline", "environ"] {
                let path = format!("/proc/{pid}/{file}");
                if std::fs::read(&path).is_ok_and(|bytes| self.occur_in(&bytes)) {
                    found.push(path);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_secret_is_found_in_either_form() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        let mut canaries = Canaries::default();
        canaries.add_blob("00112233445566778899aabbccddeeff");
        canaries
            .add_pem("-----BEGIN X-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH\n-----END X-----\n");
        assert!(canaries.search(&[folder.path()]).is_empty());
        let binary = hex::decode("ff00112233445566778899aabbccddeeff").unwrap();
        std::fs::write(folder.path().join("deep/binary"), binary).unwrap();
        std::fs::write(
            folder.path().join("text"),
            "key: MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH",
        )
        .unwrap();
        assert_eq!(canaries.search(&[folder.path()]).len(), 2);
    }
}
