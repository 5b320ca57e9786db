//! How steps end, and that nothing of them is left.

use bakehouse_supervisor::process::ExitReason;
use bakehouse_supervisor::spawner::{StartOutcome, Step, UnitSignal};

use crate::probe::{Held, processes_with};
use crate::runner::Scene;
use crate::stage::{OTHER_UID, Stage, account, read_line};

pub(crate) const SCENES: &[Scene] = &[
    ("exit_code_is_kept", exit_code_is_kept),
    ("signal_number_kept_in_exit_reason", signal_number_kept),
    (
        "terminate_reaches_the_main_process_only",
        terminate_reaches_the_main_process_only,
    ),
    ("kill_reaches_the_whole_group", kill_reaches_the_whole_group),
    (
        "background_processes_die_with_their_unit",
        background_processes_die,
    ),
    (
        "a_process_that_left_its_group_dies_with_its_unit",
        escaped_process_dies,
    ),
    ("kill_all_ends_every_unit", kill_all_ends_every_unit),
    (
        "signalling_an_ended_unit_says_so",
        signalling_an_ended_unit_says_so,
    ),
    ("a_thousand_short_lives_lose_no_status", many_short_lives),
];

fn exit_code_is_kept() {
    let stage = Stage::new();
    let unit = stage.script("exit 127");
    assert_eq!(stage.outcome(unit).1, ExitReason::Exited(127));
}

fn signal_number_kept() {
    for signal in [15, 9, 40] {
        let stage = Stage::new();
        let unit = stage.script(&format!("kill -{signal} $$"));
        assert_eq!(
            stage.outcome(unit).1,
            ExitReason::Signaled {
                signal,
                core: false
            }
        );
    }
}

fn terminate_reaches_the_main_process_only() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        // the child would die of the signal and be reported if it got it
        let script = "sh -c 'trap \"echo child got it\" TERM; echo ready; while :; do sleep 0.1; done' & \
                      trap 'echo main got it; exit 3' TERM; wait";
        show.handle.load(stage.load(vec![stage.script(script)])).await.unwrap();
        let started = show.started(0).await;
        let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(started.stdout).unwrap();
        assert_eq!(read_line(&mut stdout).await, "ready");
        assert!(show.handle.signal(0, UnitSignal::Terminate).await.unwrap());
        assert_eq!(read_line(&mut stdout).await, "main got it");
        assert_eq!(show.exited().await.reason, ExitReason::Exited(3));
        let mut rest = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut rest).await.unwrap();
        assert_eq!(rest, "");
    });
}

fn kill_reaches_the_whole_group() {
    with_helper(
        "sh -c 'echo ready; exec sleep $M' & trap '' TERM; while :; do wait; done",
        async |show, _| {
            assert!(show.handle.signal(0, UnitSignal::Kill).await.unwrap());
            assert_eq!(
                show.exited().await.reason,
                ExitReason::Signaled {
                    signal: 9,
                    core: false
                }
            );
        },
    );
}

fn background_processes_die() {
    with_helper(
        "sh -c 'echo ready; exec sleep $M' & exec sleep 0.2",
        async |show, _| {
            assert_eq!(show.exited().await.reason, ExitReason::Exited(0));
        },
    );
}

fn escaped_process_dies() {
    let script = "setsid sh -c 'echo ready; exec sleep $M' & exec sleep 0.5";
    with_helper(script, async |show, _| {
        assert_eq!(show.exited().await.reason, ExitReason::Exited(0));
    });
}

/// Runs a script that leaves a helper behind, which says "ready" itself; afterwards the helper must die.
fn with_helper(script: &str, act: impl AsyncFnOnce(&mut crate::stage::Show, &Held)) {
    let marker = format!("5000.{}", std::process::id());
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let unit = stage.script(&script.replace("$M", &marker));
        show.handle.load(stage.load(vec![unit])).await.unwrap();
        let started = show.started(0).await;
        let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(started.stdout).unwrap();
        assert_eq!(read_line(&mut stdout).await, "ready");
        let mut helpers = processes_with(&marker);
        helpers.retain(|pid| *pid != started.pid);
        assert_eq!(helpers.len(), 1, "{helpers:?}");
        let helper = Held::of(helpers[0]);
        assert!(!helper.is_dead());
        act(show, &helper).await;
        helper.dies();
    });
}

fn kill_all_ends_every_unit() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut other = stage.unit("sleep", &["1000"]);
        other.account = account(OTHER_UID);
        show.handle
            .load(stage.load(vec![stage.unit("sleep", &["1000"]), other]))
            .await
            .unwrap();
        show.started(0).await;
        show.started(1).await;
        show.handle.kill_all().await.unwrap();
        let mut ended = [show.exited().await.unit, show.exited().await.unit];
        ended.sort_unstable();
        assert_eq!(ended, [0, 1]);
        // and the spawner lives on
        show.started(0).await;
    });
}

fn signalling_an_ended_unit_says_so() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        show.handle
            .load(stage.load(vec![stage.script("exit 0")]))
            .await
            .unwrap();
        for signal in [UnitSignal::Terminate, UnitSignal::Kill] {
            assert!(!show.handle.signal(0, signal).await.unwrap());
        }
        show.run(0).await;
        assert!(!show.handle.signal(0, UnitSignal::Kill).await.unwrap());
    });
}

fn many_short_lives() {
    const UNITS: usize = 10;
    const ROUNDS: usize = 100;
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let unit = |code: usize| {
            // strangers die beside: children whose parent does not wait
            let mut unit = stage.script(&format!("(:& ) ; exit {code}"));
            unit.account = account(9200 + u32::try_from(code).unwrap());
            unit
        };
        show.handle
            .load(stage.load((0..UNITS).map(unit).collect()))
            .await
            .unwrap();
        for _ in 0..ROUNDS {
            for unit in 0..UNITS {
                let outcome = show.handle.start(unit, Step::Main).await.unwrap();
                assert!(matches!(outcome, StartOutcome::Running(_)));
            }
            let mut seen = [false; UNITS];
            for _ in 0..UNITS {
                let exited = show.exited().await;
                let code = i32::try_from(exited.unit).unwrap();
                assert_eq!(exited.reason, ExitReason::Exited(code));
                assert!(!std::mem::replace(&mut seen[exited.unit], true));
            }
        }
    });
}
