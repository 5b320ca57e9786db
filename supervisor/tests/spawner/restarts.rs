//! An end is told at once, and the next start waits for what is left.

use bakehouse_supervisor::process::ExitReason;
use bakehouse_supervisor::spawner::{RefusalCode, SpawnerError, StartOutcome, Step, UnitSignal};
use rustix::process::{Pid, Signal, getpgid, kill_process, test_kill_process};

use crate::probe::crowd_where;
use crate::runner::Scene;
use crate::stage::{Show, Stage, patiently};

pub(crate) const SCENES: &[Scene] = &[
    (
        "an_end_is_told_before_the_group_is_empty_and_a_restart_waits_for_it",
        a_restart_waits_for_the_group,
    ),
    (
        "a_group_that_does_not_end_delays_a_restart_for_a_while_only",
        a_restart_does_not_wait_for_ever,
    ),
    (
        "a_start_that_waits_is_called_off_by_a_signal",
        a_start_that_waits_is_called_off,
    ),
];

/// Unit 0, whose main process has ended and of whose group one process is left, which nothing but its parent can remove.
struct Lingering {
    left: Pid,
    parent: Pid,
}

// === impl Lingering ===

impl Lingering {
    /// The parent leaves the group and never waits for its child, so that the killed child stays where it is. The spawner does
    /// not end the parent as long as unit 1 runs, which has the same account.
    async fn of(stage: &Stage, show: &mut Show) -> Self {
        let marker = format!("7000.{}", std::process::id());
        let script =
            format!("( sleep {marker} & exec setsid sleep {marker} ) & exec sleep {marker}");
        let units = vec![stage.script(&script), stage.unit("sleep", &["1000"])];
        show.handle.load(stage.load(units)).await.unwrap();
        show.started(1).await;
        let started = show.started(0).await;
        let main = Pid::from_raw(started.pid).unwrap();
        let asleep = format!("sleep\0{marker}\0");
        // none of them is a shell any more: a shell would wait for its child
        let others: Vec<Pid> = crowd_where(3, |line| line == asleep)
            .into_iter()
            .filter_map(Pid::from_raw)
            .filter(|pid| *pid != main)
            .collect();
        let (left, gone): (Vec<Pid>, Vec<Pid>) = others
            .into_iter()
            .partition(|pid| getpgid(Some(*pid)).unwrap() == main);
        assert_eq!((left.len(), gone.len()), (1, 1));
        let lingering = Self {
            left: left[0],
            parent: gone[0],
        };
        kill_process(main, Signal::TERM).unwrap();
        let exited = show.exited().await;
        let by_term = ExitReason::Signaled {
            signal: 15,
            core: false,
        };
        assert_eq!((exited.unit, exited.reason), (0, by_term));
        assert!(lingering.is_there(), "the end came after the group's");
        lingering
    }

    fn is_there(&self) -> bool {
        test_kill_process(self.left).is_ok()
    }

    /// Lets init have what is left.
    fn release(&self) {
        kill_process(self.parent, Signal::KILL).unwrap();
    }
}

/// An answer to something else, asked later than what is to be proven to wait.
async fn is_served(show: &Show) {
    let error = show.handle.start(1, Step::Main).await.unwrap_err();
    assert_eq!(code(&error), RefusalCode::Request);
}

fn code(error: &SpawnerError) -> RefusalCode {
    match error {
        SpawnerError::Refused(refusal) => refusal.code,
        other => panic!("{other}"),
    }
}

fn a_restart_waits_for_the_group() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let lingering = Lingering::of(stage, show).await;
        let restart = async {
            let outcome = show.handle.start(0, Step::Main).await.unwrap();
            assert!(matches!(outcome, StartOutcome::Running(_)));
            assert!(!lingering.is_there(), "started beside the old group");
        };
        let release = async {
            is_served(show).await;
            lingering.release();
        };
        patiently(async { tokio::join!(biased; restart, release) }).await;
    });
}

fn a_restart_does_not_wait_for_ever() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let lingering = Lingering::of(stage, show).await;
        let outcome = patiently(show.handle.start(0, Step::Main)).await.unwrap();
        assert!(matches!(outcome, StartOutcome::Running(_)));
        assert!(lingering.is_there());
    });
}

fn a_start_that_waits_is_called_off() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let lingering = Lingering::of(stage, show).await;
        let start = async {
            let error = show.handle.start(0, Step::Main).await.unwrap_err();
            assert_eq!(code(&error), RefusalCode::Request);
        };
        let signal = async {
            is_served(show).await;
            let signaled = show.handle.signal(0, UnitSignal::Terminate).await.unwrap();
            assert!(!signaled);
        };
        patiently(async { tokio::join!(biased; start, signal) }).await;
        assert!(lingering.is_there());
        lingering.release();
        assert!(matches!(
            patiently(show.handle.start(0, Step::Main)).await.unwrap(),
            StartOutcome::Running(_)
        ));
    });
}
