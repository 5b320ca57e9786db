//! A guest that runs: its console, and what the host may do to it.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::process::Running;

/// A guest under way.
#[derive(Debug)]
pub struct Guest {
    process: Running,
    events: Vec<Value>,
    console: Vec<String>,
    echo: bool,
}

// === impl Guest ===

impl Guest {
    /// Boots it.
    pub(super) fn boot(command: Command) -> Result<Self> {
        let process = Running::start("bakehouse run", command)?;
        Ok(Self {
            process,
            events: Vec::new(),
            console: Vec::new(),
            echo: false,
        })
    }

    /// Prints its console from now on, as an operator would see it.
    pub fn echo(&mut self) {
        self.echo = true;
    }

    /// All events so far.
    pub fn events(&self) -> &[Value] {
        &self.events
    }

    /// The whole console so far.
    pub fn console(&self) -> &[String] {
        &self.console
    }

    /// Waits for the next event of a name that fits, not counting those seen before the call.
    pub fn await_event(&mut self, name: &str, within: Duration) -> Result<Value> {
        self.await_where(name, within, |event| event["event"] == name)
    }

    /// Waits for the next event that fits.
    pub fn await_where(
        &mut self,
        what: &str,
        within: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + within;
        while let Some(event) = self
            .next_event(deadline)
            .with_context(|| self.failure(what))?
        {
            if fits(&event) {
                return Ok(event);
            }
        }
        bail!("{}", self.failure(what))
    }

    /// Reads the console for a while; ends early when the guest ends.
    pub fn run_for(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline && matches!(self.next_event(deadline), Ok(Some(_))) {}
    }

    /// Sends a signal to the supervisor alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// SIGTERM, then everything that it still says; gives its exit code (128 + signal if it was killed).
    pub fn drain(&mut self) -> Result<i32> {
        self.signal(Signal::SIGTERM)?;
        self.end(Duration::from_secs(90))
    }

    /// Waits for its end.
    pub fn end(&mut self, within: Duration) -> Result<i32> {
        let deadline = Instant::now() + within;
        let status = loop {
            match self.next_event(deadline) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    break self
                        .process
                        .wait(deadline.saturating_duration_since(Instant::now()))?;
                }
                Err(error) => return Err(error.context(self.failure("its end"))),
            }
        };
        status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
            .context("no exit status")
    }

    fn next_event(&mut self, deadline: Instant) -> Result<Option<Value>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(line) = self.process.line(left)? else {
                return Ok(None);
            };
            if self.echo {
                println!("  {line}");
            }
            let event = event_of(&line);
            self.console.push(line);
            if let Some(event) = event {
                self.events.push(event.clone());
                return Ok(Some(event));
            }
        }
    }

    fn failure(&self, what: &str) -> String {
        let tail: Vec<_> = self.console.iter().rev().take(40).rev().cloned().collect();
        format!(
            "the guest did not come to {what}; its console ended with:\n{}",
            tail.join("\n")
        )
    }
}

fn event_of(line: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(line).ok()?;
    event.get("event").is_some().then_some(event)
}
