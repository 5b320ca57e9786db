//! Carrying out the load: everything that needs more power than serving does, once, before any unit runs.

use std::os::fd::OwnedFd;

use rustix::process::{WaitOptions, waitpid};
use rustix::thread::CapabilitySet;

use super::credentials::Vault;
use super::executable::Executables;
use super::lobby::SERVING;
use super::{LoadSpec, Loaded, Refusal, RefusalCode, SpawnerPaths, directory, files};
use crate::plan::spec::{Account, DirectorySpec, UnitSpec};
use crate::process::ExitReason;
use crate::sandbox::{assume, confine_to};
use crate::sys::{self, Forked};

/// What serving works with.
pub(super) struct House {
    pub(super) units: Vec<UnitSpec>,
    /// For each unit, its checked executable.
    pub(super) programs: Vec<OwnedFd>,
    pub(super) vault: Vault,
}

/// Carries out a load, then gives up the powers that only loading takes. A failure leaves no secret behind.
pub(super) fn furnish(
    spec: LoadSpec,
    paths: &SpawnerPaths,
    fresh_proc: bool,
) -> Result<(House, Loaded), Refusal> {
    check_accounts(&spec.units)?;
    let mut executables = Executables::of(&paths.units_dir)?;
    let programs: Result<Vec<_>, _> = spec
        .units
        .iter()
        .map(|unit| executables.get(&unit.executable))
        .collect();
    let programs = programs?;

    let beneath = |path: &std::path::Path| path.starts_with(&spec.credentials_path);
    let (inside, outside): (Vec<_>, Vec<_>) = spec
        .directories
        .iter()
        .partition(|directory| beneath(&directory.path));
    for directory in outside {
        directory::make(directory)?;
    }
    let mut vault = open_vault(&spec, paths)?;
    let stored = inside
        .into_iter()
        .try_for_each(make_inside)
        .and_then(|()| store_files(&spec, &mut vault))
        .and_then(|()| {
            confine_to(SERVING, CapabilitySet::empty())
                .map_err(|error| Refusal::new(RefusalCode::Internal, error.to_string()))
        });
    if let Err(refusal) = stored {
        // the first failure is the one to tell
        let _wiped = vault.wipe();
        return Err(refusal);
    }
    let loaded = Loaded {
        credentials: vault.kind(),
        fresh_proc,
    };
    Ok((
        House {
            units: spec.units,
            programs,
            vault,
        },
        loaded,
    ))
}

/// Folders among the credentials are root's, so that what is in them can be removed without more power.
fn make_inside(spec: &DirectorySpec) -> Result<(), Refusal> {
    if spec.uid != 0 {
        let detail = format!("{}: a folder of credentials is root's", spec.path.display());
        return Err(Refusal::request(detail));
    }
    directory::make(spec).map(drop)
}

fn open_vault(spec: &LoadSpec, paths: &SpawnerPaths) -> Result<Vault, Refusal> {
    let path = &spec.credentials_path;
    if *path == paths.runtime_dir || !path.starts_with(&paths.runtime_dir) {
        let detail = format!("{}: not beneath the runtime folder", path.display());
        return Err(Refusal::request(detail));
    }
    // the mount point; outside it stays what it is, an empty folder that only root may enter
    let point = DirectorySpec {
        path: path.clone(),
        uid: 0,
        gid: 0,
        mode: 0o700,
    };
    directory::make(&point)?;
    Vault::open(path)
}

fn store_files(spec: &LoadSpec, vault: &mut Vault) -> Result<(), Refusal> {
    for file in &spec.files {
        match (file.spec.secret, vault.holds(&file.spec.path)) {
            (true, true) => vault.store(file)?,
            (false, false) => files::store_plain(file)?,
            _ => {
                let path = file.spec.path.display();
                let detail = format!("{path}: secrets, and nothing else, lie with the credentials");
                return Err(Refusal::request(detail));
            }
        }
    }
    Ok(())
}

/// Every unit has an account that is not root's and that can be taken on here.
fn check_accounts(units: &[UnitSpec]) -> Result<(), Refusal> {
    for unit in units {
        let account = &unit.account;
        if account.uid == 0 || account.gid == 0 || account.groups.contains(&0) {
            let detail = format!("{} would run as root", unit.name.0);
            return Err(Refusal::request(detail));
        }
        if !can_assume(account).map_err(|error| {
            Refusal::new(RefusalCode::Internal, format!("trying accounts: {error}"))
        })? {
            let detail = format!("uid {} cannot be taken on", account.uid);
            return Err(Refusal::new(RefusalCode::PowerUids, detail));
        }
    }
    Ok(())
}

fn can_assume(account: &Account) -> std::io::Result<bool> {
    match sys::fork()? {
        Forked::Child => sys::exit_now(i32::from(assume(account).is_err())),
        Forked::Parent(pid) => {
            let ended = waitpid(Some(pid), WaitOptions::empty())?;
            let reason = ended.and_then(|(_, status)| ExitReason::from_wait(status));
            Ok(reason == Some(ExitReason::Exited(0)))
        }
    }
}
