//! Accidents: what is done to the guest in the middle of its work, and what must follow.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use serde::Serialize;

use super::{DrillReport, Outcome, UNTIL_EXPOSED, nobody_is_left, port_changes, unix_ms};
use crate::bench::{Bench, Guest};
use crate::journal::{self, BakerRequest};

/// What the prober cannot see finer than: its interval, and the time that a connect takes to be judged.
const PROBER_MS: f64 = 60.0;

/// An accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Drill {
    /// The signer is killed.
    KillSigner,
    /// The node is killed.
    KillNode,
    /// The supervisor is frozen for four seconds.
    FreezeSupervisor,
    /// The supervisor is killed; a fresh one follows.
    KillSupervisor,
    /// The HSM is gone for four seconds.
    HsmDown,
    /// The watermark is deleted and the guest restarted.
    WipeDisk,
    /// The contract was tampered with.
    BadContract,
}

// === impl Drill ===

impl fmt::Display for Drill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KillSigner => "kill-signer",
            Self::KillNode => "kill-node",
            Self::FreezeSupervisor => "freeze-supervisor",
            Self::KillSupervisor => "kill-supervisor",
            Self::HsmDown => "hsm-down",
            Self::WipeDisk => "wipe-disk",
            Self::BadContract => "bad-contract",
        })
    }
}

impl Drill {
    fn report(self, allowed: Duration) -> DrillReport {
        DrillReport {
            name: self,
            port_closed_after_ms: None,
            allowed_ms: allowed.as_secs_f64() * 1000.0 + PROBER_MS,
            baking_again: None,
            notes: Vec::new(),
            failures: Vec::new(),
        }
    }
}

/// The dead-man's interval of the demo's contract.
const DEAD_MAN: Duration = Duration::from_secs(2);

/// Does the accident and watches what follows.
pub(super) fn run(
    drill: Drill,
    bench: &mut Bench,
    guest: &mut Guest,
    contract: &Path,
) -> Result<DrillReport> {
    let mut report = drill.report(DEAD_MAN);
    let accident_ms = match drill {
        Drill::KillSigner => kill_unit("signer", guest)?,
        Drill::KillNode => kill_unit("node", guest)?,
        Drill::FreezeSupervisor => freeze(bench, guest)?,
        Drill::KillSupervisor => kill_supervisor(bench, guest, contract, &mut report)?,
        Drill::HsmDown => hsm_down(bench, guest)?,
        Drill::WipeDisk => wipe_disk(bench, guest, contract, &mut report)?,
        Drill::BadContract => bail!("bad-contract is no accident of a running guest"),
    };
    guest.run_for(Duration::from_secs(6));
    judge(bench, &mut report, accident_ms)?;
    Ok(report)
}

/// A contract that was changed after it was sealed: the guest must halt with the reason, and the port must never open.
pub(super) fn bad_contract(bench: &Bench, contract: &Path) -> Result<Outcome> {
    let mut report = Drill::BadContract.report(Duration::ZERO);
    let sealed = std::fs::read_to_string(contract)?;
    std::fs::write(contract, tamper(&sealed)?)?;
    let booted_ms = unix_ms();
    let mut guest = bench.boot(contract)?;
    guest.echo();
    guest.await_event("firewall.locked", UNTIL_EXPOSED)?;
    let locked_ms = unix_ms();
    let halted = guest.await_event("halted", UNTIL_EXPOSED)?;
    let code = guest.end(Duration::from_secs(20))?;
    let exposed = super::scan(bench)?.finish()?;
    report.notes.push(format!(
        "halted with {} and exit code {code}",
        halted["code"]
    ));
    if halted["code"] != "contract_decrypt" || code == 0 {
        report.failures.push(format!(
            "halted with {} and exit code {code}",
            halted["code"]
        ));
    }
    if port_changes(bench, booted_ms)?
        .iter()
        .any(|change| change.state == "open")
    {
        report.failures.push("the port was open".to_owned());
    }
    Ok(Outcome {
        exposed,
        locked_ms,
        booted_ms,
        drill: Some(report),
        phases: super::phases(&guest),
        waived: super::waived(&guest),
    })
}

/// Changes one letter in the middle of the first token's ciphertext.
fn tamper(sealed: &str) -> Result<String> {
    let start = sealed
        .find("hyper-protect-basic.")
        .or_else(|| sealed.find("contract-basic."))
        .context("no token")?;
    let at = start + 200;
    let old = sealed
        .as_bytes()
        .get(at)
        .copied()
        .context("a short token")?;
    let new = if old == b'A' { "B" } else { "A" };
    Ok(format!("{}{new}{}", &sealed[..at], &sealed[at + 1..]))
}

/// Kills a unit's main process, and not a helper of it, by the pid that its start announced.
fn kill_unit(unit: &str, guest: &mut Guest) -> Result<f64> {
    let starts = guest.events().iter().rev();
    let start = starts
        .filter(|event| event["event"] == "unit.starting" && event["step"] == "main")
        .find(|event| event["unit"] == unit)
        .context("the unit has not started")?;
    let pid = start["pid"]
        .as_i64()
        .and_then(|pid| i32::try_from(pid).ok());
    let pid = nix::unistd::Pid::from_raw(pid.context("a start without a pid")?);
    let now = unix_ms();
    kill(pid, Signal::SIGKILL)?;
    guest.await_event("port.closed", Duration::from_secs(5))?;
    guest.await_event("port.opened", UNTIL_EXPOSED)?;
    Ok(now)
}

