//! A world in memory, in which a whole boot runs on tokio's paused clock and any effect can be made to fail.

mod contract;
mod effects;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use contract::{CANARY, settings};

use super::*;
use crate::error::Code;
use crate::spawner::CredentialsMount;

pub(crate) const DISK: &str = "\
22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
31 22 254:16 / /var/lib/bakehouse rw - ext4 /dev/vdb rw
";

/// The node's chain: one block per second, from this level on.
const FIRST_LEVEL: u64 = 1000;

#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    exits: Arc<(
        mpsc::UnboundedSender<Exit>,
        tokio::sync::Mutex<mpsc::UnboundedReceiver<Exit>>,
    )>,
    begun: Instant,
}

/// What the world is like, and what was done to it.
#[allow(clippy::struct_excessive_bools, reason = "a world has many switches")]
pub(crate) struct State {
    pub(crate) effects: Vec<&'static str>,
    /// From the effect with this number on, effects of its name fail.
    pub(crate) fail_at: Option<usize>,
    failing: Option<&'static str>,
    pub(crate) panics_at: Option<&'static str>,
    pub(crate) contract: Option<Contract>,
    pub(crate) bytes: Result<Vec<u8>, ReadError>,
    pub(crate) lock: Result<(), Halt>,
    pub(crate) load: Result<Loaded, Halt>,
    /// Somebody removed the firewall's table: everything passes.
    pub(crate) no_table: bool,
    pub(crate) marks: Vec<PathBuf>,
    pub(crate) removed: Vec<PathBuf>,
    /// Commands that run before a unit, with the codes that they exit with; others need not run.
    pub(crate) prepares: HashMap<usize, i32>,
    pub(crate) mounts: String,
    pub(crate) writable: bool,
    pub(crate) resolves: bool,
    pub(crate) hsm_up: bool,
    pub(crate) chain_id: String,
    pub(crate) node_hangs: bool,
    pub(crate) frozen_level: Option<u64>,
    pub(crate) ignores_term: bool,
    pub(crate) drift: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) running: HashMap<usize, Instant>,
    pub(crate) signals: Vec<(usize, bool, Instant)>,
    pub(crate) starts: Vec<usize>,
    pub(crate) armed: Option<u64>,
    pub(crate) arms: Vec<u64>,
    pub(crate) applied: Vec<FirewallSpec>,
    pub(crate) rearms: Vec<Instant>,
    pub(crate) closes: Vec<Instant>,
    pub(crate) open: bool,
    pub(crate) files: Vec<(PathBuf, bool)>,
    pub(crate) wiped: bool,
    pub(crate) quit: bool,
    pub(crate) lost: bool,
    pub(crate) off: Option<Instant>,
}

impl State {
    /// The kernel's answer where there is no table.
    fn has_table(&self) -> Result<(), Halt> {
        if self.no_table {
            return Err(Halt::new(Code::FirewallDrift, "the table is gone"));
        }
        Ok(())
    }
}

