//! Network namespaces: the guest, the HSM's network and the world outside.
//!
//! ```text
//!   outside 10.77.0.1, fd77::1 ───── 10.77.0.2, fd77::2 guest 10.78.0.1 ───── 10.78.0.2 hsm
//!      └─── 10.79.0.1, fd79::1 ──────────────────────────────── 10.79.0.2, fd79::2 ───┘   (control link of the scanner)
//! ```

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

/// Address of the guest as the world sees it, IPv4.
pub const GUEST_V4: &str = "10.77.0.2";
/// Address of the guest as the world sees it, IPv6.
pub const GUEST_V6: &str = "fd77::2";
/// Address of the HSM as the guest sees it.
pub const HSM: &str = "10.78.0.2";
/// Where the scanner's control port listens, IPv4.
pub const CONTROL_V4: &str = "10.79.0.2";
/// Where the scanner's control port listens, IPv6.
pub const CONTROL_V6: &str = "fd79::2";

/// Our own addresses outside, on the guest's link and on the control link, IPv4 and IPv6.
pub const OUTSIDE: [[&str; 2]; 2] = [["10.77.0.1", "10.79.0.1"], ["fd77::1", "fd79::1"]];

/// Three namespaces, deleted when dropped.
#[derive(Debug)]
pub struct Networks {
    prefix: String,
}

/// One of the three namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where `bakehouse run` runs.
    Guest,
    /// Where the HSM runs.
    Hsm,
    /// The world.
    Outside,
}

// === impl Place ===

impl Place {
    fn suffix(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Hsm => "hsm",
            Self::Outside => "out",
        }
    }
}

// === impl Networks ===

impl Networks {
    /// Makes the namespaces and the links between them.
    pub fn create() -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let networks = Self {
            prefix: format!("bh{}-{number}", std::process::id()),
        };
        for place in [Place::Guest, Place::Hsm, Place::Outside] {
            let name = networks.name(place);
            ip(&["netns", "add", &name])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
        }
        networks.link(Place::Outside, Place::Guest, ["10.77.0", "fd77"])?;
        networks.link(Place::Guest, Place::Hsm, ["10.78.0", "fd78"])?;
        networks.link(Place::Outside, Place::Hsm, ["10.79.0", "fd79"])?;
        Ok(networks)
    }

    /// Name of a namespace.
    pub fn name(&self, place: Place) -> String {
        format!("{}-{}", self.prefix, place.suffix())
    }

    /// What `/proc/PID/ns/net` points to for processes in a namespace.
    pub fn identity(&self, place: Place) -> Result<String> {
        let inode = std::fs::metadata(format!("/run/netns/{}", self.name(place)))?.ino();
        Ok(format!("net:[{inode}]"))
    }

    /// A command that runs in a namespace.
    pub fn command(&self, place: Place, program: &std::path::Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{}", self.name(place)))
            .arg("--")
            .arg(program);
        command
    }

    /// A link of two ends, `.1` and `.2`, with IPv6 addresses that are usable at once.
    fn link(&self, first: Place, second: Place, [v4, v6]: [&str; 2]) -> Result<()> {
        let end = |place: Place| format!("{}{}", v6, place.suffix());
        let (a, b) = (self.name(first), self.name(second));
        let (end_a, end_b) = (end(first), end(second));
        ip(&[
            "link", "add", &end_a, "netns", &a, "type", "veth", "peer", "name", &end_b, "netns", &b,
        ])?;
        for (namespace, end, host) in [(&a, &end_a, 1), (&b, &end_b, 2)] {
            ip(&[
                "-n",
                namespace,
                "addr",
                "add",
                &format!("{v4}.{host}/30"),
                "dev",
                end,
            ])?;
            ip(&[
                "-n",
                namespace,
                "addr",
                "add",
                &format!("{v6}::{host}/64"),
                "dev",
                end,
                "nodad",
            ])?;
            ip(&["-n", namespace, "link", "set", end, "up"])?;
        }
        Ok(())
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for place in [Place::Guest, Place::Hsm, Place::Outside] {
            if let Err(error) = ip(&["netns", "del", &self.name(place)]) {
                eprintln!("a namespace could not be removed: {error:#}");
            }
        }
    }
}

fn ip(args: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(args)
        .output()
        .context("the ip command (package iproute2)")?;
    if !output.status.success() {
        bail!(
            "ip {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
