//! The port follows the units.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_port_is_rearmed_four_times_in_each_interval() {
    let bench = Bench::new();
    bench
        .run(async {
            bench.until_open().await;
            tokio::time::sleep(60 * SECOND).await;
        })
        .await;
    let rearms = &bench.fake.state().rearms;
    let gaps: Vec<_> = rearms.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let longest = gaps.iter().max().unwrap();
    assert!(
        *longest < SECOND,
        "half of the dead-man's interval: {longest:?}"
    );
    assert!(gaps.len() > 100);
}

#[tokio::test(start_paused = true)]
async fn the_port_closes_at_once_when_any_unit_dies_and_opens_again() {
    for unit in ["signer", "node", "baker", "accuser"] {
        let bench = Bench::new();
        bench
            .run(async {
                bench.until_open().await;
                tokio::time::sleep(5 * SECOND).await;
                let killed = tokio::time::Instant::now();
                bench.fake.kill(unit);
                bench
                    .until("closed", |bench| !bench.fake.state().open)
                    .await;
                assert!(killed.elapsed() < Duration::from_millis(50), "{unit}");
                bench.until_open().await;
            })
            .await;
        assert_eq!(
            (bench.count("port.opened"), bench.count("unit.exited")),
            (2, 1),
            "{unit}"
        );
        assert_eq!(bench.count("unit.backoff"), 1);
        let log = bench
            .events()
            .into_iter()
            .find(|event| event.name() == "unit.log");
        assert!(matches!(log, Some(Event::UnitLog { line, .. }) if line.ends_with("runs")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_was_restarted_is_armed_again_above_the_old_floor() {
    let bench = Bench::new();
    bench
        .run(async {
            bench.until_open().await;
            bench.fake.kill("signer");
            bench
                .until("closed", |bench| !bench.fake.state().open)
                .await;
            bench.until_open().await;
        })
        .await;
    let arms = bench.fake.state().arms.clone();
    assert!(arms.len() == 2 && arms[1] > arms[0], "{arms:?}");
    assert_eq!(bench.count("signer.armed"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_hsm_that_goes_away_closes_the_port_and_kills_nobody() {
    let bench = Bench::new();
    bench
        .run(async {
            bench.until_open().await;
            bench.fake.state().hsm_up = false;
            bench
                .until("closed", |bench| !bench.fake.state().open)
                .await;
            tokio::time::sleep(200 * SECOND).await;
            assert_eq!(bench.state_of("signer"), Some(UnitState::Degraded));
            bench.fake.state().hsm_up = true;
            bench.until_open().await;
        })
        .await;
    assert_eq!(bench.fake.state().starts.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_is_not_rearmed_for() {
    let bench = Bench::new();
    bench
        .run(async {
            bench.until_open().await;
            tokio::time::sleep(5 * SECOND).await;
            bench.fake.state().node_hangs = true;
            let hung = tokio::time::Instant::now();
            bench
                .until("closed", |bench| !bench.fake.state().open)
                .await;
            assert!(hung.elapsed() < 2 * SECOND);
            let last = *bench.fake.state().rearms.last().unwrap();
            assert!(last < hung + SECOND, "no proof, no re-arm");
            bench.fake.state().node_hangs = false;
            bench.until_open().await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_stops_growing_closes_the_port() {
    let bench = Bench::new();
    bench
        .run(async {
            bench.until_open().await;
            tokio::time::sleep(5 * SECOND).await;
            let level = 1000 + bench.context.console.uptime().as_secs();
            bench.fake.state().frozen_level = Some(level);
            bench
                .until("closed", |bench| !bench.fake.state().open)
                .await;
            assert_eq!(bench.state_of("node"), Some(UnitState::Degraded));
            bench.fake.state().frozen_level = None;
            bench.until_open().await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_spawner_closes_the_port_and_halts() {
    let bench = Bench::new();
    let end = bench.run(async {
        bench.until_open().await;
        bench.fake.lose_spawner();
        bench
            .until("closed", |bench| !bench.fake.state().open)
            .await;
        bench
            .until("halted", |bench| bench.names().contains(&"halted"))
            .await;
    });
    assert_eq!(end.await.code, Code::SpawnerLost);
}

#[tokio::test(start_paused = true)]
async fn drift_is_told_repaired_and_the_port_opened_again() {
    let bench = Bench::new();
    bench
        .run(async {
            bench.until_open().await;
            bench.fake.state().drift = Some("missing: input policy".into());
            bench
                .until("drift", |bench| bench.count("firewall.drift") == 1)
                .await;
            bench.until_open().await;
        })
        .await;
    assert_eq!(bench.count("port.opened"), 2);
    let state = bench.fake.state();
    let events = bench.context.console.events();
    let at = |name: &str| {
        events
            .iter()
            .find(|(_, event)| event.name() == name)
            .unwrap()
            .0
    };
    let drift = at("firewall.drift");
    assert!(
        at("port.closed") >= drift && state.closes[0] >= drift,
        "closed by us too"
    );
    let after = state.rearms.iter().find(|rearm| **rearm >= drift).unwrap();
    assert!(*after >= drift + SECOND / 2, "by proofs that are newer");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_lost_while_running_is_put_back_and_the_port_closed_and_opened_again() {
    let bench = Bench::new();
    let halt = bench.run(async {
        bench.until_open().await;
        // Right after a look at the rules, so that the next by turn is far.
        bench
            .until("a look", |bench| {
                bench.fake.state().effects.last() == Some(&"drift")
            })
            .await;
        bench.fake.flush_ruleset();
        let lost = tokio::time::Instant::now();
        bench
            .until("closed", |bench| !bench.fake.state().open)
            .await;
        assert!(lost.elapsed() < SECOND, "{:?}", lost.elapsed());
        bench.until_open().await;
        tokio::time::sleep(10 * SECOND).await;
    });
    assert_eq!(halt.await, Halt::drained());
    let names = bench.names();
    let place = |name| names.iter().position(|other| *other == name).unwrap();
    assert!(
        place("firewall.drift") < place("port.closed"),
        "told when true"
    );
    assert_eq!(
        (bench.count("port.opened"), bench.count("port.closed")),
        (2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_dies_without_a_table_still_gets_the_port_closed() {
    let bench = Bench::new();
    let halt = bench.run(async {
        bench.until_open().await;
        bench.fake.flush_ruleset();
        bench.fake.kill("baker");
        bench
            .until("closed", |bench| !bench.fake.state().open)
            .await;
        bench.until_open().await;
    });
    assert_eq!(halt.await, Halt::drained());
    let names = bench.names();
    let place = |name| names.iter().position(|other| *other == name).unwrap();
    assert!(
        place("firewall.drift") < place("port.closed"),
        "told when true"
    );
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_lost_when_the_drain_begins_is_put_back_before_the_port_is_told_closed() {
    let bench = Bench::new();
    let halt = bench.run(async {
        bench.until_open().await;
        bench.fake.flush_ruleset();
    });
    assert_eq!(halt.await, Halt::drained());
    assert!(!bench.fake.state().open && !bench.fake.state().no_table);
    let names = bench.names();
    let place = |name| names.iter().position(|other| *other == name).unwrap();
    assert!(place("firewall.drift") < place("port.closed"));
    assert!(place("port.closed") < place("drain.started"));
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_lost_during_the_drain_is_put_back() {
    let bench = Bench::with(|state| state.ignores_term = true);
    let running = bench.run(async { bench.until_open().await });
    let beside = async {
        bench
            .until("draining", |bench| {
                bench.phases().contains(&Phase::Draining)
            })
            .await;
        bench.fake.flush_ruleset();
        bench
            .until("closed", |bench| !bench.fake.state().open)
            .await;
        assert!(
            bench.fake.state().running.len() > 1,
            "while units still run"
        );
    };
    assert_eq!(tokio::join!(running, beside).0, Halt::drained());
}
