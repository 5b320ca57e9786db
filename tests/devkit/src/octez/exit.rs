//! Octez's exit codes and its way to stop.
//!
//! 0 success, 1–125 errors, 126 an uncaught exception, 127 a clean shutdown after SIGINT or SIGTERM, 255 a second signal
//! after the grace of one second (earlier ones are not listened to).

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::say;

/// How long the first signal is left alone before a second one counts.
const GRACE: Duration = Duration::from_secs(1);

/// A good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The command is done.
    Done,
    /// Stopped by a signal, cleanly.
    Stopped,
}

/// A bad end: what is printed, and the exit code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct Failure {
    code: u8,
    message: String,
}

// === impl Failure ===

impl Failure {
    /// An error while working: exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
        }
    }

    /// A command line that is not understood; cmdliner's programs use 124, clic's use 1.
    pub fn usage(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }
}

/// Runs a program and turns its end into an exit code.
pub fn guard(program: impl FnOnce() -> Result<End, Failure>) -> u8 {
    match catch_unwind(AssertUnwindSafe(program)) {
        Ok(Ok(End::Done)) => 0,
        Ok(Ok(End::Stopped)) => 127,
        Ok(Err(failure)) => {
            say::error(&format!("Error:\n  {failure}"));
            failure.code
        }
        Err(_) => 126,
    }
}

/// Runs a daemon until it ends by itself or a signal cancels its token; a daemon that was cancelled ends well.
pub fn daemon<F, Fut>(run: F) -> Result<End, Failure>
where
    F: FnOnce(CancellationToken) -> Fut,
    Fut: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no event loop: {error}")))?;
    let end = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let stop = CancellationToken::new();
        let mut work = std::pin::pin!(run(stop.clone()));
        tokio::select! {
            result = &mut work => return result.map(|()| End::Done),
            () = signals.recv() => {}
        }
        stop.cancel();
        let mut forced = std::pin::pin!(async {
            let begun = tokio::time::Instant::now();
            loop {
                signals.recv().await;
                if begun.elapsed() >= GRACE {
                    return;
                }
            }
        });
        tokio::select! {
            result = &mut work => result.map(|()| End::Stopped),
            () = &mut forced => Err(Failure::usage(255, "stopped by a second signal")),
        }
    });
    runtime.shutdown_background();
    end
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

// === impl Signals ===

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let open =
            |kind| signal(kind).map_err(|error| Failure::new(format!("no signals: {error}")));
        Ok(Self {
            interrupt: open(SignalKind::interrupt())?,
            terminate: open(SignalKind::terminate())?,
        })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_have_the_codes_of_octez() {
        assert_eq!(guard(|| Ok(End::Done)), 0);
        assert_eq!(guard(|| Ok(End::Stopped)), 127);
        assert_eq!(guard(|| Err(Failure::new("x"))), 1);
        assert_eq!(guard(|| Err(Failure::usage(124, "x"))), 124);
        assert_eq!(guard(|| panic!("an uncaught exception")), 126);
    }
}
