//! Restart delays and the tally of deaths.
//!
//! Delays double from the first to the longest and are jittered, so that units do not restart in step. Too many deaths
//! within the window are a permanent failure; a long enough run wipes the slate.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::plan::spec::RestartSpec;

/// A small seeded generator (`SplitMix64`) for jitter; nothing secret depends on it.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

/// What follows a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterDeath {
    /// Start again after this delay.
    Retry(Duration),
    /// Too many deaths.
    GiveUp,
}

/// Deaths of one unit.
#[derive(Debug, Clone)]
pub struct Tally {
    spec: RestartSpec,
    deaths: VecDeque<Instant>,
    attempt: u32,
    total: u64,
}

// === impl Jitter ===

impl Jitter {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Between half of `delay` and all of it.
    pub fn spread(&mut self, delay: Duration) -> Duration {
        let share = u32::try_from(self.next() % 1001).unwrap_or(1000);
        delay / 2 + (delay / 2) * share / 1000
    }
}

// === impl Tally ===

impl Tally {
    /// No death yet.
    pub fn new(spec: RestartSpec) -> Self {
        Self {
            spec,
            deaths: VecDeque::new(),
            attempt: 0,
            total: 0,
        }
    }

    /// Deaths since the boot.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Counts a death after a run of this length.
    pub fn died(&mut self, ran: Duration, now: Instant, jitter: &mut Jitter) -> AfterDeath {
        if ran >= self.spec.stable_after {
            self.deaths.clear();
            self.attempt = 0;
        }
        self.total += 1;
        self.deaths.push_back(now);
        while self
            .deaths
            .front()
            .is_some_and(|at| now.duration_since(*at) > self.spec.window)
        {
            self.deaths.pop_front();
        }
        if self.deaths.len() >= self.spec.max_deaths as usize {
            return AfterDeath::GiveUp;
        }
        let factor = 1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX);
        let delay = self
            .spec
            .backoff_min
            .saturating_mul(factor)
            .min(self.spec.backoff_max);
        self.attempt = (self.attempt + 1).min(31);
        AfterDeath::Retry(jitter.spread(delay))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec() -> RestartSpec {
        RestartSpec {
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            stable_after: Duration::from_mins(1),
            max_deaths: 5,
            window: Duration::from_mins(10),
        }
    }

    fn retry(after: AfterDeath) -> Duration {
        match after {
            AfterDeath::Retry(delay) => delay,
            AfterDeath::GiveUp => panic!("gave up"),
        }
    }

    #[test]
    fn delays_double_within_jitter_and_give_up_at_the_tally() {
        let (mut tally, mut jitter, now) = (Tally::new(spec()), Jitter::new(1), Instant::now());
        for attempt in 0..4_u32 {
            let full = Duration::from_millis(500) * 2_u32.pow(attempt);
            let delay = retry(tally.died(Duration::ZERO, now, &mut jitter));
            assert!(delay >= full / 2 && delay <= full, "{attempt}: {delay:?}");
        }
        assert_eq!(
            tally.died(Duration::ZERO, now, &mut jitter),
            AfterDeath::GiveUp
        );
        assert_eq!(tally.total(), 5);
    }

    #[test]
    fn a_stable_run_wipes_the_slate() {
        let (mut tally, mut jitter, now) = (Tally::new(spec()), Jitter::new(1), Instant::now());
        for _ in 0..4 {
            retry(tally.died(Duration::ZERO, now, &mut jitter));
        }
        let delay = retry(tally.died(Duration::from_mins(1), now, &mut jitter));
        assert!(delay <= Duration::from_millis(500));
    }

    #[test]
    fn deaths_outside_the_window_do_not_count() {
        let (mut tally, mut jitter, start) = (Tally::new(spec()), Jitter::new(1), Instant::now());
        for n in 0..50_u32 {
            retry(tally.died(
                Duration::ZERO,
                start + Duration::from_secs(200) * n,
                &mut jitter,
            ));
        }
    }

    proptest! {
        #[test]
        fn a_delay_never_leaves_its_bounds(seed: u64, deaths in 1_usize..200) {
            let mut free = spec();
            free.max_deaths = u32::MAX;
            let (mut tally, mut jitter) = (Tally::new(free.clone()), Jitter::new(seed));
            for _ in 0..deaths {
                let delay = retry(tally.died(Duration::ZERO, Instant::now(), &mut jitter));
                prop_assert!(delay >= free.backoff_min / 2 && delay <= free.backoff_max);
            }
        }
    }
}
