//! What the operator sees: every phase, halt and unit event as one readable line and one JSON line on the console.
//!
//! A console that nobody reads must not hold up the supervisor, so a thread of its own writes it; when that thread cannot
//! keep up, lines are dropped and counted, and the next heartbeat says how many.

pub mod event;

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

pub use event::Event;

use crate::error::Halt;
use crate::logs::journal::Journal;

/// Lines that may wait for the console.
const QUEUE: usize = 2048;

/// Reads the time of day.
pub type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The way to the console; cheap to clone.
#[derive(Clone)]
pub struct Console {
    sink: Sink,
    started: Instant,
    wall: WallClock,
    dropped: Arc<AtomicU64>,
    journal: Journal,
    /// The end was told.
    ended: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Sink {
    Thread(SyncSender<Job>),
    Memory(Arc<Mutex<Vec<(Instant, Event)>>>),
}

enum Job {
    Lines(String),
    Flush(SyncSender<()>),
}

// === impl Console ===

impl Console {
    /// A console on standard output, written by a thread of its own; what it says goes to the journal too.
    pub fn stdout(wall: WallClock, journal: Journal) -> std::io::Result<Self> {
        let (sender, jobs) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new().name("console".to_owned());
        writer.spawn(move || write(&jobs, &mut std::io::stdout()))?;
        Ok(Self {
            journal,
            ..Self::new(Sink::Thread(sender), wall)
        })
    }

    /// A console in memory, for tests of what is said.
    pub fn memory(wall: WallClock) -> Self {
        Self::new(Sink::Memory(Arc::default()), wall)
    }

    fn new(sink: Sink, wall: WallClock) -> Self {
        Self {
            sink,
            started: Instant::now(),
            wall,
            dropped: Arc::default(),
            journal: Journal::none(),
            ended: Arc::default(),
        }
    }

    /// Says it. Never waits. The end is said once.
    pub fn emit(&self, event: Event) {
        if matches!(event, Event::Halted(_)) && self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let uptime = self.uptime();
        self.journal.send(event.name(), || event.text(uptime));
        match &self.sink {
            Sink::Thread(sender) => {
                let lines = event.lines((self.wall)(), uptime);
                if sender.try_send(Job::Lines(lines)).is_err() {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            Sink::Memory(events) => {
                let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
                events.push((Instant::now(), event));
            }
        }
    }

    /// Time since the process began to talk.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Events dropped so far because the console could not keep up.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits, at most this long, until everything said is written. Blocks; for the very end only.
    pub fn flush(&self, within: Duration) {
        if let Sink::Thread(sender) = &self.sink {
            let (done, wait) = sync_channel(1);
            // A queue that is full takes this too once the console reads again; who never reads is not waited for.
            let asked = sender.try_send(Job::Flush(done));
            let _written = asked.is_ok() && wait.recv_timeout(within).is_ok();
        }
    }

    /// What was said to a console in memory.
    pub fn events(&self) -> Vec<(Instant, Event)> {
        match &self.sink {
            Sink::Thread(_) => Vec::new(),
            Sink::Memory(events) => events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

/// Tells an end that came before there was a console, at once.
pub fn say_halted(halt: &Halt) {
    let lines = Event::Halted(halt.clone()).lines(SystemTime::now(), Duration::ZERO);
    let mut out = std::io::stdout();
    // Without a standard output there is the exit code.
    drop(out.write_all(lines.as_bytes()).and_then(|()| out.flush()));
}

/// Writes until every sender is gone. A console that is broken swallows the rest: the boot goes on without it.
fn write(jobs: &Receiver<Job>, out: &mut impl Write) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Lines(lines) => {
                drop(out.write_all(lines.as_bytes()));
                drop(out.flush());
            }
            Job::Flush(done) => drop(done.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall() -> WallClock {
        Arc::new(|| SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_console_that_nobody_reads_holds_nobody_up() {
        let (sender, jobs) = sync_channel(2);
        let console = Console::new(Sink::Thread(sender), wall());
        for _ in 0..5 {
            console.emit(Event::FirewallLocked);
        }
        assert_eq!(console.dropped(), 3);
        drop(jobs);
    }

    #[test]
    fn the_end_is_told_once() {
        let console = Console::memory(wall());
        let halted = || Event::Halted(Halt::drained());
        console.emit(halted());
        console.clone().emit(halted());
        assert_eq!(console.events().len(), 1);
    }

    #[test]
    fn flush_waits_until_all_is_written() {
        let (sender, jobs) = sync_channel(8);
        let console = Console::new(Sink::Thread(sender), wall());
        let writer = std::thread::spawn(move || {
            let mut out = Vec::new();
            write(&jobs, &mut out);
            out
        });
        console.emit(Event::FirewallLocked);
        console.flush(Duration::from_secs(5));
        drop(console);
        let out = String::from_utf8(writer.join().unwrap()).unwrap();
        assert_eq!(out.lines().count(), 2, "{out}");
    }
}
