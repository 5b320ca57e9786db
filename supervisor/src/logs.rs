//! What the units print: read to the end, kept in a bounded ring per unit, never in the way of the unit.
//!
//! Lines are cut at 64 KiB, the ring forgets its oldest line and counts it, and known secrets are blotted out before a line
//! is kept anywhere. When a unit ends, its last lines go to the console.

pub mod journal;
mod lines;
mod redact;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use crate::console::{Console, Event};
use journal::Journal;
pub use lines::{LINE_LIMIT, Splitter};
pub use redact::Redactor;

/// Lines kept per unit.
const RING: usize = 1000;

/// Lines of a dead unit that go to the console.
const LAST_WORDS: usize = 5;

/// How long the pipes of a dead unit may still hold something; a grandchild that keeps them open is not waited for.
const PIPE_REST: Duration = Duration::from_millis(300);

/// A stream of a unit.
pub type Pipe = Box<dyn AsyncRead + Send + Unpin>;

/// The lines of all units; cheap to clone.
#[derive(Debug, Clone)]
pub struct Logs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    units: Vec<(String, Mutex<Ring>)>,
    redactor: Redactor,
    journal: Journal,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Line>,
    next: u64,
    dropped: u64,
    /// The first line of the current run.
    run: u64,
    /// Cancelled when both pipes of the current run are at their end.
    drained: CancellationToken,
}

/// A line of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Place in the unit's output.
    pub number: u64,
    /// `stdout` or `stderr`.
    pub stream: &'static str,
    /// Its text.
    pub text: String,
}

// === impl Logs ===

impl Logs {
    /// Empty rings for these units.
    pub fn new(units: Vec<String>, redactor: Redactor, journal: Journal) -> Self {
        let units = units
            .into_iter()
            .map(|name| (name, Mutex::default()))
            .collect();
        Self(Arc::new(Shared {
            units,
            redactor,
            journal,
        }))
    }

    /// Reads both streams of a unit's new run to their ends.
    pub fn capture(
        &self,
        unit: usize,
        stdout: Pipe,
        stderr: Pipe,
    ) -> impl Future<Output = ()> + Send + use<> {
        let drained = CancellationToken::new();
        if let Some(mut ring) = self.ring(unit) {
            ring.run = ring.next;
            ring.drained = drained.clone();
        }
        let (out, err) = (self.clone(), self.clone());
        async move {
            // Dropped at the end, by panic or abort too: nobody waits for this run's pipes any longer.
            let _drained = drained.drop_guard();
            tokio::join!(
                out.read(unit, "stdout", stdout),
                err.read(unit, "stderr", stderr)
            );
        }
    }

    /// Tells the console the last lines of a unit that ended.
    pub fn last_words(
        &self,
        unit: usize,
        console: Console,
    ) -> impl Future<Output = ()> + Send + use<> {
        let logs = self.clone();
        async move {
            let Some(drained) = logs.ring(unit).map(|ring| ring.drained.clone()) else {
                return;
            };
            drop(tokio::time::timeout(PIPE_REST, drained.cancelled()).await);
            let name = logs.0.units.get(unit).map_or("", |(name, _)| name.as_str());
            for Line { stream, text, .. } in logs.tail(unit, LAST_WORDS) {
                console.emit(Event::UnitLog {
                    unit: name.to_owned(),
                    stream,
                    line: text,
                });
            }
        }
    }

    /// The last lines of a unit's current run.
    pub fn tail(&self, unit: usize, count: usize) -> Vec<Line> {
        let Some(ring) = self.ring(unit) else {
            return Vec::new();
        };
        let run = ring.lines.iter().filter(|line| line.number >= ring.run);
        let mut last: Vec<_> = run.rev().take(count).cloned().collect();
        last.reverse();
        last
    }

    /// Lines forgotten so far, by all units.
    pub fn dropped(&self) -> u64 {
        (0..self.0.units.len())
            .filter_map(|unit| self.ring(unit))
            .map(|ring| ring.dropped)
            .sum()
    }

    fn ring(&self, unit: usize) -> Option<MutexGuard<'_, Ring>> {
        let (_, ring) = self.0.units.get(unit)?;
        Some(ring.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn read(self, unit: usize, stream: &'static str, mut pipe: Pipe) {
        let mut splitter = Splitter::default();
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
            let bytes = chunk.get(..count).unwrap_or_default();
            splitter.feed(bytes, |line| self.keep(unit, stream, &line));
        }
        splitter.finish(|line| self.keep(unit, stream, &line));
    }

    fn keep(&self, unit: usize, stream: &'static str, line: &str) {
        let text = self.0.redactor.blot(line);
        let name = self.0.units.get(unit).map_or("", |(name, _)| name.as_str());
        self.0
            .journal
            .send("unit.line", || format!("{name} {stream}: {text}"));
        if let Some(mut ring) = self.ring(unit) {
            let number = ring.next;
            ring.next += 1;
            ring.lines.push_back(Line {
                number,
                stream,
                text,
            });
            if ring.lines.len() > RING {
                ring.lines.pop_front();
                ring.dropped += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
