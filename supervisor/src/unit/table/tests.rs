use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::plan::spec::{Account, ExecutableSpec, ProbeSpec, RestartSpec, StopSpec, UnitName};
use crate::unit::Step;

const INTERVAL: Duration = Duration::from_millis(500);

pub(crate) fn unit(name: &str, needs: &[(&str, Level)]) -> UnitSpec {
    UnitSpec {
        name: UnitName(name.to_owned()),
        executable: ExecutableSpec {
            name: name.to_owned(),
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
        prepare: vec![],
        needs: needs
            .iter()
            .map(|(name, level)| (UnitName((*name).to_owned()), *level))
            .collect(),
        probe: ProbeSpec::Alive {
            stable_for: Duration::from_secs(1),
        },
        probe_interval: INTERVAL,
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

fn house() -> Table {
    let units = vec![
        unit("signer", &[]),
        unit("node", &[("signer", Level::Up)]),
        unit(
            "baker",
            &[("signer", Level::Synced), ("node", Level::Synced)],
        ),
        unit("accuser", &[("node", Level::Synced)]),
    ];
    Table::new(units, 1).unwrap()
}

fn starts(actions: &[(usize, Action)]) -> Vec<usize> {
    let start =
        |(unit, action): &(usize, Action)| matches!(action, Action::Start { .. }).then_some(*unit);
    actions.iter().filter_map(start).collect()
}

fn terms(actions: &[(usize, Action)]) -> Vec<usize> {
    actions
        .iter()
        .filter(|(_, action)| *action == Action::Terminate)
        .map(|(unit, _)| *unit)
        .collect()
}

fn started(table: &mut Table, unit: usize, now: Instant) {
    table.handle(unit, Event::Started { run: 1 }, now);
}

fn ready(table: &mut Table, unit: usize, now: Instant) -> Vec<(usize, Action)> {
    table.probed(unit, 1, Verdict::Synced, now, now)
}

/// Everything started and ready, with proofs of `now`.
fn all_ready(now: Instant) -> Table {
    let mut table = house();
    table.tick(now);
    for unit in 0..4 {
        started(&mut table, unit, now);
        ready(&mut table, unit, now);
    }
    table
}

#[test]
fn units_start_in_graph_order_at_the_level_asked_for() {
    let (mut table, now) = (house(), Instant::now());
    assert_eq!(starts(&table.tick(now)), [0]);
    started(&mut table, 0, now);
    let up = Verdict::Up {
        reason: "unarmed".to_owned(),
    };
    assert_eq!(starts(&table.probed(0, 1, up, now, now)), [1]);
    started(&mut table, 1, now);
    assert_eq!(starts(&ready(&mut table, 1, now)), [3]);
    assert_eq!(starts(&ready(&mut table, 0, now)), [2]);
}

#[test]
fn units_stop_in_reverse_order() {
    let now = Instant::now();
    let mut table = all_ready(now);
    assert_eq!(terms(&table.drain(Duration::from_mins(10), now)), [2, 3]);
    assert!(table.all_ready(now).is_none());
    let exit = || Event::Exited(ExitReason::Exited { code: 127 });
    assert!(terms(&table.handle(2, exit(), now)).is_empty());
    assert_eq!(terms(&table.handle(3, exit(), now)), [1]);
    assert_eq!(terms(&table.handle(1, exit(), now)), [0]);
    assert!(!table.is_over());
    table.handle(0, exit(), now);
    assert!(table.is_over());
}

#[test]
fn a_drain_ends_at_its_deadline() {
    let now = Instant::now();
    let mut table = all_ready(now);
    table.drain(Duration::from_mins(1), now);
    let late = now + Duration::from_mins(1);
    assert_eq!(table.deadline(), Some(late));
    let killed: Vec<_> = table
        .tick(late)
        .into_iter()
        .filter(|(_, a)| *a == Action::Kill)
        .collect();
    assert_eq!(killed.len(), 4);
}

#[test]
fn a_unit_that_dies_while_draining_is_not_started_again() {
    let now = Instant::now();
    let mut table = all_ready(now);
    table.drain(Duration::from_mins(10), now);
    let actions = table.handle(0, Event::Exited(ExitReason::Exited { code: 1 }), now);
    assert!(starts(&actions).is_empty());
    for second in 0..100 {
        assert!(starts(&table.tick(now + Duration::from_secs(second))).is_empty());
    }
}

#[test]
fn the_proof_needs_every_unit_and_ends_with_the_oldest_probe() {
    let now = Instant::now();
    let mut table = all_ready(now);
    assert!(table.all_ready(now).is_some());
    let later = now + INTERVAL / 2;
    for unit in 0..3 {
        ready(&mut table, unit, later);
    }
    let just_before = now + INTERVAL - Duration::from_millis(1);
    assert!(table.all_ready(just_before).is_some());
    assert!(
        table.all_ready(now + INTERVAL).is_none(),
        "the accuser's probe is an interval old"
    );
}

#[test]
fn a_probe_counts_from_when_it_was_sent() {
    let now = Instant::now();
    let mut table = all_ready(now);
    let answered = now + INTERVAL;
    for unit in 0..4 {
        table.probed(unit, 1, Verdict::Synced, now, answered);
    }
    assert!(table.all_ready(answered).is_none());
}

#[test]
fn no_proof_after_any_exit() {
    for unit in 0..4 {
        let now = Instant::now();
        let mut table = all_ready(now);
        table.handle(unit, Event::Exited(ExitReason::OomKilled), now);
        assert!(table.all_ready(now).is_none() && !table.all_in_ready());
        assert_eq!(table.first_unready().unwrap().state, UnitState::Backoff);
    }
}

#[test]
fn two_probes_are_due_in_each_interval_and_one_at_a_time() {
    let now = Instant::now();
    let mut table = house();
    table.tick(now);
    started(&mut table, 0, now);
    let due = table.due_probes(now);
    assert_eq!(
        due,
        [ProbeOrder {
            unit: 0,
            run: 1,
            timeout: INTERVAL
        }]
    );
    assert_eq!(table.due_probes(now + INTERVAL), []);
    ready(&mut table, 0, now);
    assert_eq!(table.due_probes(now + INTERVAL / 4), []);
    assert_eq!(table.due_probes(now + INTERVAL / 2).len(), 1);
}

#[test]
fn a_graph_that_is_not_in_order_is_refused() {
    let units = vec![unit("node", &[("signer", Level::Up)]), unit("signer", &[])];
    assert!(Table::new(units, 1).is_err());
    assert!(Table::new(vec![unit("node", &[("node", Level::Up)])], 1).is_err());
}

proptest! {
    #[test]
    fn a_proof_is_never_given_while_a_unit_is_not_ready(
        choices in prop::collection::vec((0_usize..4, 0_u8..8, 0_u64..400), 0..150),
    ) {
        let mut now = Instant::now();
        let mut table = house();
        let mut synced_at: [Option<Instant>; 4] = [None; 4];
        for (unit, choice, millis) in choices {
            now += Duration::from_millis(millis);
            table.tick(now);
            let run = table.units[unit].machine.running().map(|(run, _)| run);
            match choice {
                0 => { table.handle(unit, Event::Exited(ExitReason::OomKilled), now); synced_at[unit] = None; }
                1 if run.is_some() => {
                    table.probed(unit, run.unwrap(), Verdict::Unready { reason: String::new(), code: None }, now, now);
                    synced_at[unit] = None;
                }
                2 | 3 => { for run in 1..20 { table.handle(unit, Event::Started { run }, now); } }
                _ if run.is_some() => {
                    table.probed(unit, run.unwrap(), Verdict::Synced, now, now);
                    synced_at[unit] = Some(now);
                }
                _ => {}
            }
            if table.all_ready(now).is_some() {
                for at in synced_at {
                    prop_assert!(at.is_some_and(|at| now.duration_since(at) < INTERVAL));
                }
            }
        }
    }

    #[test]
    fn the_graph_is_followed_whatever_the_order(order in Just([0_usize, 1, 2, 3]).prop_shuffle()) {
        let (mut table, now) = (house(), Instant::now());
        table.tick(now);
        for _ in 0..4 {
            for unit in order {
                let needs_met = [true, table.units[0].machine.level().is_some(),
                    table.units[0].machine.level() == Some(Level::Synced) && table.units[1].machine.level() == Some(Level::Synced),
                    table.units[1].machine.level() == Some(Level::Synced)][unit];
                prop_assert_eq!(table.units[unit].machine.state() != UnitState::Pending, needs_met);
                started(&mut table, unit, now);
                ready(&mut table, unit, now);
            }
        }
        prop_assert!(table.all_in_ready());
    }
}

#[test]
fn main_is_started_without_prepare_steps() {
    let actions = house().tick(Instant::now());
    assert_eq!(
        actions,
        [(
            0,
            Action::Start {
                step: Step::Main,
                run: 1
            }
        )]
    );
}
