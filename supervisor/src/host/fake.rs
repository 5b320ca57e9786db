//! A world in memory, in which a whole boot runs on tokio's paused clock and any effect can be made to fail.

mod contract;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use contract::{CANARY, settings};

use super::*;
use crate::error::Code;
use crate::http::Target;

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
pub(crate) struct State {
    pub(crate) effects: Vec<&'static str>,
    /// From the effect with this number on, effects of its name fail.
    pub(crate) fail_at: Option<usize>,
    failing: Option<&'static str>,
    pub(crate) contract: Option<Contract>,
    pub(crate) bytes: Result<Vec<u8>, ReadError>,
    pub(crate) lock: Result<(), Halt>,
    pub(crate) load: Result<(), Halt>,
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

impl Fake {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let contract = Contract {
            settings: settings(),
            digest: "00".into(),
            warnings: vec![],
        };
        let state = State {
            effects: vec![],
            fail_at: None,
            failing: None,
            contract: Some(contract),
            bytes: Ok(vec![]),
            lock: Ok(()),
            load: Ok(()),
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

impl Fs for Fake {
    fn read(&self, _: &Source, _: usize) -> Result<Bytes, ReadError> {
        self.effect("read").map_err(|_| ReadError::Unreadable)?;
        self.state().bytes.clone().map(Bytes::new)
    }

    fn mounts(&self) -> Result<String, ReadError> {
        self.effect("mounts").map_err(|_| ReadError::Unreadable)?;
        Ok(self.state().mounts.clone())
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn try_write(&self, _: &Path) -> Result<(), ReadError> {
        self.effect("try_write")
            .map_err(|_| ReadError::Unwritable)?;
        if self.state().writable {
            Ok(())
        } else {
            Err(ReadError::Unwritable)
        }
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }

    fn mark(&self, _: &Path) -> Result<(), ReadError> {
        Ok(())
    }

    fn remove(&self, _: &Path) {}

    fn core_pattern(&self) -> Result<(), Halt> {
        self.effect("core_pattern")
    }
}

impl Net for Fake {
    fn resolve(&self, _: Vec<IpAddr>, name: String) -> Job<'_, Result<Vec<IpAddr>, String>> {
        Box::pin(async move {
            self.effect("resolve")
                .map_err(|_| "made to fail".to_owned())?;
            match name.parse() {
                Ok(address) => Ok(vec![address]),
                Err(_) if self.state().resolves => Ok(vec!["192.0.2.9".parse().unwrap()]),
                Err(_) => Err("no such name".to_owned()),
            }
        })
    }

    fn ask(&self, ask: Ask, timeout: Duration) -> Job<'_, Result<Answer, HttpError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let (unit, effect) = match &ask.target {
                Target::Unix(_) => ("signer", "arm"),
                Target::Tcp(address) if address.port() == 6732 => ("signer", "readyz"),
                Target::Tcp(_) => ("node", "rpc"),
            };
            self.effect(effect).map_err(|_| HttpError::Unreachable)?;
            if !self.runs(unit) {
                return Err(HttpError::Unreachable);
            }
            if unit == "node" && self.state().node_hangs {
                tokio::time::sleep(timeout).await;
                return Err(HttpError::Late);
            }
            let (status, body) = match unit {
                "signer" => self.signer(&ask.path, ask.body.as_deref()),
                _ => (200, self.node(&ask.path)),
            };
            Ok(Answer {
                status,
                body: body.to_string().into_bytes(),
            })
        })
    }

    fn fetch(&self, _: SnapshotSpec, _: Vec<IpAddr>) -> Job<'_, Result<(), Halt>> {
        Box::pin(async { self.effect("fetch") })
    }
}

impl Wall for Fake {
    fn lock(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async {
            self.effect("lock")?;
            self.state().lock.clone()
        })
    }

    fn apply(&self, spec: FirewallSpec) -> Job<'_, Result<(), Halt>> {
        Box::pin(async {
            self.effect("apply")?;
            self.state().applied.push(spec);
            Ok(())
        })
    }

    fn rearm(&self, _proof: AllReady) -> Job<'_, Result<bool, Halt>> {
        Box::pin(async {
            self.effect("rearm")?;
            let mut state = self.state();
            state.rearms.push(Instant::now());
            state.open = true;
            Ok(true)
        })
    }

    fn close(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async {
            let failed = self.effect("close");
            let mut state = self.state();
            state.closes.push(Instant::now());
            state.open = false;
            failed
        })
    }

    fn check_drift(&self) -> Job<'_, Result<Option<String>, Halt>> {
        Box::pin(async {
            // As slow as the real one.
            tokio::time::sleep(Duration::from_millis(60)).await;
            self.effect("drift")?;
            let mut state = self.state();
            let drift = state.drift.take();
            state.open &= drift.is_none();
            Ok(drift)
        })
    }
}

impl Units for Fake {
    fn load(&self, spec: LoadSpec) -> Job<'_, Result<(), Halt>> {
        Box::pin(async move {
            self.effect("load")?;
            let mut state = self.state();
            state.names = spec.units.iter().map(|unit| unit.name.0.clone()).collect();
            state.files = spec
                .files
                .iter()
                .map(|file| (file.spec.path.clone(), file.spec.secret))
                .collect();
            state.load.clone()
        })
    }

    fn start(&self, unit: usize, step: Step) -> Job<'_, Result<Start, Halt>> {
        Box::pin(async move {
            self.effect("start")?;
            if step != Step::Main {
                return Ok(Start::Skipped);
            }
            let mut state = self.state();
            if state.names.get(unit).is_some_and(|name| name == "signer") {
                state.armed = None;
            }
            state.starts.push(unit);
            assert!(
                state.running.insert(unit, Instant::now()).is_none(),
                "runs already"
            );
            let line = format!("unit {unit} runs\n").into_bytes();
            let stdout: Pipe = Box::new(std::io::Cursor::new(line));
            Ok(Start::Running {
                pid: 100,
                stdout,
                stderr: Box::new(tokio::io::empty()),
            })
        })
    }

    fn signal(&self, unit: usize, kill: bool) -> Job<'_, Result<(), Halt>> {
        Box::pin(async move {
            self.effect("signal")?;
            self.state().signals.push((unit, kill, Instant::now()));
            let obeys = kill || !self.state().ignores_term;
            if obeys {
                let signal = ExitReason::Signaled {
                    signal: 9,
                    core: false,
                };
                self.end(
                    unit,
                    if kill {
                        signal
                    } else {
                        ExitReason::Exited { code: 127 }
                    },
                );
            }
            Ok(())
        })
    }

    fn next(&self) -> Job<'_, Option<Exit>> {
        Box::pin(async {
            let exit = self.exits.1.lock().await.recv().await;
            exit.filter(|_| !self.state().lost)
        })
    }

    fn wipe(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async {
            self.state().wiped = true;
            self.effect("wipe")
        })
    }

    fn quit(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async {
            self.state().quit = true;
            self.state().running.clear();
            self.effect("quit")
        })
    }
}

impl Opener for Fake {
    fn open(&self, _: Input, _: Option<Bytes>) -> Result<Contract, Halt> {
        self.effect("open")?;
        let contract = self.state().contract.take();
        contract.ok_or_else(|| Halt::new(Code::ContractNotYaml, "not YAML"))
    }
}

impl Power for Fake {
    fn off(&self) -> Result<(), Halt> {
        self.state().off = Some(Instant::now());
        Ok(())
    }
}