impl Fake {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let contract = Contract {
            settings: settings(),
            digest: "00".into(),
            pins: None,
            warnings: vec![],
        };
        let state = State {
            effects: vec![],
            fail_at: None,
            failing: None,
            panics_at: None,
            contract: Some(contract),
            bytes: Ok(vec![]),
            lock: Ok(()),
            load: Ok(Loaded {
                credentials: CredentialsMount::Tmpfs,
                fresh_proc: true,
            }),
            no_table: false,
            marks: vec![],
            removed: vec![],
            prepares: HashMap::new(),
            mounts: DISK.into(),
            writable: true,
            resolves: true,
            hsm_up: true,
            chain_id: "NetXsqzbfFenSTS".into(),
            node_hangs: false,
            frozen_level: None,
            ignores_term: false,
            drift: None,
            names: vec![],
            running: HashMap::new(),
            signals: vec![],
            starts: vec![],
            armed: None,
            arms: vec![],
            applied: vec![],
            rearms: vec![],
            closes: vec![],
            open: false,
            files: vec![],
            wiped: false,
            quit: false,
            lost: false,
            off: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            exits: Arc::new((sender, tokio::sync::Mutex::new(receiver))),
            begun: Instant::now(),
        }
    }

    pub(crate) fn host(&self) -> Host {
        let this = Arc::new(self.clone());
        let begun = self.begun;
        Host {
            fs: this.clone(),
            net: this.clone(),
            wall: this.clone(),
            units: this.clone(),
            opener: this.clone(),
            clock: Arc::new(move || base() + begun.elapsed()),
            power: this,
            seed: 7,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The index of a unit by name.
    pub(crate) fn unit(&self, name: &str) -> usize {
        self.state()
            .names
            .iter()
            .position(|other| other == name)
            .unwrap()
    }

    /// Somebody removes all tables.
    pub(crate) fn flush_ruleset(&self) {
        let mut state = self.state();
        (state.no_table, state.open) = (true, true);
    }

    /// Ends a unit as by a signal.
    pub(crate) fn kill(&self, name: &str) {
        let unit = self.unit(name);
        self.end(
            unit,
            ExitReason::Signaled {
                signal: 9,
                core: false,
            },
        );
    }

    /// The spawner dies.
    pub(crate) fn lose_spawner(&self) {
        self.state().lost = true;
        self.exits
            .0
            .send(Exit {
                unit: usize::MAX,
                reason: ExitReason::OomKilled,
            })
            .unwrap();
    }

    fn end(&self, unit: usize, reason: ExitReason) {
        if self.state().running.remove(&unit).is_some() {
            self.exits.0.send(Exit { unit, reason }).unwrap();
        }
    }

    fn effect(&self, name: &'static str) -> Result<(), Halt> {
        let mut state = self.state();
        if state.fail_at == Some(state.effects.len()) {
            state.failing = Some(name);
        }
        state.effects.push(name);
        let panics = state.panics_at == Some(name);
        if panics {
            drop(state);
            panic!("for the test");
        }
        match state.failing {
            Some(failing) if failing == name => Err(Halt::new(Code::Internal, "made to fail")),
            _ => Ok(()),
        }
    }

    fn level(&self) -> u64 {
        let frozen = self.state().frozen_level;
        frozen.unwrap_or(FIRST_LEVEL + self.begun.elapsed().as_secs())
    }

    fn runs(&self, name: &str) -> bool {
        let state = self.state();
        let index = state.names.iter().position(|other| other == name);
        index.is_some_and(|index| state.running.contains_key(&index))
    }

    fn signer(&self, path: &str, body: Option<&str>) -> (u16, Value) {
        let level = self.level();
        let mut state = self.state();
        match path {
            "/arm" => {
                let asked: Value = serde_json::from_str(body.unwrap()).unwrap();
                assert_eq!(
                    (&asked["head_level"], &asked["chain_id"]),
                    (&level.into(), &"NetXsqzbfFenSTS".into())
                );
                state.armed = Some(level + 2);
                state.arms.push(level + 2);
                (200, json!({ "armed": true, "floor": level + 2 }))
            }
            _ if !state.hsm_up => {
                let check = json!({ "name": "hsm", "ok": false, "reason": "connection refused" });
                (
                    503,
                    json!({ "ready": false, "armed": state.armed.is_some(), "checks": [check] }),
                )
            }
            _ => (
                200,
                json!({ "ready": true, "armed": state.armed.is_some(), "checks": [] }),
            ),
        }
    }

    fn node(&self, path: &str) -> Value {
        let level = self.level();
        match path {
            "/health/ready" => json!({ "ready": true }),
            "/chains/main/chain_id" => json!(self.state().chain_id),
            "/chains/main/is_bootstrapped" => {
                json!({ "bootstrapped": true, "sync_state": "synced" })
            }
            "/chains/main/blocks/head/context/constants" => json!({ "minimal_block_delay": "1" }),
            "/chains/main/blocks/head/header" => {
                let since = Duration::from_secs(level - FIRST_LEVEL);
                json!({ "level": level, "timestamp": utc::format(base() + since) })
            }
            other => panic!("the node was asked for {other}"),
        }
    }
}

/// Now, by the clock of the machine: certificates made for a test are valid then.
fn base() -> SystemTime {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // The same for a whole test, whatever the second it began in.
    UNIX_EPOCH + Duration::from_secs(now / 86_400 * 86_400 + 86_400)
}
