//! Data volumes: what each is mounted as, and the passphrase of its encryption.
//!
//! A volume stands under the same name in both sections, and each section holds half of its secret: the passphrase is the
//! SHA-256 of the deployer's seed and the workload's seed, in lower case hexadecimal, as IBM's runtime derives it. A
//! deployer's half that a key service, the HSM or the Ultravisor keeps is not in the contract; such a volume says where it is.

use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use super::values;
use crate::error::{Code, ContractError, Warning};
use crate::node::Entry;
use crate::reader::View;
use crate::secret::Secret;

/// Where a volume is mounted that does not say.
const MOUNT: &str = "/mnt/data";
pub(super) const FILESYSTEMS: [(&str, Filesystem); 3] = [
    ("ext4", Filesystem::Ext4),
    ("xfs", Filesystem::Xfs),
    ("btrfs", Filesystem::Btrfs),
];

/// An encrypted data volume.
#[derive(Debug)]
pub struct Volume {
    /// Its name in both sections.
    pub name: String,
    /// Absolute path, `/mnt/data` by default.
    pub mount: String,
    /// What it is formatted with, ext4 by default.
    pub filesystem: Filesystem,
    /// What opens it.
    pub key: VolumeKey,
}

/// A file system that a volume can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    /// `ext4`
    Ext4,
    /// `xfs`
    Xfs,
    /// `btrfs`
    Btrfs,
}

/// What opens a volume.
#[derive(Debug)]
pub enum VolumeKey {
    /// Both seeds are in the contract.
    Passphrase {
        /// The LUKS passphrase: 64 lower case hexadecimal digits.
        current: Secret<String>,
        /// Those it may still have from before its seeds were changed, the likeliest first; at most three.
        previous: Vec<Secret<String>>,
    },
    /// A part of the secret is kept elsewhere, so that the passphrase can't be derived from the contract alone.
    Elsewhere(SeedKeeper),
}

/// Who keeps the part of a volume's secret that is not in the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedKeeper {
    /// A key management service (`kms`), beside both seeds.
    Kms,
    /// A grep11 server's AES key (`grep11`), beside both seeds.
    Grep11,
    /// A retrievable secret of the Ultravisor (`uv-secret-id`), instead of the deployer's seed.
    Ultravisor,
}

/// The seeds of one side.
struct Seeds<'a> {
    current: &'a str,
    previous: Option<&'a str>,
}

// === impl SeedKeeper ===

