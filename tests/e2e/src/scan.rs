//! What the world can reach: every TCP port by SYN probes, IPv4 and IPv6, in seconds.
//!
//! A scan that sees nothing proves nothing. Each scan therefore includes a control port that is known to be open, probed at
//! the beginning and at the end, and a scan that misses it is an error.

mod syn;

use std::collections::BTreeSet;
use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::net::{CONTROL_V4, CONTROL_V6, GUEST_V4, GUEST_V6, Networks, OUTSIDE, Place};
use crate::process::Running;

/// The control port.
pub const CONTROL_PORT: u16 = 4444;

/// A scan under way, of both address families at once.
#[derive(Debug)]
pub struct Scan(Running);

/// What the scanner's process tells.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Findings {
    open: BTreeSet<u16>,
    controls_seen: usize,
    controls: usize,
}

// === impl Scan ===

impl Scan {
    /// Starts scanning the guest from outside.
    pub fn start(networks: &Networks, demo: &std::path::Path) -> Result<Self> {
        let mut command = networks.command(Place::Outside, demo);
        command.arg("scan");
        Ok(Self(Running::start("scanner", command)?))
    }

    /// Open TCP ports of the guest, over both families.
    pub fn finish(self) -> Result<BTreeSet<u16>> {
        let line = self.0.await_line("controls", Duration::from_mins(1))?;
        let findings: Findings = serde_json::from_str(&line).context(line)?;
        if findings.controls_seen != findings.controls {
            bail!("the scan missed a control port and cannot be trusted: {findings:?}");
        }
        Ok(findings.open)
    }
}

/// Scans from within the namespace outside and prints the findings; run by the demo's own binary.
pub fn scan_from_outside() -> Result<()> {
    let families = [
        (OUTSIDE[0], GUEST_V4, CONTROL_V4),
        (OUTSIDE[1], GUEST_V6, CONTROL_V6),
    ];
    let mut findings = Findings::default();
    std::thread::scope(|scope| -> Result<()> {
        let scans = families.map(|family| scope.spawn(move || scan_family(family)));
        for scan in scans {
            let found = scan.join().map_err(|_| anyhow!("the scanner panicked"))??;
            findings.open.extend(found.open);
            findings.controls += found.controls;
            findings.controls_seen += found.controls_seen;
        }
        Ok(())
    })?;
    println!("{}", serde_json::to_string(&findings)?);
    Ok(())
}

fn scan_family((sources, guest, control): ([&str; 2], &str, &str)) -> Result<Findings> {
    let [source, control_source] = sources;
    let (source, guest): (IpAddr, IpAddr) = (source.parse()?, guest.parse()?);
    let (control_source, control): (IpAddr, IpAddr) = (control_source.parse()?, control.parse()?);
    let control_seen = || -> Result<usize> {
        let seen = syn::scan(control_source, control, CONTROL_PORT..=CONTROL_PORT)?;
        Ok(usize::from(seen.contains(&CONTROL_PORT)))
    };
    let before = control_seen()?;
    let open = syn::scan(source, guest, 1..=u16::MAX)?;
    Ok(Findings {
        open,
        controls_seen: before + control_seen()?,
        controls: 2,
    })
}

/// Listens on the control port in the HSM's namespace for as long as the process lives; run by the demo's own binary.
pub fn hold_control_port() -> Result<()> {
    let v4 = TcpListener::bind((CONTROL_V4, CONTROL_PORT))?;
    let v6 = TcpListener::bind((CONTROL_V6, CONTROL_PORT))?;
    println!("control port {CONTROL_PORT} is open");
    let accept = |listener: TcpListener| listener.incoming().for_each(drop);
    std::thread::scope(|scope| {
        scope.spawn(|| accept(v4));
        accept(v6);
    });
    Ok(())
}
