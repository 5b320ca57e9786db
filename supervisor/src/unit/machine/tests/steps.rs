//! The commands that run before a unit.

use super::*;

#[test]
fn steps_run_one_after_another_and_the_unit_last() {
    let mut bench = Bench::new(2);
    assert_eq!(
        bench.on(Event::NeedsMet),
        [Action::Start {
            step: Step::Prepare(0),
            run: 1
        }]
    );
    bench.started();
    assert_eq!(
        bench.on(exit(0)),
        [Action::Start {
            step: Step::Prepare(1),
            run: 2
        }]
    );
    assert_eq!(
        bench.on(Event::Skipped { run: 2 }),
        [Action::Start {
            step: Step::Main,
            run: 3
        }]
    );
    assert_eq!(
        bench.started(),
        [Action::Announce(Notice::Starting(Step::Main))]
    );
    assert_eq!(bench.machine.state(), UnitState::Starting);
}

#[test]
fn a_step_that_ends_before_its_start_is_answered_counts() {
    let mut bench = Bench::new(1);
    bench.on(Event::NeedsMet);
    assert_eq!(
        bench.on(exit(0)),
        [Action::Start {
            step: Step::Main,
            run: 2
        }]
    );
    assert_eq!(bench.on(Event::Started { run: 1 }), []);
    assert_eq!(bench.machine.running(), None);
}

#[test]
fn a_step_that_fails_is_a_death() {
    let mut bench = Bench::new(1);
    bench.on(Event::NeedsMet);
    bench.started();
    bench.on(exit(3));
    assert_eq!(bench.machine.state(), UnitState::Backoff);
    assert_eq!(bench.machine.deaths(), 1);
}

#[test]
fn a_step_that_takes_too_long_is_killed_and_the_unit_failed() {
    let mut bench = Bench::new(1);
    bench.on(Event::NeedsMet);
    bench.started();
    let actions = bench.after(20);
    assert!(actions.contains(&Action::Kill) && !actions.contains(&Action::Terminate));
    assert!(matches!(
        &actions[..],
        [.., Action::Kill] | [Action::Escalate(_), ..]
    ));
    bench.on(killed());
    assert_eq!(bench.machine.state(), UnitState::Failed);
}
