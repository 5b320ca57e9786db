//! The baker's own high watermarks: written before the signer is asked, so that no round is ever asked for twice.
//!
//! `<chain>_highwatermarks` in the base directory, replaced in one step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::payload::Class;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Mark {
    level: i32,
    round: i32,
}

type Keys = BTreeMap<String, Mark>;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Marks {
    blocks: Keys,
    preattestations: Keys,
    attestations: Keys,
}

/// Why a message is not asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum MarkError {
    #[error("the baker's own high watermark is at level {0}")]
    Below(i32),
    #[error("the baker's high watermarks: {0}")]
    File(#[from] std::io::Error),
}

/// The marks of one chain.
#[derive(Debug)]
pub(super) struct HighWatermarks {
    path: PathBuf,
    marks: Mutex<Marks>,
}

// === impl HighWatermarks ===

impl HighWatermarks {
    /// Reads the marks of a chain; a file that cannot be read is an error, a missing one is empty.
    pub(super) fn open(base_dir: &Path, chain_id: &str) -> Result<Self, MarkError> {
        let path = base_dir.join(format!("{chain_id}_highwatermarks"));
        let marks = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(std::io::Error::from)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Marks::default(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            path,
            marks: Mutex::new(marks),
        })
    }

    /// Moves a mark up to this level, round 0, and stores it; refuses what is not above it.
    pub(super) fn admit(&self, class: Class, key: &str, level: i32) -> Result<(), MarkError> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = match class {
            Class::Block => &mut marks.blocks,
            Class::Preattestation => &mut marks.preattestations,
            Class::Attestation => &mut marks.attestations,
        };
        let new = Mark { level, round: 0 };
        match keys.get(key) {
            Some(mark) if new <= *mark => return Err(MarkError::Below(mark.level)),
            _ => {
                keys.insert(key.to_owned(), new);
            }
        }
        let text = serde_json::to_vec(&*marks).map_err(std::io::Error::from)?;
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, &self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_admitted_once_per_class_and_key_and_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let open = || HighWatermarks::open(dir.path(), "NetX").unwrap();
        let marks = open();
        marks.admit(Class::Block, "tz3a", 7).unwrap();
        marks.admit(Class::Attestation, "tz3a", 7).unwrap();
        marks.admit(Class::Block, "tz3b", 7).unwrap();
        assert!(matches!(
            marks.admit(Class::Block, "tz3a", 7),
            Err(MarkError::Below(7))
        ));
        let marks = open();
        assert!(matches!(
            marks.admit(Class::Block, "tz3a", 6),
            Err(MarkError::Below(7))
        ));
        marks.admit(Class::Block, "tz3a", 8).unwrap();
        marks.admit(Class::Preattestation, "tz3a", 7).unwrap();
    }
}
