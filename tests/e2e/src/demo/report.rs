//! The report: figures from the journals of other processes, and whether they keep the promises.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Drill, Outcome, nobody_is_left, port_changes};
use crate::bench::{Bench, ContractFrom};
use crate::journal::{self, BakerRequest, HsmCall};
use crate::scan::Exposure;

/// The one port that may be open.
const OPEN: u16 = 9732;

/// Blocks that twenty seconds of a one-second chain must bring.
const BLOCKS: usize = 15;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whose tool made the contract.
    pub contract_from: ContractFrom,
    /// TCP ports that the world reached while the guest was exposed.
    pub exposed_ports: BTreeSet<u16>,
    /// The same, each family by itself.
    pub exposure: Exposure,
    /// Answers to UDP probes after the firewall was locked.
    pub udp_replies: usize,
    /// Answers to UDP probes before it: that there were some shows that the probes work.
    pub udp_replies_before: usize,
    /// Connections that the prober tried.
    pub probes: u64,
    /// Blocks that the baker had signed, verified and injected.
    pub blocks_baked: usize,
    /// Signatures that the baker accepted.
    pub signatures: usize,
    /// Slots that it missed.
    pub missed: usize,
    /// Calls that the HSM served.
    pub hsm_calls: usize,
    /// From the start of `bakehouse run` to the first connection that a prober outside made, in ms.
    pub time_to_exposed_ms: Option<f64>,
    /// When each phase was entered, in ms since the supervisor's start.
    pub phases: BTreeMap<String, u64>,
    /// Files that held a secret after the end.
    pub secrets_left: Vec<String>,
    /// Accepted signatures that do not match exactly one call of the HSM.
    pub unmatched: usize,
    /// Levels that were signed twice with different payloads.
    pub signed_twice: Vec<String>,
    /// Powers that the contract waived.
    pub waived: BTreeSet<String>,
    /// False where real Octez ran: it keeps no journal for us, so blocks and slots were not counted.
    pub counted: bool,
    /// What happened in the drill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillReport>,
    /// SHA-256 of the programs that ran.
    pub binaries: BTreeMap<String, String>,
}

/// What a drill brought.
#[derive(Debug, Serialize)]
pub struct DrillReport {
    /// Its name.
    pub name: Drill,
    /// From the accident to the first connection that failed, in ms, by the prober; absent where the port never was open.
    pub port_closed_after_ms: Option<f64>,
    /// The longest that was allowed.
    pub allowed_ms: f64,
    /// Whether the port opened again and blocks were baked after it.
    pub baking_again: Option<bool>,
    /// What was seen, in words.
    pub notes: Vec<String>,
    /// What went wrong, in words; empty when the drill passed.
    pub failures: Vec<String>,
}

// === impl Report ===

impl Report {
    pub(super) fn make(bench: &mut Bench, outcome: Outcome) -> Result<Self> {
        nobody_is_left(bench)?;
        let prober = bench.stop_prober()?;
        let before = prober
            .udp_reply_times
            .iter()
            .filter(|at| **at < outcome.locked_ms)
            .count();
        let baker: Vec<BakerRequest> = journal::read(&bench.baker_journal())?;
        let hsm: Vec<HsmCall> = journal::read(&bench.hsm_journal())?;
        let signed = |class: Option<&str>| {
            let accepted = baker.iter().filter(|request| request.outcome == "signed");
            accepted
                .filter(|request| class.is_none_or(|class| request.class == class))
                .count()
        };
        let first_open = port_changes(bench, outcome.booted_ms)?
            .into_iter()
            .find(|change| change.state == "open")
            .map(|change| (change.ts_ms - outcome.booted_ms).round());
        let places = [bench.runtime(), bench.state().to_owned(), "/dev/shm".into()];
        let left = bench
            .canaries()?
            .search(&places.each_ref().map(std::path::PathBuf::as_path));
        Ok(Self {
            contract_from: bench.contract_from(),
            exposed_ports: outcome
                .exposed
                .ipv4
                .union(&outcome.exposed.ipv6)
                .copied()
                .collect(),
            exposure: outcome.exposed,
            udp_replies: prober.udp_reply_times.len() - before,
            udp_replies_before: before,
            probes: prober
                .targets
                .values()
                .map(|target| target.attempts)
                .min()
                .unwrap_or(0),
            blocks_baked: signed(Some("block")),
            signatures: signed(None),
            missed: baker
                .iter()
                .filter(|request| request.outcome == "missed")
                .count(),
            hsm_calls: hsm.len(),
            time_to_exposed_ms: first_open,
            phases: outcome.phases,
            secrets_left: left.iter().map(|path| path.display().to_string()).collect(),
            unmatched: journal::unmatched(&baker, &hsm),
            signed_twice: journal::signed_twice(&baker),
            waived: outcome.waived,
            counted: bench.uses_stand_ins(),
            drill: outcome.drill,
            binaries: binaries(bench)?,
        })
    }

