use super::*;
use crate::plan::spec::Level;
use crate::unit::machine::{Event, Verdict};
use crate::unit::table::tests::unit;
use crate::unit::{ExitReason, Table};

const DEAD_MAN: Duration = Duration::from_secs(2);
const MS: Duration = Duration::from_millis(1);

/// A gate with two units, on a clock of its own.
struct Bench {
    table: Table,
    gate: Gate,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let units = vec![unit("signer", &[]), unit("node", &[("signer", Level::Up)])];
        let now = Instant::now();
        let mut bench = Self {
            table: Table::new(units, 1).unwrap(),
            gate: Gate::new(DEAD_MAN),
            now,
        };
        bench.table.tick(now);
        for unit in 0..2 {
            bench.table.handle(unit, Event::Started { run: 1 }, now);
            bench.synced(unit);
        }
        bench
    }

    fn synced(&mut self, unit: usize) {
        self.table
            .probed(unit, 1, Verdict::Synced, self.now, self.now);
    }

    /// Time goes by, with probes twice in each interval.
    fn pass(&mut self, time: Duration, probes: bool) {
        let end = self.now + time;
        while self.now < end {
            self.now += (end - self.now).min(250 * MS);
            if probes {
                self.synced(0);
                self.synced(1);
            }
        }
    }

    fn step(&mut self) -> Option<Order> {
        self.gate.step(&self.table, self.now)
    }

    fn rearm(&mut self) -> bool {
        let Some(Order::Rearm(_, era)) = self.step() else {
            panic!("no re-arm")
        };
        self.gate.rearmed(era, self.now, true, self.now)
    }

    fn open() -> Self {
        let mut bench = Self::new();
        assert!(bench.step().is_none());
        bench.pass(500 * MS, true);
        assert!(bench.rearm() && bench.gate.is_open());
        bench
    }

    fn die(&mut self) {
        self.table
            .handle(1, Event::Exited(ExitReason::OomKilled), self.now);
    }
}

#[test]
fn opening_waits_until_all_was_ready_for_one_interval() {
    let mut bench = Bench::new();
    assert!(bench.step().is_none());
    bench.pass(250 * MS, true);
    assert!(bench.step().is_none());
    bench.pass(250 * MS, true);
    assert!(bench.rearm());
}

#[test]
fn it_stays_open_by_a_proof_in_each_quarter_of_the_interval() {
    let mut bench = Bench::open();
    bench.pass(499 * MS, true);
    assert!(bench.step().is_none());
    bench.pass(MS, true);
    assert!(!bench.rearm(), "no second opening");
}

#[test]
fn a_unit_that_leaves_ready_closes_it_at_once() {
    let mut bench = Bench::open();
    bench.die();
    let Some(Order::Close {
        reason,
        was_open: true,
    }) = bench.step()
    else {
        panic!()
    };
    assert_eq!(reason, "node ended: out of memory");
    assert!(bench.step().is_none(), "once");
}

#[test]
fn without_a_fresh_proof_it_is_not_rearmed_and_taken_for_closed() {
    let mut bench = Bench::open();
    bench.pass(1900 * MS, false);
    assert!(bench.step().is_none());
    bench.pass(100 * MS, false);
    assert!(matches!(
        bench.step(),
        Some(Order::Close { was_open: true, .. })
    ));
    bench.pass(400 * MS, true);
    assert!(bench.step().is_none(), "opening waits again");
    bench.pass(100 * MS, true);
    assert!(bench.rearm());
}

#[test]
fn a_rearm_that_a_closing_overtook_opens_nothing() {
    let mut bench = Bench::open();
    bench.pass(500 * MS, true);
    let Some(Order::Rearm(_, era)) = bench.step() else {
        panic!()
    };
    bench.die();
    assert!(matches!(bench.step(), Some(Order::Close { .. })));
    assert!(!bench.gate.rearmed(era, bench.now, true, bench.now));
    assert!(!bench.gate.is_open());
}

#[test]
fn whatever_closed_it_opening_takes_a_whole_interval_again() {
    let mut bench = Bench::open();
    bench.pass(5000 * MS, true);
    bench.gate.close("repaired".to_owned());
    assert!(bench.step().is_none(), "not by what was known before");
    bench.pass(499 * MS, true);
    assert!(bench.step().is_none());
    bench.pass(MS, true);
    assert!(bench.rearm());
}

#[test]
fn a_rearm_that_failed_is_tried_again_a_little_later() {
    let mut bench = Bench::open();
    bench.pass(500 * MS, true);
    let Some(Order::Rearm(_, era)) = bench.step() else {
        panic!()
    };
    assert!(bench.step().is_none(), "one at a time");
    bench.gate.rearmed(era, bench.now, false, bench.now);
    assert!(bench.step().is_none());
    bench.pass(250 * MS, true);
    assert!(matches!(bench.step(), Some(Order::Rearm(..))));
}

#[test]
fn its_deadline_is_never_in_the_past_while_it_waits() {
    let mut bench = Bench::open();
    for _ in 0..19 {
        bench.pass(100 * MS, false);
        assert!(bench.step().is_none());
        let deadline = bench.gate.deadline(&bench.table, bench.now);
        assert!(deadline.is_some_and(|at| at > bench.now));
    }
}
