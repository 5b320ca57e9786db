//! What can be done to the world in memory.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::error::Code;
use crate::http::Target;

impl Fs for Fake {
    fn read(&self, _: &Source, _: usize) -> Result<Bytes, ReadError> {
        self.effect("read").map_err(|_| ReadError::Unreadable)?;
        self.state().bytes.clone().map(Bytes::new)
    }

    fn mounts(&self) -> Result<String, ReadError> {
        self.effect("mounts").map_err(|_| ReadError::Unreadable)?;
        Ok(self.state().mounts.clone())
    }

    fn mount_id(&self, _: &Path) -> Option<u64> {
        None
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

    fn exists(&self, path: &Path) -> bool {
        self.state().marks.iter().any(|mark| mark == path)
    }

    fn mark(&self, path: &Path) -> Result<(), ReadError> {
        self.effect("mark").map_err(|_| ReadError::Unwritable)?;
        self.state().marks.push(path.to_owned());
        Ok(())
    }

    fn remove(&self, path: &Path) {
        self.state().removed.push(path.to_owned());
    }

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
            state.has_table()?;
            state.rearms.push(Instant::now());
            state.open = true;
            Ok(true)
        })
    }

    fn close(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async {
            let failed = self.effect("close");
            let mut state = self.state();
            state.has_table()?;
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
            let gone = std::mem::take(&mut state.no_table).then(|| "the table is gone".to_owned());
            let drift = gone.or(drift);
            state.open &= drift.is_none();
            Ok(drift)
        })
    }
}

impl Units for Fake {
    fn load(&self, spec: LoadSpec) -> Job<'_, Result<Loaded, Halt>> {
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
            let mut state = self.state();
            if let Step::Prepare(index) = step {
                let Some(code) = state.prepares.get(&index).copied() else {
                    return Ok(Start::Skipped);
                };
                drop(state);
                let reason = ExitReason::Exited { code };
                self.exits.0.send(Exit { unit, reason }).unwrap();
                return Ok(Start::Running {
                    pid: 99,
                    stdout: Box::new(tokio::io::empty()),
                    stderr: Box::new(tokio::io::empty()),
                });
            }
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
    fn open(&self, _: Input, _: Opening) -> Result<Contract, Halt> {
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
