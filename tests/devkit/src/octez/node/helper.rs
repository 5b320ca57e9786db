//! The node's external validator: a process of its own, as in Octez.
//!
//! A supervisor must see grandchildren. This one lives as long as the pipe to the node and does nothing.

use std::io::Read as _;
use std::process::Stdio;

use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

use crate::octez::exit::{End, Failure};
use crate::octez::say;

/// `argv[0]` of the helper.
pub const NAME: &str = "octez-validator";

/// The helper: waits until the node closes the pipe, or is gone.
pub fn main() -> End {
    let mut sink = Vec::new();
    // Nothing is ever sent; both an end and an error mean that the node is gone.
    drop(std::io::stdin().lock().read_to_end(&mut sink));
    End::Done
}

/// The helper as the node sees it.
pub(super) struct Helper {
    child: Child,
    pipe: ChildStdin,
}

// === impl Helper ===

impl Helper {
    /// Starts the program itself by its open file: it may have no path that this process can reach.
    pub(super) fn start() -> Result<Self, Failure> {
        let failed =
            |reason: String| Failure::new(format!("cannot start the external validator: {reason}"));
        let mut child = Command::new("/proc/self/exe")
            .arg0(NAME)
            .env_clear()
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let pipe = child
            .stdin
            .take()
            .ok_or_else(|| failed("no pipe".to_owned()))?;
        say::line(&format!(
            "external validator: process {}",
            child.id().unwrap_or_default()
        ));
        Ok(Self { child, pipe })
    }

    /// Starts it again when it dies, until told to stop; then waits for its end.
    pub(super) async fn keep(self, stop: CancellationToken) -> Result<(), Failure> {
        let Self {
            mut child,
            mut pipe,
        } = self;
        loop {
            tokio::select! {
                ended = child.wait() => {
                    let ended =
                        ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                    say::line(&format!("external validator ended ({ended}), starting it again"));
                    Self { child, pipe } = Self::start()?;
                }
                () = stop.cancelled() => {
                    drop(pipe);
                    drop(child.wait().await);
                    return Ok(());
                }
            }
        }
    }
}
