//! One thread owns the database and commits what all requests wait for together.
//!
//! While one commit is being synced, the next marks gather in the queue; they share the next commit. When a commit
//! fails, everyone in it is told so. A disk that stalls fails nobody's write, so nobody waits for it without end: who
//! waits gives up after [`PATIENCE`], and long before that the watermark counts as unwritable.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::error::{StoreError, WatermarkError, WriteError};
use super::store::{Store, Write};

/// A commit that takes longer shows a disk that stalls.
const STALLED: Duration = Duration::from_secs(2);
/// How long anyone waits for a write.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end waits for the last writes.
const LAST_WRITES: Duration = Duration::from_secs(3);

/// The thread. Dropping it lets it write what is queued, then waits for its end, but not for a disk that stalls.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::UnboundedSender<Job>,
    thread: Option<JoinHandle<()>>,
}

/// The way to the thread. Unbounded: a caller has one mark and one signature under way at most.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    jobs: mpsc::UnboundedSender<Job>,
    condition: Arc<Condition>,
}

/// How the thread is, for those outside.
#[derive(Debug)]
struct Condition {
    /// Whether the last commit succeeded.
    writable: AtomicBool,
    /// Since when the commit of the moment runs.
    began: Mutex<Option<Instant>>,
    /// The thread has ended.
    ended: CancellationToken,
}

/// A write that was queued.
#[derive(Debug)]
pub(super) struct Written(oneshot::Receiver<Result<(), WriteError>>);

#[derive(Debug)]
enum Job {
    Write {
        writes: Vec<Write>,
        done: oneshot::Sender<Result<(), WriteError>>,
    },
    /// The sender is dropped when all that was queued before is written.
    Stop(blocking::Sender<()>),
}

// === impl Writer ===

impl Writer {
    /// Starts the thread. The lock is held until the thread has ended, even if nobody waits for that any more.
    pub(super) fn start(
        store: Box<dyn Store>,
        lock: Option<File>,
    ) -> Result<(Self, Queue), WatermarkError> {
        let (jobs, receiver) = mpsc::unbounded_channel();
        let condition = Arc::new(Condition {
            writable: AtomicBool::new(true),
            began: Mutex::new(None),
            ended: CancellationToken::new(),
        });
        let queue = Queue {
            jobs: jobs.clone(),
            condition: Arc::clone(&condition),
        };
        let presence = Presence {
            condition,
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("watermark".to_owned())
            .spawn(move || run(store, receiver, &presence))
            .map_err(StoreError::from)?;
        Ok((
            Self {
                jobs,
                thread: Some(thread),
            },
            queue,
        ))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let (written, end) = blocking::channel();
        drop(self.jobs.send(Job::Stop(written)));
        if end.recv_timeout(LAST_WRITES) == Err(blocking::RecvTimeoutError::Timeout) {
            // Nothing that has left depends on what is still queued; the end of the process ends the thread.
            warn!(event = "watermark.abandoned");
        } else if let Some(thread) = self.thread.take() {
            // A panic of the thread has shown itself already: every write since then failed.
            drop(thread.join());
        }
    }
}

// === impl Queue ===

impl Queue {
    /// Queues writes for one commit.
    pub(super) fn enqueue(&self, writes: Vec<Write>) -> Written {
        let (done, written) = oneshot::channel();
        // Without a thread `done` is dropped here, and whoever waits learns that it has ended.
        drop(self.jobs.send(Job::Write { writes, done }));
        Written(written)
    }

    /// Queues writes; the future ends when they are on disk.
    pub(super) fn write(
        &self,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<(), WriteError>> + use<> {
        self.enqueue(writes).wait()
    }

    pub(super) fn writable(&self) -> bool {
        let began = *self.condition.began();
        let stalled = began.is_some_and(|began| began.elapsed() > STALLED);
        !stalled && self.condition.writable.load(Ordering::Acquire)
    }

    /// Ends when the thread has ended.
    pub(super) async fn ended(&self) {
        self.condition.ended.cancelled().await;
    }
}

// === impl Written ===

impl Written {
    pub(super) async fn wait(self) -> Result<(), WriteError> {
        match timeout(PATIENCE, self.0).await {
            Ok(answer) => answer.unwrap_or(Err(WriteError::Ended)),
            Err(_) => Err(WriteError::Late(PATIENCE.as_secs())),
        }
    }
}

// === impl Condition ===

impl Condition {
    fn began(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says so when the thread ends, by panic too.
struct Presence {
    condition: Arc<Condition>,
    _lock: Option<File>,
}

// === impl Presence ===

impl Drop for Presence {
    fn drop(&mut self) {
        self.condition.writable.store(false, Ordering::Release);
        self.condition.ended.cancel();
    }
}

fn run(mut store: Box<dyn Store>, mut jobs: mpsc::UnboundedReceiver<Job>, presence: &Presence) {
    let condition = &presence.condition;
    while let Some(first) = jobs.blocking_recv() {
        let (mut batch, mut waiting, mut stop) = (Vec::new(), Vec::new(), None);
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write { writes, done } => {
                    batch.extend(writes);
                    waiting.push(done);
                }
                Job::Stop(written) => stop = Some(written),
            }
            next = jobs.try_recv().ok();
        }
        if !batch.is_empty() {
            *condition.began() = Some(Instant::now());
            let result = store
                .commit(&batch)
                .map_err(|error| WriteError::Failed(Arc::new(error)));
            condition.writable.store(result.is_ok(), Ordering::Release);
            *condition.began() = None;
            for done in waiting {
                // Whoever asked may have gone; the write stands.
                drop(done.send(result.clone()));
            }
        }
        if stop.is_some() {
            return;
        }
    }
}
