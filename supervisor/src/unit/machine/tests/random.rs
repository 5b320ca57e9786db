//! Random orders of events.

use proptest::prelude::*;

use super::*;

/// One thing that may happen, by number, so that shrinking works.
fn pick(choice: u8, run: u64) -> Event {
    let verdicts = [
        Verdict::Synced,
        Verdict::Up {
            reason: String::new(),
        },
        hsm_down(),
        late(),
        Verdict::Silent {
            reason: String::new(),
        },
        Verdict::Fatal(Halt::new(Code::ChainMismatch, "")),
    ];
    match choice % 24 {
        0..=3 => Event::NeedsMet,
        4..=7 => Event::Started { run },
        8 => Event::NotStarted {
            run,
            reason: String::new(),
        },
        9 => Event::Skipped { run },
        10 => exit(0),
        11 => exit(1),
        12 => killed(),
        13 => Event::Stop,
        14 => Event::KillNow,
        15 | 16 => Event::Tick,
        choice => Event::Probed {
            run,
            verdict: verdicts[usize::from(choice - 17) % 6].clone(),
        },
    }
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Seen {
    alive: bool,
    launching: bool,
    synced: bool,
    terminated: bool,
    stopped: bool,
}

impl Seen {
    fn before(&mut self, event: &Event, run: u64) {
        match event {
            Event::Started { run: of } if *of == run && self.launching => {
                (self.launching, self.alive) = (false, true);
            }
            Event::NotStarted { .. } | Event::Skipped { .. } => self.launching = false,
            Event::Exited(_) => {
                (self.alive, self.launching, self.synced, self.terminated) =
                    (false, false, false, false);
            }
            Event::Probed {
                verdict: Verdict::Synced,
                ..
            } => self.synced |= self.alive,
            Event::Stop => self.stopped = true,
            _ => {}
        }
    }

    fn after(&mut self, action: &Action) -> Result<(), TestCaseError> {
        match action {
            Action::Start { .. } => {
                prop_assert!(
                    !self.alive && !self.launching,
                    "starts while something runs"
                );
                prop_assert!(!self.stopped, "starts after a stop");
                (self.launching, self.synced, self.terminated) = (true, false, false);
            }
            Action::Terminate => {
                prop_assert!(
                    self.alive && !self.terminated,
                    "a second SIGTERM, or to nobody"
                );
                self.terminated = true;
            }
            Action::Kill => prop_assert!(self.alive, "a SIGKILL to nobody"),
            Action::Announce(_) | Action::Escalate(_) => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_order_of_events_breaks_a_promise(
        prepare in 0_usize..3,
        choices in prop::collection::vec((any::<u8>(), 0_u64..400), 0..120),
    ) {
        let mut bench = Bench::new(prepare);
        let mut seen = Seen::default();
        let mut deaths = 0;
        for (choice, seconds) in choices {
            let run = bench.machine.run;
            let event = pick(choice, run);
            // The world keeps its word: what does not run does not end, and is not started or skipped unasked.
            let possible = match &event {
                Event::Exited(_) => seen.alive,
                Event::Started { .. } | Event::NotStarted { .. } => seen.launching,
                Event::Skipped { .. } => {
                    seen.launching && matches!(bench.machine.stage, Stage::Launching { step: Step::Prepare(_), .. })
                }
                _ => true,
            };
            if !possible {
                continue;
            }
            bench.now += Duration::from_secs(seconds);
            seen.before(&event, run);
            let was_over = bench.machine.is_over();
            let actions = bench.on(event);
            for action in &actions {
                seen.after(action)?;
            }
            prop_assert!(!was_over || actions.is_empty(), "does something after its end");
            if bench.machine.state() == UnitState::Ready {
                prop_assert!(seen.alive && seen.synced, "ready without a probe of this run");
            }
            prop_assert!(bench.machine.deaths() >= deaths);
            deaths = bench.machine.deaths();
            prop_assert!(bench.machine.tally.total() < 3 || seconds > 0 || bench.machine.is_over() || deaths > 0);
            prop_assert!(!bench.machine.is_over() || !seen.alive, "over while something runs");
        }
    }

    #[test]
    fn deaths_in_the_window_never_exceed_the_tally(gaps in prop::collection::vec(0_u64..50, 3..20)) {
        let mut bench = Bench::new(0);
        for gap in gaps {
            bench.on(Event::NeedsMet);
            bench.started();
            bench.on(exit(1));
            bench.after(gap);
        }
        prop_assert!(bench.machine.deaths() <= 3);
        prop_assert_eq!(bench.machine.state() == UnitState::Failed, bench.machine.deaths() == 3);
    }
}
