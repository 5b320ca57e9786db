//! Tasks that somebody owns.
//!
//! A [`Crew`] runs jobs that must go on when the one who asked has gone away (a client that hangs up in the middle of
//! a signature), no more than there is room for. It ends when every [`CrewHandle`] is dropped and the last job is done, and it ends with an error as
//! soon as a job panics: nothing runs detached, and no panic is lost.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task ended by panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task of `{0}` panicked")]
pub struct TaskPanicked(pub &'static str);

/// Owns the running jobs.
pub struct Crew {
    name: &'static str,
    jobs: mpsc::UnboundedReceiver<Job>,
}

/// Hands jobs to a [`Crew`].
#[derive(Clone)]
pub struct CrewHandle {
    jobs: mpsc::UnboundedSender<Job>,
    room: Arc<Semaphore>,
}

/// The crew is gone, or the job panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job was not finished")]
pub struct JobLost;

// === impl Crew ===

impl Crew {
    /// A crew with room for so many jobs at one time, and the way to give it work.
    pub fn new(name: &'static str, room: usize) -> (Self, CrewHandle) {
        let (sender, jobs) = mpsc::unbounded_channel();
        let handle = CrewHandle {
            jobs: sender,
            room: Arc::new(Semaphore::new(room)),
        };
        (Self { name, jobs }, handle)
    }

    /// Runs jobs until every handle is dropped and the last job has ended.
    pub async fn work(mut self) -> Result<(), TaskPanicked> {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                job = self.jobs.recv() => match job {
                    Some(job) => { running.spawn(job); }
                    None => break,
                },
                Some(ended) = running.join_next() => self.check(&ended)?,
            }
        }
        while let Some(ended) = running.join_next().await {
            self.check(&ended)?;
        }
        Ok(())
    }

    fn check(&self, ended: &Result<(), tokio::task::JoinError>) -> Result<(), TaskPanicked> {
        match ended {
            Err(error) if error.is_panic() => Err(TaskPanicked(self.name)),
            _ => Ok(()),
        }
    }
}

// === impl CrewHandle ===

impl CrewHandle {
    /// Runs `job` to its end, even if the caller stops waiting; while there is no room for it, it has not begun.
    pub async fn run<T, F>(&self, job: F) -> Result<T, JobLost>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| JobLost)?;
        let (answer, wait) = oneshot::channel();
        let job = Box::pin(async move {
            let _room = room;
            // The caller may have gone; the job was done all the same.
            drop(answer.send(job.await));
        });
        self.jobs.send(job).map_err(|_| JobLost)?;
        wait.await.map_err(|_| JobLost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_goes_on_when_the_caller_stops_waiting() {
        let (crew, handle) = Crew::new("test", 8);
        let (start, started) = oneshot::channel::<()>();
        let (finish, finished) = oneshot::channel::<u8>();
        let mut asked = Box::pin(handle.run(async move {
            drop(started.await);
            finish.send(7).unwrap();
        }));
        let worker = tokio::spawn(crew.work());
        tokio::select! {
            biased;
            _ = &mut asked => panic!("the job waits for us"),
            () = tokio::task::yield_now() => {}
        }
        drop(asked);
        drop(handle);
        drop(start);
        assert_eq!(finished.await, Ok(7));
        assert_eq!(worker.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_job_without_room_waits_for_one_to_end() {
        let (crew, handle) = Crew::new("test", 1);
        let worker = tokio::spawn(crew.work());
        let (finish, finished) = oneshot::channel::<()>();
        let mut first = Box::pin(handle.run(async move { drop(finished.await) }));
        let mut second = Box::pin(handle.run(async {}));
        for _ in 0..100 {
            tokio::select! {
                biased;
                _ = &mut first => panic!("the job waits for us"),
                _ = &mut second => panic!("there is no room"),
                () = tokio::task::yield_now() => {}
            }
        }
        finish.send(()).unwrap();
        assert_eq!((first.await, second.await), (Ok(()), Ok(())));
        drop(handle);
        assert_eq!(worker.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn panicking_task_is_reported() {
        let (crew, handle) = Crew::new("test", 8);
        let worker = tokio::spawn(crew.work());
        assert_eq!(
            handle.run(async { panic!("for the test") }).await,
            Err::<(), _>(JobLost)
        );
        assert_eq!(worker.await.unwrap(), Err(TaskPanicked("test")));
    }
}
