//! One thread owns the database and commits what all requests wait for together.
//!
//! While one commit is being synced, the next marks gather in the queue; they share the next commit. When a commit
//! fails, everyone in it is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::error::{StoreError, WatermarkError, WriteError};
use super::store::{Store, Write};

/// The thread. Dropping it lets it write what is queued, then waits for its end.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::UnboundedSender<Job>,
    thread: Option<JoinHandle<()>>,
}

/// The way to the thread. Unbounded: a caller has one mark and one signature under way at most.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    jobs: mpsc::UnboundedSender<Job>,
    writable: Arc<AtomicBool>,
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
    Stop,
}

// === impl Writer ===

impl Writer {
    pub(super) fn start(store: Box<dyn Store>) -> Result<(Self, Queue), WatermarkError> {
        let (jobs, receiver) = mpsc::unbounded_channel();
        let queue = Queue {
            jobs: jobs.clone(),
            writable: Arc::new(AtomicBool::new(true)),
        };
        let writable = Unwritable(Arc::clone(&queue.writable));
        let thread = std::thread::Builder::new()
            .name("watermark".to_owned())
            .spawn(move || run(store, receiver, &writable))
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
        drop(self.jobs.send(Job::Stop));
        if let Some(thread) = self.thread.take() {
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
        self.writable.load(Ordering::Acquire)
    }
}

// === impl Written ===

impl Written {
    pub(super) async fn wait(self) -> Result<(), WriteError> {
        self.0.await.unwrap_or(Err(WriteError::Ended))
    }
}

/// Says "unwritable" when the thread ends, by panic too.
struct Unwritable(Arc<AtomicBool>);

impl Drop for Unwritable {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn run(mut store: Box<dyn Store>, mut jobs: mpsc::UnboundedReceiver<Job>, writable: &Unwritable) {
    while let Some(first) = jobs.blocking_recv() {
        let (mut batch, mut waiting, mut stop) = (Vec::new(), Vec::new(), false);
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write { writes, done } => {
                    batch.extend(writes);
                    waiting.push(done);
                }
                Job::Stop => stop = true,
            }
            next = jobs.try_recv().ok();
        }
        if !batch.is_empty() {
            let result = store
                .commit(&batch)
                .map_err(|error| WriteError::Failed(Arc::new(error)));
            writable.0.store(result.is_ok(), Ordering::Release);
            for done in waiting {
                // Whoever asked may have gone; the write stands.
                drop(done.send(result.clone()));
            }
        }
        if stop {
            return;
        }
    }
}