    /// Every promise that the figures break; empty when all are kept.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut demand = |kept: bool, broken: String| {
            if !kept {
                failures.push(broken);
            }
        };
        let bad_contract = self
            .drill
            .as_ref()
            .is_some_and(|drill| drill.name == Drill::BadContract);
        let expected = if bad_contract {
            BTreeSet::new()
        } else {
            BTreeSet::from([OPEN])
        };
        demand(
            self.exposure.ipv4 == expected && self.exposure.ipv6 == expected,
            format!("exposed ports {:?}", self.exposure),
        );
        demand(self.probes > 0, "the prober tried nothing".into());
        demand(
            self.udp_replies_before > 0,
            "the UDP probes are blind".into(),
        );
        demand(
            self.udp_replies == 0,
            format!("{} UDP probes were answered", self.udp_replies),
        );
        demand(
            self.unmatched == 0,
            format!("{} signatures match no single HSM call", self.unmatched),
        );
        demand(
            self.signed_twice.is_empty(),
            format!("signed twice: {:?}", self.signed_twice),
        );
        demand(
            self.secrets_left.is_empty(),
            format!("secrets left in {:?}", self.secrets_left),
        );
        if self.drill.is_none() {
            demand(self.missed == 0, format!("{} slots missed", self.missed));
        }
        if self.counted && !bad_contract {
            demand(
                self.blocks_baked >= BLOCKS,
                format!("only {} blocks baked", self.blocks_baked),
            );
        }
        let as_root = nix::unistd::geteuid().is_root();
        let forbidden = ["firewall", "uids", "credentials"]
            .iter()
            .find(|power| self.waived.contains(**power));
        demand(
            !as_root || forbidden.is_none(),
            format!("waived as root: {:?}", self.waived),
        );
        failures.extend(self.drill.iter().flat_map(|drill| drill.failures.clone()));
        failures
    }

    /// A short report for people.
    pub fn print(&self) {
        println!();
        println!("Seen from outside and from the journals of the HSM, the baker and the prober:");
        if self.contract_from == ContractFrom::Ibm {
            println!("  contract made by          IBM's contract-go, encrypted and signed");
        }
        println!(
            "  ports the world reached   {:?} (of 65,535 TCP ports, IPv4 and IPv6); UDP answers: {}",
            self.exposed_ports, self.udp_replies
        );
        println!("  blocks baked              {}", self.blocks_baked);
        println!(
            "  signatures accepted       {} (each matched to one HSM call: {})",
            self.signatures,
            self.unmatched == 0
        );
        println!("  slots missed              {}", self.missed);
        println!("  HSM calls                 {}", self.hsm_calls);
        if let Some(ms) = self.time_to_exposed_ms {
            println!("  time to exposed           {ms} ms");
        }
        println!("  secrets left behind       {:?}", self.secrets_left);
        println!("  powers waived             {:?}", self.waived);
        if let Some(drill) = &self.drill {
            println!("  drill {}", drill.name);
            if let Some(ms) = drill.port_closed_after_ms {
                println!(
                    "    port closed after       {ms:.0} ms (allowed: {:.0} ms)",
                    drill.allowed_ms
                );
            }
            if let Some(again) = drill.baking_again {
                println!("    baking again            {again}");
            }
            drill.notes.iter().for_each(|note| println!("    {note}"));
        }
    }
}

fn binaries(bench: &Bench) -> Result<BTreeMap<String, String>> {
    let names = [
        "bakehouse",
        "bakehouse-signer",
        "bakehouse-contract",
        "soft-grep11",
        "octez-stand-in",
        "bakehouse-prober",
    ];
    let digest = |name: &str| -> Result<_> {
        Ok((
            name.to_owned(),
            hex::encode(Sha256::digest(std::fs::read(bench.program(name))?)),
        ))
    };
    names.into_iter().map(digest).collect()
}
