//! The demo: one contract in, a supervised baker out, and what others saw of it.

mod drill;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::bench::{Bench, Guest, Options, UNIT_UIDS};
use crate::journal;
use crate::scan::{DECOY_PORTS, Exposure, Scan};

pub use drill::Drill;
pub use report::{DrillReport, Report};

/// How long a guest may take until its port is open.
const UNTIL_EXPOSED: Duration = Duration::from_secs(90);

/// How long the baker bakes before the guest is drained.
const BAKING: Duration = Duration::from_secs(20);

/// What the demo is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The bench.
    pub options: Options,
    /// An accident in the middle.
    pub drill: Option<Drill>,
    /// Where journals and the console are kept.
    pub keep: Option<PathBuf>,
    /// No readable lines, only the report.
    pub quiet: bool,
}

/// What a run of the guest left behind for the report.
#[derive(Debug)]
struct Outcome {
    exposed: Exposure,
    locked_ms: f64,
    booted_ms: f64,
    drill: Option<DrillReport>,
    phases: BTreeMap<String, u64>,
    waived: BTreeSet<String>,
}

/// Runs the demo. The report says what was seen; [`Report::failures`] says whether it is what was promised.
pub fn run(request: &Request) -> Result<Report> {
    let say = |text: &str| {
        if !request.quiet {
            println!("{text}");
        }
    };
    say(
        "Making namespaces, a volume, certificates, an HSM stand-in with a tz3 key, and a contract",
    );
    let mut bench = Bench::set_up(&request.options)?;
    let contract = bench.seal(&bench.recipe()?, "user-data")?;
    say(
        "Looking at the guest's network without a firewall: decoys must be seen, or later scans prove nothing",
    );
    bench.start_prober()?;
    decoys_are_seen(&bench)?;
    let outcome = match request.drill {
        Some(Drill::BadContract) => drill::bad_contract(&bench, &contract),
        _ => whole_run(&mut bench, &contract, request, &say),
    };
    let kept = request
        .keep
        .as_deref()
        .map(|folder| keep(&bench, folder))
        .transpose();
    let outcome = outcome?;
    kept?;
    Report::make(&mut bench, outcome)
}

fn whole_run(
    bench: &mut Bench,
    contract: &Path,
    request: &Request,
    say: &dyn Fn(&str),
) -> Result<Outcome> {
    say("Booting the guest; its console:");
    let booted_ms = unix_ms();
    let mut guest = bench.boot(contract)?;
    if !request.quiet {
        guest.echo();
    }
    guest.await_event("firewall.locked", UNTIL_EXPOSED)?;
    let locked_ms = unix_ms();
    guest.await_event("port.opened", UNTIL_EXPOSED)?;
    let opened = Instant::now();
    say("Scanning every TCP port of the guest from outside while it bakes");
    let scan = scan(bench)?;
    no_secret_in_processes(bench)?;
    guest.run_for((BAKING / 2).saturating_sub(opened.elapsed()));
    let exposed = scan.finish()?;
    let drill = match request.drill {
        Some(drill) => {
            say(&format!("Drill: {drill}"));
            Some(drill::run(drill, bench, &mut guest, contract)?)
        }
        None => None,
    };
    guest.run_for(BAKING.saturating_sub(opened.elapsed()).max(BAKING / 4));
    say("Draining");
    let outcome = Outcome {
        exposed,
        locked_ms,
        booted_ms,
        drill,
        phases: phases(&guest),
        waived: waived(&guest),
    };
    let code = guest.drain()?;
    if let Some(folder) = &request.keep {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("console.log"), guest.console().join("\n"))?;
    }
    ensure!(
        code == 0,
        "the guest drained with exit code {code}:\n{}",
        guest.console().join("\n")
    );
    let console = guest.console().join("\n");
    ensure!(
        !bench.canaries()?.occur_in(console.as_bytes()),
        "a secret is on the console"
    );
    nobody_is_left(bench)?;
    Ok(outcome)
}

fn scan(bench: &Bench) -> Result<Scan> {
    Scan::start(bench.networks(), &bench.program("bakehouse-demo"))
}

/// Before the boot nothing hides the guest's services: a scan that misses them is blind.
fn decoys_are_seen(bench: &Bench) -> Result<()> {
    let decoys = BTreeSet::from(DECOY_PORTS);
    let seen = scan(bench)?.finish()?;
    ensure!(
        seen.ipv4 == decoys && seen.ipv6 == decoys,
        "a scan before the boot saw {seen:?} instead of the decoys {decoys:?}"
    );
    Ok(())
}

/// All units run now. The search finds the credentials where they must be, and in no process's arguments or environment.
fn no_secret_in_processes(bench: &Bench) -> Result<()> {
    let canaries = bench.canaries()?;
    let signer = bench.pids(9101..=9101)?;
    let signer = signer
        .first()
        .context("the signer runs under no uid of its own")?;
    let inside = bench.runtime().join("credentials");
    let inside = Path::new("/proc")
        .join(signer.to_string())
        .join("root")
        .join(inside.strip_prefix("/")?);
    ensure!(
        !canaries.search(&[&inside]).is_empty(),
        "the search for secrets is blind: none in {}",
        inside.display()
    );
    ensure!(
        canaries.search(&[&bench.runtime()]).is_empty(),
        "credentials are visible outside of the units' mount namespace"
    );
    let found = canaries.search_processes(&bench.pids(0..=u32::MAX)?);
    ensure!(found.is_empty(), "a secret is visible in {found:?}");
    Ok(())
}

/// Waits until no process of the guest runs under a unit's uid.
fn nobody_is_left(bench: &Bench) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left = bench.pids(UNIT_UIDS)?;
        if left.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "units outlived the supervisor: {left:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn phases(guest: &Guest) -> BTreeMap<String, u64> {
    let entered = guest
        .events()
        .iter()
        .filter(|event| event["event"] == "phase.entered");
    let named = entered.filter_map(|event| {
        Some((
            event["phase"].as_str()?.to_owned(),
            event["uptime_ms"].as_u64()?,
        ))
    });
    // the first time counts: a port that closes and opens again does not move the boot
    named.fold(BTreeMap::new(), |mut phases, (phase, ms)| {
        phases.entry(phase).or_insert(ms);
        phases
    })
}

fn waived(guest: &Guest) -> BTreeSet<String> {
    let events = guest
        .events()
        .iter()
        .filter(|event| event["event"] == "power.waived");
    events
        .filter_map(|event| event["power"].as_str().map(str::to_owned))
        .collect()
}

fn keep(bench: &Bench, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (from, to) in [
        (bench.hsm_journal(), "hsm.jsonl"),
        (bench.baker_journal(), "baker.jsonl"),
        (bench.prober_journal(), "prober.jsonl"),
    ] {
        if from.exists() {
            std::fs::copy(&from, folder.join(to))?;
        }
    }
    Ok(())
}

fn unix_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}

/// Changes of the port since a moment.
fn port_changes(bench: &Bench, since_ms: f64) -> Result<Vec<journal::PortChange>> {
    let all: Vec<journal::PortChange> = journal::read(&bench.prober_journal())?;
    Ok(all
        .into_iter()
        .filter(|change| change.ts_ms >= since_ms)
        .collect())
}