impl SeedKeeper {
    const KEYS: [(&'static str, Self); 3] = [
        ("uv-secret-id", Self::Ultravisor),
        ("kms", Self::Kms),
        ("grep11", Self::Grep11),
    ];

    fn of(env: &View<'_>) -> Option<Self> {
        Self::KEYS
            .iter()
            .find(|(key, _)| env.key_place(key).is_some())
            .map(|(_, keeper)| *keeper)
    }
}

/// Reads the volumes of both sections, in the order of `workload`.
pub(super) fn read(
    workload: &View<'_>,
    env: &View<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Volume>, ContractError> {
    let (workload, env) = (workload.optional("volumes"), env.optional("volumes"));
    matched(workload.as_ref(), env.as_ref(), "env")?;
    matched(env.as_ref(), workload.as_ref(), "workload")?;
    let (Some(workload), Some(env)) = (workload, env) else {
        return Ok(Vec::new());
    };
    let mut volumes: Vec<Volume> = Vec::new();
    let theirs = env.entries()?.iter().zip(env.children());
    let theirs: Vec<(&Entry, View<'_>)> = theirs.collect();
    for (entry, ours) in workload.entries()?.iter().zip(workload.children()) {
        let same = |other: &&(&Entry, View<'_>)| other.0.key.expose() == entry.key.expose();
        let Some((_, theirs)) = theirs.iter().find(same) else {
            continue;
        };
        let name = name(&workload, entry)?;
        let half = workload_half(&ours)?;
        if volumes.iter().any(|other| other.mount == half.mount) {
            warnings.push(ours.warning(
                "another volume is mounted at the same place: give each a `mount` of its own",
            ));
        }
        volumes.push(Volume {
            name,
            mount: half.mount,
            filesystem: half.filesystem,
            key: key(&half.seeds, theirs)?,
        });
    }
    Ok(volumes)
}

/// Looks at the volumes of one section, for want of the other.
pub(super) fn look(root: &View<'_>, env: bool) -> Result<(), ContractError> {
    let Some(volumes) = root.optional("volumes") else {
        return Ok(());
    };
    for (entry, volume) in volumes.entries()?.iter().zip(volumes.children()) {
        name(&volumes, entry)?;
        if env {
            env_half(&volume)?;
        } else {
            workload_half(&volume)?;
        }
    }
    Ok(())
}

/// Every volume here is there too: no runtime opens one whose other half is missing.
fn matched(
    here: Option<&View<'_>>,
    there: Option<&View<'_>>,
    home: &str,
) -> Result<(), ContractError> {
    let Some(here) = here else { return Ok(()) };
    for entry in here.entries()? {
        if there.is_none_or(|there| there.key_place(entry.key.expose()).is_none()) {
            return Err(ContractError::new(
                Code::VolumesUnmatched,
                here.entry_place(entry),
                format!("this volume must be in {home}.volumes too, by the same name"),
            ));
        }
    }
    Ok(())
}

fn name(view: &View<'_>, entry: &Entry) -> Result<String, ContractError> {
    let name = entry.key.expose();
    if values::volume_name(name) {
        return Ok(name.clone());
    }
    Err(ContractError::new(
        Code::ValueInvalid,
        view.entry_place(entry),
        "must be the name of a volume: lower case letters, digits, '_' and '-', a letter or '_' first",
    ))
}

/// What `workload` says of a volume.
struct Half<'a> {
    mount: String,
    filesystem: Filesystem,
    seeds: Seeds<'a>,
}

fn workload_half<'a>(view: &View<'a>) -> Result<Half<'a>, ContractError> {
    let mount = match view.optional("mount") {
        Some(mount) => mount.parse(
            "an absolute path without an empty part, '.' or '..'",
            values::mount,
        )?,
        None => MOUNT.to_owned(),
    };
    let filesystem = match view.optional("filesystem") {
        Some(filesystem) => filesystem.choice(&FILESYSTEMS)?,
        None => Filesystem::Ext4,
    };
    Ok(Half {
        mount,
        filesystem,
        seeds: seeds(view)?,
    })
}

/// What `env` says of a volume: its seeds, if they are here.
fn env_half<'a>(view: &View<'a>) -> Result<Option<Seeds<'a>>, ContractError> {
    view.entries()?;
    match (view.key_place("seed"), view.key_place("uv-secret-id")) {
        (Some(place), Some(_)) => Err(ContractError::new(
            Code::ValueInvalid,
            place,
            "only one of the keys seed or uv-secret-id may be here",
        )),
        (None, Some(_)) => Ok(None),
        (None, None) => Err(view.error(
            Code::KeyMissing,
            "one of the keys seed or uv-secret-id must be here",
        )),
        (Some(_), None) => Ok(Some(seeds(view)?)),
    }
}

fn seeds<'a>(view: &View<'a>) -> Result<Seeds<'a>, ContractError> {
    Ok(Seeds {
        current: seed(&view.required("seed")?)?,
        previous: view
            .optional("previousSeed")
            .map(|view| seed(&view))
            .transpose()?,
    })
}

fn seed<'a>(view: &View<'a>) -> Result<&'a str, ContractError> {
    let seed = view.string("a seed")?;
    if seed.is_empty() {
        return Err(view.must_be("a seed, and is empty"));
    }
    Ok(seed)
}

fn key(workload: &Seeds<'_>, env: &View<'_>) -> Result<VolumeKey, ContractError> {
    let seeds = env_half(env)?;
    let (None, Some(env)) = (SeedKeeper::of(env), seeds) else {
        // Without the deployer's seed there is always a keeper.
        let keeper = SeedKeeper::of(env).unwrap_or(SeedKeeper::Ultravisor);
        return Ok(VolumeKey::Elsewhere(keeper));
    };
    let older = [
        (env.previous, workload.previous),
        (env.previous, Some(workload.current)),
        (Some(env.current), workload.previous),
    ];
    Ok(VolumeKey::Passphrase {
        current: passphrase(env.current, workload.current),
        previous: older
            .into_iter()
            .filter_map(|(env, workload)| Some(passphrase(env?, workload?)))
            .collect(),
    })
}

/// SHA-256 of the deployer's seed and the workload's, in lower case hexadecimal.
fn passphrase(env: &str, workload: &str) -> Secret<String> {
    let mut hash = Sha256::new();
    hash.update(env);
    hash.update(workload);
    let mut digest = hash.finalize();
    // As long as it will ever be, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in &digest {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    digest.as_mut_slice().zeroize();
    Secret::new(std::mem::take(&mut *text))
}

#[cfg(test)]
mod tests;
