//! Tasks that somebody owns.
//!
//! Every task has a name and lives in a [`Crew`]; its end is an event, by panic too. Dropping the crew ends its tasks, so
//! nothing runs detached.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

/// How a task ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// With this value.
    Done(&'static str, T),
    /// By panic; a fault of ours.
    Panicked(&'static str),
}

/// Named tasks with one owner.
#[derive(Debug)]
pub struct Crew<T> {
    tasks: JoinSet<T>,
    names: HashMap<Id, &'static str>,
}

// === impl Crew ===

impl<T: Send + 'static> Default for Crew<T> {
    fn default() -> Self {
        Self {
            tasks: JoinSet::new(),
            names: HashMap::new(),
        }
    }
}

impl<T: Send + 'static> Crew<T> {
    /// Starts a task.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = T> + Send + 'static) {
        let handle = self.tasks.spawn(task);
        self.names.insert(handle.id(), name);
    }

    /// True when no task is left.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Ends all tasks, and waits until none of them does anything any more.
    pub async fn end(mut self) {
        self.tasks.shutdown().await;
    }

    /// The next end of a task; `None` when there are none. Aborted tasks are not reported.
    pub async fn next(&mut self) -> Option<Ended<T>> {
        loop {
            match self.tasks.join_next_with_id().await? {
                Ok((id, value)) => {
                    let name = self.names.remove(&id).unwrap_or("task");
                    return Some(Ended::Done(name, value));
                }
                Err(error) => {
                    let name = self.names.remove(&error.id()).unwrap_or("task");
                    if error.is_panic() {
                        return Some(Ended::Panicked(name));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn panicking_task_is_reported() {
        let mut crew = Crew::default();
        crew.spawn("probe", async { panic!("for the test") });
        assert_eq!(crew.next().await, Some(Ended::<()>::Panicked("probe")));
        assert!(crew.is_empty());
    }

    #[tokio::test]
    async fn the_end_of_a_task_is_an_event_with_its_name() {
        let mut crew = Crew::default();
        crew.spawn("one", async { 1 });
        assert_eq!(crew.next().await, Some(Ended::Done("one", 1)));
        assert_eq!(crew.next().await, None);
    }
}
