//! The per-block vote that a baker must choose: by option, or by a file that is read again for each block.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::octez::exit::Failure;

/// Name of the vote file that is looked for when none is given.
const FILE: &str = "per_block_votes.json";

/// A vote on the liquidity baking toggle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Toggle {
    On,
    Off,
    Pass,
}

#[derive(Deserialize)]
struct VoteFile {
    liquidity_baking_toggle_vote: Toggle,
    adaptive_issuance_vote: Option<serde_json::Value>,
}

/// The vote and where it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Votes {
    file: Option<PathBuf>,
    last: Toggle,
}

// === impl Toggle ===

impl Toggle {
    /// The byte in the header.
    pub(super) fn byte(self) -> u8 {
        match self {
            Toggle::On => 0,
            Toggle::Off => 1,
            Toggle::Pass => 2,
        }
    }
}

impl FromStr for Toggle {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "on" => Ok(Toggle::On),
            "off" => Ok(Toggle::Off),
            "pass" => Ok(Toggle::Pass),
            _ => Err(()),
        }
    }
}

// === impl Votes ===

impl Votes {
    /// A file wins over the option; one of them must be there.
    pub(super) fn choose(
        option: Option<Toggle>,
        file: Option<PathBuf>,
        base_dir: &Path,
    ) -> Result<Self, Failure> {
        let file = file.or_else(|| {
            [PathBuf::from(FILE), base_dir.join(FILE)]
                .into_iter()
                .find(|path| path.exists())
        });
        match (&file, option) {
            (Some(path), _) => Ok(Self {
                last: read(path)?,
                file,
            }),
            (None, Some(toggle)) => Ok(Self {
                file: None,
                last: toggle,
            }),
            (None, None) => Err(Failure::new(
                "Missing liquidity baking toggle vote: use --liquidity-baking-toggle-vote on|off|pass, \
                 or a file per_block_votes.json",
            )),
        }
    }

    /// The vote for the next block; a file that became unreadable keeps its last vote.
    pub(super) fn current(&mut self) -> Toggle {
        if let Some(vote) = self.file.as_deref().and_then(|path| read(path).ok()) {
            self.last = vote;
        }
        self.last
    }
}

fn read(path: &Path) -> Result<Toggle, Failure> {
    let failed = |reason: String| Failure::new(format!("votes file {}: {reason}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let file: VoteFile =
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
    match file.adaptive_issuance_vote {
        None => Ok(file.liquidity_baking_toggle_vote),
        Some(_) => Err(failed(
            "adaptive_issuance_vote is no longer supported".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_wins_and_is_read_again_and_its_last_valid_vote_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write(r#"{"liquidity_baking_toggle_vote":"on"}"#);
        let mut votes = Votes::choose(Some(Toggle::Pass), None, dir.path()).unwrap();
        assert_eq!(votes.current(), Toggle::On);
        write(r#"{"liquidity_baking_toggle_vote":"off"}"#);
        assert_eq!(votes.current(), Toggle::Off);
        write("{");
        assert_eq!(votes.current(), Toggle::Off);
        write(r#"{"liquidity_baking_toggle_vote":"on","adaptive_issuance_vote":"on"}"#);
        assert!(Votes::choose(Some(Toggle::Pass), None, dir.path()).is_err());
    }

    #[test]
    fn one_of_the_two_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Votes::choose(None, None, dir.path()).is_err());
        assert_eq!(
            Votes::choose(Some(Toggle::Pass), None, dir.path())
                .unwrap()
                .current(),
            Toggle::Pass
        );
    }
}
