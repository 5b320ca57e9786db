//! What the world can reach: every TCP port by SYN probes, IPv4 and IPv6, in seconds.
//!
//! A scan that sees nothing proves nothing. Each scan therefore includes a control port that is known to be open, probed at
//! the beginning and at the end, and a scan that misses it is an error. And the guest's namespace holds decoys: services that
//! a scan before the boot must see and every later one must not.

mod syn;

use std::collections::BTreeSet;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::net::{CONTROL_V4, CONTROL_V6, GUEST_V4, GUEST_V6, Networks, OUTSIDE, Place};
use crate::process::Running;

/// The control port.
pub const CONTROL_PORT: u16 = 4444;

/// Ports of the decoys in the guest.
pub const DECOY_PORTS: [u16; 3] = [22, 2375, 50_051];

/// Port of the decoy that answers datagrams.
const DECOY_UDP_PORT: u16 = 9732;

/// A scan under way, of both address families at once.
#[derive(Debug)]
pub struct Scan(Running);

/// Open TCP ports of the guest, each family by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Reached over IPv4.
    pub ipv4: BTreeSet<u16>,
    /// Reached over IPv6.
    pub ipv6: BTreeSet<u16>,
}

/// What the scanner's process tells.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Findings {
    exposure: Exposure,
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

    /// What the guest showed.
    pub fn finish(self) -> Result<Exposure> {
        let line = self.0.await_line("controls", Duration::from_mins(1))?;
        let findings: Findings = serde_json::from_str(&line).context(line)?;
        if findings.controls_seen != findings.controls {
            bail!("the scan missed a control port and cannot be trusted: {findings:?}");
        }
        Ok(findings.exposure)
    }
}

/// Scans from within the namespace outside and prints the findings; run by the demo's own binary.
pub fn scan_from_outside() -> Result<()> {
    let mut findings = Findings::default();
    std::thread::scope(|scope| -> Result<()> {
        let ipv4 = scope.spawn(|| scan_family(OUTSIDE[0], GUEST_V4, CONTROL_V4));
        let ipv6 = scope.spawn(|| scan_family(OUTSIDE[1], GUEST_V6, CONTROL_V6));
        for (scan, open) in [
            (ipv4, &mut findings.exposure.ipv4),
            (ipv6, &mut findings.exposure.ipv6),
        ] {
            let (found, seen) = scan.join().map_err(|_| anyhow!("the scanner panicked"))??;
            *open = found;
            findings.controls += 2;
            findings.controls_seen += seen;
        }
        Ok(())
    })?;
    println!("{}", serde_json::to_string(&findings)?);
    Ok(())
}

/// Open ports, and how often the control port was seen: once before, once after.
fn scan_family(sources: [&str; 2], guest: &str, control: &str) -> Result<(BTreeSet<u16>, usize)> {
    let [source, control_source] = sources;
    let (source, guest): (IpAddr, IpAddr) = (source.parse()?, guest.parse()?);
    let (control_source, control): (IpAddr, IpAddr) = (control_source.parse()?, control.parse()?);
    // A new link may take a second until it carries the first packet.
    let control_seen = || -> Result<usize> {
        for _ in 0..5 {
            let seen = syn::scan(control_source, control, CONTROL_PORT..=CONTROL_PORT)?;
            if seen.contains(&CONTROL_PORT) {
                return Ok(1);
            }
        }
        Ok(0)
    };
    let before = control_seen()?;
    let open = syn::scan(source, guest, 1..=u16::MAX)?;
    Ok((open, before + control_seen()?))
}

/// Services that a careless image might run: they answer in the guest's namespace until the firewall is locked, which shows
/// that it is the firewall that hides them.
pub fn hold_decoys() -> Result<()> {
    let listeners = DECOY_PORTS.map(|port| TcpListener::bind(("::", port)));
    let udp = UdpSocket::bind(("::", DECOY_UDP_PORT))?;
    println!("decoys listen");
    std::thread::scope(|scope| -> Result<()> {
        for listener in listeners {
            let listener = listener?;
            scope.spawn(move || listener.incoming().for_each(drop));
        }
        let mut datagram = [0; 2048];
        loop {
            let (length, from) = udp.recv_from(&mut datagram)?;
            // an answer that the firewall stops is the point of the exercise
            drop(udp.send_to(datagram.get(..length).unwrap_or_default(), from));
        }
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
