//! Becoming a unit's account, with no way back.

use rustix::io::Errno;
use rustix::process::{Gid, Uid, getgroups};
use rustix::thread::{
    CapabilitySet, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::{confine_to, powers_are_gone};
use crate::plan::spec::Account;

/// The step of [`assume`] that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdentityStep {
    /// Supplementary groups.
    Groups,
    /// Group id.
    Gid,
    /// User id.
    Uid,
    /// The ids could be taken back, or are not the ones asked for.
    Irrevocable,
    /// Capabilities are left.
    Capabilities,
    /// `no_new_privs`
    NoNewPrivs,
}

/// Takes on an account: groups, then gid, then uid; then checks that root cannot be had back and that no capability is left.
///
/// Groups go first, for afterwards there is no power to change them. The caller has one thread.
pub(crate) fn assume(account: &Account) -> Result<(), (IdentityStep, Errno)> {
    let at = |step| move |errno| (step, errno);
    let groups: Vec<Gid> = account
        .groups
        .iter()
        .map(|gid| Gid::from_raw(*gid))
        .collect();
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));

    set_thread_groups(&groups).map_err(at(IdentityStep::Groups))?;
    set_thread_res_gid(gid, gid, gid).map_err(at(IdentityStep::Gid))?;
    set_thread_res_uid(uid, uid, uid).map_err(at(IdentityStep::Uid))?;
    confine_to(CapabilitySet::empty(), CapabilitySet::empty())
        .map_err(|error| errno_of(&error.source))
        .map_err(at(IdentityStep::Capabilities))?;

    if !is_exactly(account).map_err(at(IdentityStep::Irrevocable))? || root_comes_back() {
        return Err((IdentityStep::Irrevocable, Errno::PERM));
    }
    if !powers_are_gone().map_err(at(IdentityStep::Capabilities))? {
        return Err((IdentityStep::Capabilities, Errno::PERM));
    }
    set_no_new_privs(true).map_err(at(IdentityStep::NoNewPrivs))
}

fn is_exactly(account: &Account) -> Result<bool, Errno> {
    let errno = |error: nix::Error| Errno::from_raw_os_error(error as i32);
    let uids = nix::unistd::getresuid().map_err(errno)?;
    let gids = nix::unistd::getresgid().map_err(errno)?;
    let mut groups: Vec<u32> = getgroups()?.into_iter().map(Gid::as_raw).collect();
    let mut wanted = account.groups.clone();
    groups.sort_unstable();
    groups.dedup();
    wanted.sort_unstable();
    wanted.dedup();
    Ok([uids.real, uids.effective, uids.saved]
        .iter()
        .all(|uid| uid.as_raw() == account.uid)
        && [gids.real, gids.effective, gids.saved]
            .iter()
            .all(|gid| gid.as_raw() == account.gid)
        && groups == wanted)
}

/// Tries to be root again; any success is a failure.
fn root_comes_back() -> bool {
    let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
    set_thread_res_uid(user, user, user).is_ok()
        || set_thread_groups(&[group]).is_ok()
        || set_thread_res_gid(group, group, group).is_ok()
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
