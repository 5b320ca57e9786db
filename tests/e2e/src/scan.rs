//! What the world can reach: every TCP port by SYN probes, IPv4 and IPv6, with nmap.
//!
//! A scan that sees nothing proves nothing. Each scan therefore includes a control port that is known to be open, and a scan
//! that misses it is an error.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::net::{CONTROL_V4, CONTROL_V6, GUEST_V4, GUEST_V6, Networks, Place};

/// The control port.
pub const CONTROL_PORT: u16 = 4444;

/// A scan under way, of both address families at once.
#[derive(Debug)]
pub struct Scan(Vec<Child>);

// === impl Scan ===

impl Scan {
    /// Starts scanning the guest from outside.
    pub fn start(networks: &Networks) -> Result<Self> {
        let scans = [("-4", GUEST_V4, CONTROL_V4), ("-6", GUEST_V6, CONTROL_V6)];
        let children = scans.into_iter().map(|(family, guest, control)| {
            let mut command = networks.command(Place::Outside, "nmap".as_ref());
            if family == "-6" {
                command.arg(family);
            }
            command.args([
                "-n",
                "-Pn",
                "-sS",
                "-p-",
                "--min-rate",
                "9000",
                "--max-retries",
                "1",
                "-T5",
                "--open",
                "-oG",
                "-",
            ]);
            command
                .args([guest, control])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null());
            command.spawn().context("the nmap command (package nmap)")
        });
        Ok(Self(children.collect::<Result<_>>()?))
    }

    /// Open TCP ports of the guest, over both families.
    pub fn finish(mut self) -> Result<BTreeSet<u16>> {
        let mut open = BTreeSet::new();
        let mut controls = 0;
        for child in &mut self.0 {
            let mut text = String::new();
            child
                .stdout
                .take()
                .context("nmap's output")?
                .read_to_string(&mut text)?;
            if !child.wait()?.success() {
                bail!("nmap failed: {text}");
            }
            for (host, ports) in parse(&text) {
                if host == CONTROL_V4 || host == CONTROL_V6 {
                    controls += usize::from(ports.contains(&CONTROL_PORT));
                } else {
                    open.extend(ports);
                }
            }
        }
        if controls != 2 {
            bail!("the scan missed its control port ({controls} of 2 seen): it cannot be trusted");
        }
        Ok(open)
    }
}

/// Hosts with their open ports, from nmap's greppable output.
fn parse(text: &str) -> Vec<(String, BTreeSet<u16>)> {
    let hosts = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("Host: ")?;
        let host = rest.split_whitespace().next()?.to_owned();
        let ports = rest.split_once("Ports: ")?.1;
        let ports = ports.split('\t').next()?.split(", ");
        let open = ports.filter_map(|port| {
            let mut fields = port.split('/');
            let number = fields.next()?.parse().ok()?;
            (fields.next()? == "open").then_some(number)
        });
        Some((host, open.collect()))
    });
    hosts.collect()
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

/// Whether nmap can be found.
pub fn available() -> bool {
    Command::new("nmap")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_ports_are_read_from_greppable_output() {
        let text = "# Nmap 7.93 scan\nHost: 10.77.0.2 ()\tStatus: Up\n\
            Host: 10.77.0.2 ()\tPorts: 22/filtered/tcp//ssh///, 9732/open/tcp/////\tIgnored State: filtered (65533)\n\
            Host: fd79::2 ()\tPorts: 4444/open/tcp//krb524///\n";
        let parsed = parse(text);
        assert_eq!(
            parsed,
            [
                ("10.77.0.2".to_owned(), BTreeSet::from([9732])),
                ("fd79::2".to_owned(), BTreeSet::from([4444])),
            ]
        );
    }
}
