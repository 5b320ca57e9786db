//! Probing one TCP target: many attempts in flight, judged in the order of their starts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::journal::{Event, Journal, State};
use super::{ProberError, TargetSummary, now_ms};

/// No data for this long on the held connection: it has gone silent. The node's stand-in sends each 50 ms.
const SILENCE: Duration = Duration::from_millis(250);

/// An attempt that has come to its end.
struct Attempt {
    number: u64,
    started: f64,
    stream: Option<TcpStream>,
}

/// Turns ends in any order into findings in the order of the starts.
struct Judge {
    target: SocketAddr,
    journal: Journal,
    waiting: BTreeMap<u64, Attempt>,
    next: u64,
    is_open: Option<bool>,
    summary: TargetSummary,
}

pub(super) async fn probe(
    target: SocketAddr,
    every: Duration,
    limit: Duration,
    journal: Journal,
    stop: CancellationToken,
) -> Result<TargetSummary, ProberError> {
    let mut judge = Judge::new(target, journal.clone());
    let mut held = JoinSet::new();
    let mut flying = JoinSet::new();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut number = 0;
    let mut last_start = None;
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {
                let started = now_ms();
                if let Some(last) = last_start.replace(started) {
                    judge.summary.max_gap_ms = judge.summary.max_gap_ms.max(started - last);
                }
                flying.spawn(attempt(target, number, started, limit));
                number += 1;
                None
            }
            Some(ended) = flying.join_next() => Some(ended),
            Some(ended) = held.join_next() => {
                joined::<Result<(), ProberError>>(ended)??;
                None
            }
        };
        if let Some(ended) = ended
            && let Some(stream) = judge.take(joined(ended)?)?
            && held.is_empty()
        {
            held.spawn(hold(stream, target, journal.clone()));
        }
    }
    while let Some(ended) = flying.join_next().await {
        judge.take(joined(ended)?)?;
    }
    Ok(judge.summary)
}

fn joined<T>(ended: Result<T, tokio::task::JoinError>) -> Result<T, ProberError> {
    ended.map_err(|error| ProberError::Task(error.to_string()))
}

async fn attempt(target: SocketAddr, number: u64, started: f64, limit: Duration) -> Attempt {
    let stream = timeout(limit, TcpStream::connect(target))
        .await
        .ok()
        .and_then(Result::ok);
    Attempt {
        number,
        started,
        stream,
    }
}

/// Reads a connection to its end and tells when data stops and goes on.
async fn hold(
    mut stream: TcpStream,
    target: SocketAddr,
    journal: Journal,
) -> Result<(), ProberError> {
    let tell = |ts_ms, state| {
        let event = Event {
            ts_ms,
            target: target.to_string(),
            state,
        };
        journal.write(&event).map_err(ProberError::Journal)
    };
    let mut buffer = [0_u8; 4096];
    let mut last_data = None;
    let mut flowing = false;
    loop {
        match timeout(SILENCE, stream.read(&mut buffer)).await {
            Ok(Ok(1..)) => {
                let now = now_ms();
                last_data = Some(now);
                if !flowing {
                    flowing = true;
                    tell(now, State::HeldOpen)?;
                }
            }
            Ok(Ok(0) | Err(_)) => return tell(now_ms(), State::HeldClosed),
            Err(_) => {
                if let (true, Some(last)) = (flowing, last_data) {
                    flowing = false;
                    tell(last, State::HeldSilent)?;
                }
            }
        }
    }
}

// === impl Judge ===

impl Judge {
    fn new(target: SocketAddr, journal: Journal) -> Self {
        Self {
            target,
            journal,
            waiting: BTreeMap::new(),
            next: 0,
            is_open: None,
            summary: TargetSummary::default(),
        }
    }

    /// Takes an ended attempt; gives a connection to hold, if a success was judged.
    fn take(&mut self, attempt: Attempt) -> Result<Option<TcpStream>, ProberError> {
        self.waiting.insert(attempt.number, attempt);
        let mut fresh = None;
        while let Some(attempt) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.judge(&attempt)?;
            fresh = attempt.stream;
        }
        Ok(fresh)
    }

    fn judge(&mut self, attempt: &Attempt) -> Result<(), ProberError> {
        let open = attempt.stream.is_some();
        self.summary.attempts += 1;
        if open {
            self.summary.open += 1;
            self.summary.first_open.get_or_insert(attempt.started);
            self.summary.last_open = Some(attempt.started);
        } else {
            self.summary.closed += 1;
        }
        if self.is_open.replace(open) == Some(open) {
            return Ok(());
        }
        self.summary.transitions += 1;
        let state = if open { State::Open } else { State::Closed };
        let event = Event {
            ts_ms: attempt.started,
            target: self.target.to_string(),
            state,
        };
        self.journal.write(&event).map_err(ProberError::Journal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn attempts(results: &[bool]) -> Vec<Attempt> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut attempts = Vec::new();
        for (number, open) in (0_u64..).zip(results) {
            let stream = match open {
                true => Some(TcpStream::connect(address).await.unwrap()),
                false => None,
            };
            let started = f64::from(u32::try_from(number).unwrap());
            attempts.push(Attempt {
                number,
                started,
                stream,
            });
        }
        attempts
    }

    fn judged(attempts: Vec<Attempt>) -> (Vec<(f64, State)>, TargetSummary) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let journal = Journal::open(Some(&path)).unwrap();
        let mut judge = Judge::new("127.0.0.1:1".parse().unwrap(), journal);
        for attempt in attempts {
            judge.take(attempt).unwrap();
        }
        let events = Event::read(&path).unwrap();
        (
            events
                .into_iter()
                .map(|event| (event.ts_ms, event.state))
                .collect(),
            judge.summary,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_order_of_ends_does_not_matter(
            results in proptest::collection::vec(any::<bool>(), 1..12),
            seed: u64,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (in_order, mut shuffled) = runtime.block_on(async {
                (attempts(&results).await, attempts(&results).await)
            });
            shuffled.sort_by_key(|attempt| (attempt.number + 1).wrapping_mul(seed | 1));
            let _guard = runtime.enter();
            prop_assert_eq!(judged(in_order), judged(shuffled));
        }
    }

    #[tokio::test]
    async fn a_transition_has_the_time_of_the_first_attempt_with_the_new_result() {
        let (events, summary) =
            judged(attempts(&[false, false, true, true, false, false, true]).await);
        assert_eq!(
            events,
            [
                (0.0, State::Closed),
                (2.0, State::Open),
                (4.0, State::Closed),
                (6.0, State::Open)
            ]
        );
        assert_eq!(
            (summary.first_open, summary.last_open),
            (Some(2.0), Some(6.0))
        );
        assert_eq!((summary.attempts, summary.open, summary.closed), (7, 3, 4));
    }
}
