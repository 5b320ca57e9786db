mod random;
mod steps;

use std::path::PathBuf;

use super::*;
use crate::plan::spec::{
    Account, ExecutableSpec, PrepareSpec, ProbeSpec, RestartSpec, StopSpec, UnitName,
};

fn spec(prepare: usize) -> UnitSpec {
    let step = PrepareSpec {
        args: vec![],
        unless_exists: PathBuf::from("/nowhere"),
        deadline: Duration::from_secs(20),
    };
    UnitSpec {
        name: UnitName("node".to_owned()),
        executable: ExecutableSpec {
            name: "octez-node".to_owned(),
            sha256: String::new(),
        },
        args: vec![],
        env: vec![],
        account: Account {
            uid: 1,
            gid: 1,
            groups: vec![],
        },
        cwd: PathBuf::from("/"),
        umask: 0o77,
        prepare: vec![step; prepare],
        needs: vec![],
        probe: ProbeSpec::Alive {
            stable_for: Duration::from_secs(1),
        },
        probe_interval: Duration::from_millis(500),
        up_deadline: Duration::from_secs(100),
        synced_deadline: Duration::from_secs(1000),
        restart: RestartSpec {
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(8),
            stable_after: Duration::from_mins(1),
            max_deaths: 3,
            window: Duration::from_mins(10),
        },
        stop: StopSpec {
            grace: Duration::from_mins(5),
            success: vec![0, 127],
        },
    }
}

/// A machine with its clock.
struct Bench {
    machine: Machine,
    jitter: Jitter,
    now: Instant,
}

impl Bench {
    fn new(prepare: usize) -> Self {
        Self {
            machine: Machine::new(&spec(prepare)),
            jitter: Jitter::new(7),
            now: Instant::now(),
        }
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.machine.handle(event, self.now, &mut self.jitter)
    }

    fn after(&mut self, seconds: u64) -> Vec<Action> {
        self.now += Duration::from_secs(seconds);
        self.on(Event::Tick)
    }

    fn started(&mut self) -> Vec<Action> {
        let run = self.machine.run;
        self.on(Event::Started { run })
    }

    fn probed(&mut self, verdict: Verdict) -> Vec<Action> {
        let run = self.machine.run;
        self.on(Event::Probed { run, verdict })
    }

    fn ready(prepare: usize) -> Self {
        let mut bench = Self::new(prepare);
        bench.on(Event::NeedsMet);
        bench.started();
        bench.probed(Verdict::Synced);
        assert_eq!(bench.machine.state(), UnitState::Ready);
        bench
    }
}

fn exit(code: i32) -> Event {
    Event::Exited(ExitReason::Exited { code })
}

fn killed() -> Event {
    Event::Exited(ExitReason::Signaled {
        signal: 9,
        core: false,
    })
}

fn late() -> Verdict {
    Verdict::Late {
        reason: "/health".to_owned(),
    }
}

fn hsm_down() -> Verdict {
    Verdict::Unready {
        reason: "hsm: refused".to_owned(),
        code: Some(Code::HsmUnreachable),
    }
}

#[test]
fn unit_killed_by_signal_is_restarted() {
    let mut bench = Bench::ready(0);
    let actions = bench.on(killed());
    let reason = ExitReason::Signaled {
        signal: 9,
        core: false,
    };
    assert_eq!(
        actions[0],
        Action::Announce(Notice::Exited(Step::Main, reason))
    );
    assert_eq!(bench.machine.state(), UnitState::Backoff);
    bench.after(1);
    assert_eq!(bench.machine.state(), UnitState::Pending);
    assert_eq!(
        bench.on(Event::NeedsMet),
        [Action::Start {
            step: Step::Main,
            run: 2
        }]
    );
}

#[test]
fn signal_number_kept_in_exit_reason() {
    let mut bench = Bench::ready(0);
    bench.on(Event::Exited(ExitReason::Signaled {
        signal: 11,
        core: true,
    }));
    let kept = ExitReason::Signaled {
        signal: 11,
        core: true,
    };
    assert_eq!(bench.machine.last_exit(), Some(&kept));
    assert_eq!(kept.to_string(), "signal 11, core made");
}

#[test]
fn child_exit_after_ready_is_noticed() {
    let mut bench = Bench::ready(0);
    bench.on(exit(0));
    assert_eq!(bench.machine.state(), UnitState::Backoff);
    assert_eq!(bench.machine.level(), None);
}

#[test]
fn restart_storm_is_bounded() {
    let mut bench = Bench::new(0);
    let mut starts = 0;
    for _ in 0..100 {
        starts += bench.on(Event::NeedsMet).len();
        bench.started();
        let actions = bench.on(exit(1));
        if let Some(Action::Escalate(halt)) = actions.last() {
            assert_eq!(halt.code, Code::UnitFailed);
            assert_eq!(
                halt.message,
                "node died too often; the last time: exit code 1"
            );
        }
        bench.after(10);
    }
    assert_eq!((starts, bench.machine.state()), (3, UnitState::Failed));
}

#[test]
fn a_verdict_on_an_earlier_run_says_nothing_about_this_one() {
    let mut bench = Bench::ready(0);
    bench.on(killed());
    bench.after(1);
    bench.on(Event::NeedsMet);
    bench.started();
    assert_eq!(
        bench.on(Event::Probed {
            run: 1,
            verdict: Verdict::Synced
        }),
        []
    );
    assert_eq!(bench.machine.state(), UnitState::Starting);
}

