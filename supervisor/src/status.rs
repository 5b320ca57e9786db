//! What a running guest says of itself: one JSON object per connection to a Unix socket that root alone may open.
//!
//! It is served from before anything can fail until the process ends, so that a boot that died can still be asked why.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

use crate::boot::Phase;
use crate::error::Halt;
use crate::unit::{ExitReason, UnitState};

const SOCKET: &str = "status.sock";
const PATIENCE: Duration = Duration::from_secs(1);

/// Everything that status shows.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The phase.
    pub phase: Phase,
    /// `open`, `shut` or `delegated`.
    pub port: &'static str,
    /// `bench`, `workload` or `sealed`.
    pub host: &'static str,
    /// Digest of the plan, once there is one.
    pub plan: Option<String>,
    /// Powers that the contract waives.
    pub waived: Vec<String>,
    /// What is weaker here than it should be: `proc`, `credentials`.
    pub reduced: Vec<&'static str>,
    /// Units in start order.
    pub units: Vec<UnitStatus>,
    /// Why it ended, once it has.
    pub halted: Option<HaltStatus>,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    #[serde(skip)]
    started: Instant,
}

/// A unit.
#[derive(Debug, Clone, Serialize)]
pub struct UnitStatus {
    /// Its name.
    pub name: String,
    /// How far it has come.
    pub state: UnitState,
    /// What its last probe found missing.
    pub reason: String,
    /// Deaths since the boot.
    pub deaths: u64,
    /// How its last run ended.
    pub last_exit: Option<ExitReason>,
}

/// The end.
#[derive(Debug, Clone, Serialize)]
pub struct HaltStatus {
    /// Stable code.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: &'static str,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// The status as it is now; cheap to clone.
#[derive(Debug, Clone)]
pub struct Board(Arc<Mutex<Status>>);

// === impl Board ===

impl Board {
    /// The status of a guest that has just begun.
    pub fn new(host: &'static str) -> Self {
        Self(Arc::new(Mutex::new(Status {
            phase: Phase::Sealed,
            port: "shut",
            host,
            plan: None,
            waived: Vec::new(),
            reduced: Vec::new(),
            units: Vec::new(),
            halted: None,
            uptime_ms: 0,
            started: Instant::now(),
        })))
    }

    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A copy of it.
    pub fn read(&self) -> Status {
        let mut status = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let uptime = status.started.elapsed().as_millis();
        status.uptime_ms = u64::try_from(uptime).unwrap_or(u64::MAX);
        status
    }

    /// The port's word.
    pub fn port(&self) -> &'static str {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).port
    }

    /// Notes the end.
    pub fn halt(&self, halt: &Halt) {
        self.update(|status| {
            status.phase = Phase::Halted;
            status.halted = Some(HaltStatus {
                code: halt.code.as_str(),
                message: halt.message.clone(),
                remedy: halt.code.remedy(),
                exit_code: halt.exit() as u8,
            });
        });
    }
}

/// Makes the runtime folder and the socket in it; for root alone from its first moment under that name.
pub fn bind(runtime_dir: &Path) -> io::Result<UnixListener> {
    std::fs::create_dir_all(runtime_dir)?;
    std::fs::set_permissions(runtime_dir, PermissionsExt::from_mode(0o755))?;
    let socket = socket(runtime_dir);
    let new = runtime_dir.join(".status.new");
    for old in [&new, &socket] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, PermissionsExt::from_mode(0o600))?;
    std::fs::rename(&new, &socket)?;
    Ok(listener)
}

/// Answers everybody who connects and runs under our own uid; never ends.
pub async fn serve(listener: UnixListener, board: Board) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::time::timeout(PATIENCE, answer(stream, &board)).await),
            // Out of descriptors: there is nobody to tell, and trying at once would only spin.
            Err(_) => tokio::time::sleep(PATIENCE).await,
        }
    }
}

async fn answer(mut stream: UnixStream, board: &Board) -> io::Result<()> {
    if stream.peer_cred()?.uid() != nix::unistd::geteuid().as_raw() {
        return Ok(());
    }
    let mut text = serde_json::to_vec(&board.read())?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    stream.shutdown().await
}

/// Asks a running guest. Blocks, for at most a few seconds.
pub fn ask(runtime_dir: &Path) -> io::Result<serde_json::Value> {
    let mut stream = BlockingStream::connect(socket(runtime_dir))?;
    stream.set_read_timeout(Some(PATIENCE * 5))?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}

fn socket(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join(SOCKET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[tokio::test]
    async fn error_text_with_quotes_gives_valid_status_json() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::new("bench");
        let listener = bind(folder.path()).unwrap();
        let text = "it said \"no\"\n\\ \u{1}\u{7f} \u{202e}";
        board.halt(&Halt::new(Code::Internal, text));
        let path = folder.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || ask(&path));
        let status = tokio::select! {
            () = serve(listener, board) => panic!("serves for ever"),
            status = asked => status.unwrap().unwrap(),
        };
        assert_eq!(status["halted"]["message"], text);
        assert_eq!(
            (&status["phase"], &status["halted"]["exit_code"]),
            (&"Halted".into(), &70.into())
        );
    }

    #[tokio::test]
    async fn the_socket_is_for_its_owner_alone_and_a_stale_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        drop(bind(folder.path()).unwrap());
        let _listener = bind(folder.path()).unwrap();
        let mode = std::fs::metadata(socket(folder.path()))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
