//! Whoever dies, nothing is left behind.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use bakehouse_supervisor::process::ExitReason;
use bakehouse_supervisor::spawner::Spawner;
use rustix::process::{Pid, Signal, kill_process};

use crate::probe::{Held, crowd_where, processes_with};
use crate::runner::{Scene, role, wait_for};
use crate::stage::{OTHER_UID, Show, Stage, account, patiently, runtime};

pub(crate) const SCENES: &[Scene] = &[
    (
        "units_and_grandchildren_die_with_the_spawner",
        all_die_with_the_spawner,
    ),
    (
        "units_and_grandchildren_die_with_a_killed_supervisor",
        all_die_with_a_killed_supervisor,
    ),
    (
        "units_and_grandchildren_die_with_a_returning_supervisor",
        all_die_with_an_ending_supervisor,
    ),
    (
        "a_frozen_spawner_dies_with_a_killed_supervisor",
        a_frozen_spawner_dies_too,
    ),
    ("everybody_is_dead_after_quit", everybody_is_dead_after_quit),
    (
        "the_spawner_ends_when_no_handle_is_left",
        the_spawner_ends_when_no_handle_is_left,
    ),
    (
        "a_frozen_spawner_is_killed_in_the_end",
        a_frozen_spawner_is_killed,
    ),
    (
        "the_spawner_ignores_polite_signals",
        the_spawner_ignores_polite_signals,
    ),
];

pub(crate) const ROLES: &[Scene] = &[
    ("hold", || role_supervise(true)),
    ("leave", || role_supervise(false)),
];

fn marker() -> String {
    format!("6000.{}", std::process::id())
}

/// Two units, each with a child in its group and one that left it; every process has the marker in its argv.
async fn crowd(stage: &Stage, show: &Show, marker: &str) -> Vec<Held> {
    let script =
        format!("sleep {marker} & setsid sleep {marker} & echo ready; exec sleep {marker}");
    let first = stage.script(&script);
    let mut second = first.clone();
    second.account = account(OTHER_UID);
    show.handle
        .load(stage.load(vec![first, second]))
        .await
        .unwrap();
    let mut outputs = Vec::new();
    for unit in 0..2 {
        let stdout = show.started(unit).await.stdout;
        outputs.push(tokio::net::unix::pipe::Receiver::from_owned_fd(stdout).unwrap());
    }
    for output in &mut outputs {
        assert_eq!(crate::stage::read_line(output).await, "ready");
    }
    // between "ready" and exec the processes are still shells; their argv holds the marker too
    crowd_where(6, |line| line.contains(marker))
        .into_iter()
        .map(Held::of)
        .collect()
}

fn all_die_with_the_spawner() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let crowd = crowd(stage, show, &marker()).await;
        let pid = Pid::from_raw(show.handle.pid()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        assert!(patiently(show.events.next()).await.is_none());
        // the driver has reaped the namespace's init: nobody in it can be alive
        assert!(crowd.iter().all(Held::is_dead));
        let error = show.handle.kill_all().await.unwrap_err();
        assert_eq!(error.code(), "spawner_lost");
    });
}

fn all_die_with_a_killed_supervisor() {
    supervised("hold", |child, _| child.kill().unwrap());
}

/// The death signal alone: a stopped process does not see its socket close.
fn a_frozen_spawner_dies_too() {
    supervised("hold", |child, spawner| {
        kill_process(Pid::from_raw(spawner).unwrap(), Signal::STOP).unwrap();
        child.kill().unwrap();
    });
}

fn all_die_with_an_ending_supervisor() {
    supervised("leave", |child, _| drop(child.stdin.take()));
}

/// Plays a supervisor in a process of its own, ends it, and sees everybody die.
fn supervised(name: &str, end: impl FnOnce(&mut std::process::Child, i32)) {
    // the child cannot remove what it made when it is killed
    let home = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(home.path(), mode).unwrap();
    let mut child = role(name)
        .env("TMPDIR", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let (marker, spawner) = (line(), line().parse().unwrap());
    let mut crowd: Vec<Held> = crowd_where(6, |line| line.contains(&marker))
        .into_iter()
        .map(Held::of)
        .collect();
    crowd.push(Held::of(spawner));
    assert!(!crowd.iter().any(Held::is_dead));
    end(&mut child, spawner);
    wait_for(&mut child);
    crowd.iter().for_each(Held::dies);
    assert!(processes_with(&marker).is_empty());
}

fn role_supervise(hold: bool) {
    let stage = Stage::without_spawner();
    let spawner = Spawner::fork(&stage.paths()).unwrap();
    runtime().block_on(async {
        let show = Show::of(spawner);
        let crowd = crowd(&stage, &show, &marker()).await;
        println!("{}\n{}", marker(), show.handle.pid());
        // until standard input is closed, or for ever
        let mut text = String::new();
        while hold || std::io::stdin().read_line(&mut text).unwrap() > 0 {
            if hold {
                std::future::pending::<()>().await;
            }
        }
        drop(crowd);
    });
    // no quit: the process just ends
}

fn everybody_is_dead_after_quit() {
    let stage = Stage::without_spawner();
    let spawner = Spawner::fork(&stage.paths()).unwrap();
    runtime().block_on(async {
        let show = Show::of(spawner);
        let crowd = crowd(&stage, &show, &marker()).await;
        show.handle.quit().await.unwrap();
        let end = show.ended().await;
        assert_eq!((end.reason, end.asked), (ExitReason::Exited(0), true));
        assert!(crowd.iter().all(Held::is_dead));
    });
}

fn the_spawner_ends_when_no_handle_is_left() {
    let stage = Stage::without_spawner();
    let spawner = Spawner::fork(&stage.paths()).unwrap();
    runtime().block_on(async {
        let end = Show::of(spawner).ended().await;
        assert_eq!((end.reason, end.asked), (ExitReason::Exited(0), true));
    });
}

fn a_frozen_spawner_is_killed() {
    let stage = Stage::without_spawner();
    let spawner = Spawner::fork(&stage.paths()).unwrap();
    runtime().block_on(async {
        let show = Show::of(spawner);
        let crowd = crowd(&stage, &show, &marker()).await;
        kill_process(Pid::from_raw(show.handle.pid()).unwrap(), Signal::STOP).unwrap();
        let end = show.ended().await;
        assert_eq!(
            end.reason,
            ExitReason::Signaled {
                signal: 9,
                core: false
            }
        );
        assert!(crowd.iter().all(Held::is_dead));
    });
}

fn the_spawner_ignores_polite_signals() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let pid = Pid::from_raw(show.handle.pid()).unwrap();
        for signal in [
            Signal::TERM,
            Signal::INT,
            Signal::HUP,
            Signal::PIPE,
            Signal::USR1,
        ] {
            kill_process(pid, signal).unwrap();
        }
        show.handle
            .load(stage.load(vec![stage.script("exit 0")]))
            .await
            .unwrap();
        show.run(0).await;
    });
}