#[test]
fn one_late_answer_changes_nothing_and_a_second_does() {
    let mut bench = Bench::ready(0);
    assert_eq!(bench.probed(late()), []);
    assert_eq!(bench.machine.state(), UnitState::Ready);
    let degraded = Action::Announce(Notice::Degraded("/health".to_owned()));
    assert_eq!(bench.probed(late()), [degraded]);
    assert_eq!(
        bench.probed(Verdict::Synced),
        [Action::Announce(Notice::Ready)]
    );
    assert_eq!(bench.probed(late()), []);
}

#[test]
fn a_unit_that_went_silent_is_stopped_and_started_again() {
    let mut bench = Bench::ready(0);
    bench.probed(Verdict::Silent {
        reason: "refused".to_owned(),
    });
    assert_eq!(bench.after(59), []);
    assert_eq!(bench.after(1), [Action::Terminate]);
    assert_eq!(bench.after(30), [Action::Kill]);
    let actions = bench.on(killed());
    let why = Notice::Exited(Step::Main, ExitReason::ProbeFailed);
    assert_eq!(actions[0], Action::Announce(why));
    assert_eq!(bench.machine.state(), UnitState::Backoff);
}

#[test]
fn a_unit_that_says_what_it_misses_is_waited_for() {
    let mut bench = Bench::ready(0);
    bench.probed(hsm_down());
    assert_eq!(bench.after(900), []);
    assert_eq!(bench.machine.state(), UnitState::Degraded);
    assert_eq!(bench.after(100), [Action::Terminate]);
}

#[test]
fn an_hsm_that_never_comes_halts_with_its_own_code() {
    let mut bench = Bench::new(0);
    bench.on(Event::NeedsMet);
    bench.started();
    bench.probed(hsm_down());
    assert_eq!(bench.after(99), []);
    let actions = bench.after(1);
    let [Action::Terminate, Action::Escalate(halt)] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(halt.code, Code::HsmUnreachable);
    assert_eq!(halt.message, "node is not up after 100 s: hsm: refused");
    bench.on(exit(0));
    assert_eq!(bench.machine.state(), UnitState::Failed);
}

#[test]
fn a_unit_that_was_ready_before_is_started_again_when_a_later_run_is_late() {
    let mut bench = Bench::ready(0);
    bench.on(killed());
    bench.after(1);
    bench.on(Event::NeedsMet);
    bench.started();
    bench.probed(hsm_down());
    assert_eq!(bench.after(99), []);
    assert_eq!(bench.after(1), [Action::Terminate]);
    let actions = bench.on(exit(0));
    let why = Notice::Exited(Step::Main, ExitReason::StartTimeout);
    assert_eq!(actions[0], Action::Announce(why));
    assert_eq!(
        (bench.machine.state(), bench.machine.deaths()),
        (UnitState::Backoff, 2)
    );
    bench.after(8);
    bench.on(Event::NeedsMet);
    bench.started();
    bench.probed(Verdict::Up {
        reason: "far behind".to_owned(),
    });
    assert_eq!(bench.after(1000), [Action::Terminate]);
}

#[test]
fn a_unit_that_is_never_synced_halts() {
    let mut bench = Bench::new(0);
    bench.on(Event::NeedsMet);
    bench.started();
    assert_eq!(
        bench.probed(Verdict::Up {
            reason: "far behind".to_owned()
        }),
        [Action::Announce(Notice::Up)]
    );
    assert_eq!(bench.machine.level(), Some(Level::Up));
    assert_eq!(bench.after(999), []);
    let actions = bench.after(1);
    assert!(matches!(&actions[1], Action::Escalate(halt) if halt.code == Code::UnitStartTimeout));
}

#[test]
fn the_wrong_chain_is_never_waited_out() {
    let mut bench = Bench::ready(0);
    let halt = Halt::new(Code::ChainMismatch, "another chain");
    let actions = bench.probed(Verdict::Fatal(halt.clone()));
    assert_eq!(actions, [Action::Terminate, Action::Escalate(halt)]);
}

#[test]
fn stop_is_graceful_before_kill() {
    let mut bench = Bench::ready(0);
    assert_eq!(bench.on(Event::Stop), [Action::Terminate]);
    assert_eq!(bench.on(Event::Stop), []);
    assert_eq!(bench.after(299), []);
    assert_eq!(bench.after(1), [Action::Kill]);
    assert_eq!(bench.after(1), []);
    let actions = bench.on(killed());
    let [Action::Announce(Notice::Stopped(_, clean))] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert!(!clean);
}

#[test]
fn exit_127_after_our_sigterm_is_success_and_otherwise_a_death() {
    let mut bench = Bench::ready(0);
    bench.on(Event::Stop);
    let reason = Some(ExitReason::Exited { code: 127 });
    assert_eq!(
        bench.on(exit(127)),
        [Action::Announce(Notice::Stopped(reason, true))]
    );

    let mut bench = Bench::ready(0);
    bench.on(exit(127));
    assert_eq!(bench.machine.deaths(), 1);
}

#[test]
fn a_stop_during_the_start_waits_for_somebody_to_signal() {
    let mut bench = Bench::new(0);
    bench.on(Event::NeedsMet);
    assert_eq!(bench.on(Event::Stop), []);
    assert_eq!(bench.machine.state(), UnitState::Stopping);
    assert_eq!(bench.started(), [Action::Terminate]);
    bench.on(exit(0));
    assert_eq!(bench.machine.state(), UnitState::Stopped);
}

#[test]
fn a_stop_during_backoff_stops_at_once() {
    let mut bench = Bench::ready(0);
    bench.on(killed());
    bench.on(Event::Stop);
    assert!(bench.machine.is_over());
    bench.after(100);
    assert_eq!(bench.on(Event::NeedsMet), []);
}
