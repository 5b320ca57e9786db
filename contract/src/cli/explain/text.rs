//! The explanation for people: one line for each thing, what it is about in front.

use std::fmt::{self, Display, Formatter};

use super::Explanation;
use super::asked::{Asked, Baker, Hsm, HsmKey, Node};
use super::certificates::Certificate;

/// Days under which a certificate is worth a word.
const SOON: i64 = 30;

// === impl Explanation ===

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(
            f,
            "contract",
            format_args!("{} (digest {})", self.file, self.digest),
        )?;
        match (self.signed, &self.signer) {
            (false, _) => line(
                f,
                "signature",
                "none: whoever can encrypt can make such a contract",
            )?,
            (true, Some(signer)) => {
                line(
                    f,
                    "signature",
                    format_args!("verified, by the key {signer}"),
                )?;
            }
            (true, None) => line(
                f,
                "signature",
                "there is one; it can't be verified without --key",
            )?,
        }
        if let Some(serial) = self.serial {
            line(f, "serial", serial)?;
        }
        if self.attestation_public_key {
            line(
                f,
                "attestation",
                "records are encrypted for the contract's key",
            )?;
        }
        for section in &self.encrypted {
            line(
                f,
                section,
                "is encrypted and was not looked into; give --key",
            )?;
        }
        if let Some(asks) = &self.asks {
            write!(f, "{asks}")?;
        }
        for other in &self.others {
            let value = other.value.as_deref().unwrap_or("(masked)");
            line(f, "other key", format_args!("{}: {value}", other.path))?;
        }
        for warning in &self.warnings {
            line(f, "warning", warning)?;
        }
        Ok(())
    }
}

// === impl Asked ===

impl Display for Asked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for power in &self.waived {
            let risk = match power.as_str() {
                "firewall" => "the guest may run without locking the network: somebody else must",
                "state" => "state need not be on a persistent volume: marks may be lost",
                _ => "the guest may run without it",
            };
            line(f, "WAIVED", format_args!("{power}: {risk}"))?;
        }
        line(
            f,
            "network",
            format_args!("{}, chain {}", self.network, self.chain_id),
        )?;
        write!(f, "{}{}", self.node, self.baker)?;
        let dal = match self.dal {
            "outbound" => "a DAL node runs and dials out only",
            _ => "no DAL node: the baker runs without",
        };
        line(f, "DAL", dal)?;
        let accuser = if self.accuser { "runs" } else { "does not run" };
        line(f, "accuser", accuser)?;
        if let Some(delegate) = &self.delegate {
            line(f, "delegate", delegate)?;
        }
        for key in &self.keys {
            write!(f, "{key}")?;
        }
        write!(f, "{}", self.hsm)?;
        let egress = &self.egress;
        for (name, addresses) in [
            ("DNS", &egress.dns),
            ("NTP", &egress.ntp),
            ("logs", &egress.logs),
        ] {
            line(f, "egress", format_args!("{name}: {}", list(addresses)))?;
        }
        let timing: Vec<String> = self
            .timing
            .iter()
            .map(|(name, seconds)| format!("{name} {seconds} s"))
            .collect();
        line(f, "timing", timing.join(", "))?;
        line(f, "state", &self.state)?;
        for (name, sha256) in &self.executables {
            line(f, "executable", format_args!("{name}: sha256 {sha256}"))?;
        }
        Ok(())
    }
}

// === impl Node ===

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(f, "node", format_args!("history {}", self.history_mode))?;
        line(f, "node", format_args!("peers: {}", list(&self.peers)))?;
        if !self.extra_args.is_empty() {
            line(
                f,
                "node",
                format_args!("also with {}", list(&self.extra_args)),
            )?;
        }
        match &self.snapshot {
            None => line(f, "snapshot", "none"),
            Some(it) => {
                let text = format_args!("{}, sha256 {}, ends in {}", it.url, it.sha256, it.block);
                line(f, "snapshot", text)
            }
        }
    }
}

// === impl Baker ===

impl Display for Baker {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let vote = self.liquidity_baking_toggle_vote;
        line(
            f,
            "baker",
            format_args!("liquidity baking toggle vote {vote}"),
        )?;
        if self.extra_args.is_empty() {
            return Ok(());
        }
        line(
            f,
            "baker",
            format_args!("also with {}", list(&self.extra_args)),
        )
    }
}

// === impl HsmKey ===

impl Display for HsmKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            role,
            public_key_hash,
            public_key,
            floor,
            ..
        } = self;
        line(
            f,
            "key",
            format_args!("{name} ({role}): {public_key_hash}, {public_key}"),
        )?;
        let operations = match self.operations.as_slice() {
            [] => "no operations but consensus".to_owned(),
            some => format!("consensus operations and {}", some.join(", ")),
        };
        line(
            f,
            "",
            format_args!("signs above level {floor}; {operations}"),
        )
    }
}

// === impl Hsm ===

impl Display for Hsm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for server in &self.endpoints {
            let pin = server.pin_sha256.as_ref();
            let pin = pin.map_or(String::new(), |pin| format!(", or sha256 {pin}"));
            let text = format_args!(
                "{}, certificate for {}{pin}",
                server.address, server.server_name
            );
            line(f, "HSM", text)?;
        }
        for (what, certificates) in [("authority", &self.ca), ("client", &self.certificate)] {
            for certificate in certificates {
                line(f, "credential", format_args!("{what}: {certificate}"))?;
            }
        }
        line(f, "credential", "client key: (masked)")
    }
}

// === impl Certificate ===

impl Display for Certificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(it) = &self.contents else {
            return write!(f, "can't be read as a certificate, sha256 {}", self.sha256);
        };
        write!(
            f,
            "{}, issued by {}, sha256 {}, ",
            it.subject, it.issuer, self.sha256
        )?;
        match it.days_left {
            ..0 => write!(f, "EXPIRED {} days ago", it.days_left.unsigned_abs()),
            0..SOON => write!(f, "EXPIRES in {} days", it.days_left),
            _ => write!(f, "{} days left", it.days_left),
        }
    }
}

fn line(f: &mut Formatter<'_>, about: &str, text: impl Display) -> fmt::Result {
    writeln!(f, "{about:<12} {text}")
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}