fn freeze(bench: &Bench, guest: &mut Guest) -> Result<f64> {
    let now = unix_ms();
    guest.signal(Signal::SIGSTOP)?;
    // the accident itself takes four seconds; nothing can be awaited from a frozen supervisor
    std::thread::sleep(Duration::from_secs(4));
    guest.signal(Signal::SIGCONT)?;
    let deadline = Instant::now() + UNTIL_EXPOSED;
    while !opened_again(bench, now)? {
        if Instant::now() > deadline {
            bail!("the port did not open again after SIGCONT");
        }
        guest.run_for(Duration::from_millis(200));
    }
    Ok(now)
}

fn hsm_down(bench: &mut Bench, guest: &mut Guest) -> Result<f64> {
    let now = unix_ms();
    bench.kill_hsm();
    guest.await_event("port.closed", Duration::from_secs(5))?;
    guest.run_for(Duration::from_secs(4));
    bench.start_hsm()?;
    guest.await_event("port.opened", UNTIL_EXPOSED)?;
    Ok(now)
}

fn kill_supervisor(
    bench: &mut Bench,
    guest: &mut Guest,
    contract: &Path,
    report: &mut DrillReport,
) -> Result<f64> {
    let now = unix_ms();
    guest.signal(Signal::SIGKILL)?;
    guest.end(Duration::from_secs(5))?;
    nobody_is_left(bench).context("after SIGKILL of the supervisor")?;
    report.notes.push(format!(
        "all units were dead {:.0} ms after the supervisor",
        unix_ms() - now
    ));
    let left = bench.canaries()?.search(&[&bench.runtime(), bench.state()]);
    if !left.is_empty() {
        report
            .failures
            .push(format!("secrets left after SIGKILL: {left:?}"));
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while !closed_since(bench, now)? && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    boot_again(bench, guest, contract)?;
    Ok(now)
}

fn wipe_disk(
    bench: &mut Bench,
    guest: &mut Guest,
    contract: &Path,
    report: &mut DrillReport,
) -> Result<f64> {
    let now = unix_ms();
    let code = guest.drain()?;
    if code != 0 {
        report
            .failures
            .push(format!("the drain ended with exit code {code}"));
    }
    let before: Vec<BakerRequest> = journal::read(&bench.baker_journal())?;
    let old_head = before
        .iter()
        .filter(|r| r.outcome == "signed")
        .map(|r| r.level)
        .max()
        .context("nothing was signed")?;
    bench.wipe_watermark()?;
    boot_again(bench, guest, contract)?;
    guest.run_for(Duration::from_secs(4));
    let after: Vec<BakerRequest> = journal::read(&bench.baker_journal())?;
    let new = after.get(before.len()..).unwrap_or_default();
    let lowest = new
        .iter()
        .filter(|r| r.outcome == "signed")
        .map(|r| r.level)
        .min();
    report.notes.push(format!(
        "highest level signed before the wipe {old_head}, lowest after it {lowest:?}"
    ));
    if lowest.is_none_or(|lowest| lowest <= old_head) {
        report.failures.push(format!(
            "levels signed after the wipe begin at {lowest:?}, the old head is {old_head}"
        ));
    }
    Ok(now)
}

fn boot_again(bench: &Bench, guest: &mut Guest, contract: &Path) -> Result<()> {
    *guest = bench.boot(contract)?;
    guest.echo();
    guest.await_event("port.opened", UNTIL_EXPOSED)?;
    Ok(())
}

fn opened_again(bench: &Bench, since_ms: f64) -> Result<bool> {
    let changes = port_changes(bench, since_ms)?;
    let closed = changes.iter().position(|change| change.state == "closed");
    Ok(closed.is_some_and(|closed| {
        changes
            .iter()
            .skip(closed)
            .any(|change| change.state == "open")
    }))
}

fn closed_since(bench: &Bench, since_ms: f64) -> Result<bool> {
    Ok(port_changes(bench, since_ms)?
        .iter()
        .any(|change| change.state == "closed"))
}

fn judge(bench: &Bench, report: &mut DrillReport, accident_ms: f64) -> Result<()> {
    // A probe may have been stamped just before the accident and sent just after it.
    let changes = port_changes(bench, accident_ms - PROBER_MS)?;
    // the slower of the two address families counts
    let mut closed: std::collections::BTreeMap<&str, f64> = std::collections::BTreeMap::new();
    for change in changes.iter().filter(|change| change.state == "closed") {
        closed
            .entry(&change.target)
            .or_insert((change.ts_ms - accident_ms).max(0.0));
    }
    if closed.len() < 2 {
        report.failures.push(format!(
            "the port closed only for {:?}",
            closed.keys().collect::<Vec<_>>()
        ));
    }
    report.port_closed_after_ms = closed.values().copied().reduce(f64::max);
    match report.port_closed_after_ms {
        None => report.failures.push("the port never closed".to_owned()),
        Some(ms) if ms > report.allowed_ms => {
            report
                .failures
                .push(format!("the port closed only after {ms:.0} ms"));
        }
        Some(_) => {}
    }
    let baker: Vec<BakerRequest> = journal::read(&bench.baker_journal())?;
    let last_open = changes
        .iter()
        .filter(|change| change.state == "open")
        .map(|change| change.ts_ms)
        .reduce(f64::max);
    let again = last_open.is_some_and(|opened| {
        baker
            .iter()
            .any(|r| r.class == "block" && r.outcome == "signed" && r.ts_ms > opened)
    });
    report.baking_again = Some(again);
    if !again {
        report
            .failures
            .push("no block was baked after the accident".to_owned());
    }
    Ok(())
}
