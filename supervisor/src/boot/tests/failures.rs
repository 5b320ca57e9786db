//! Whatever fails ends in one typed halt, with the port shut and the secrets wiped.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_hsm_that_never_comes_halts_the_boot() {
    let bench = Bench::with(|state| state.hsm_up = false);
    let began = tokio::time::Instant::now();
    let halt = bench.halt().await;
    assert_eq!(
        (halt.code, halt.exit()),
        (Code::HsmUnreachable, Exit::Unavailable)
    );
    assert!(halt.message.contains("connection refused"), "{halt}");
    assert!(began.elapsed() >= 600 * SECOND && began.elapsed() < 605 * SECOND);
    let state = bench.fake.state();
    assert!(state.rearms.is_empty() && state.wiped && state.quit);
}

#[tokio::test(start_paused = true)]
async fn the_wrong_chain_halts() {
    let bench = Bench::with(|state| state.chain_id = "NetXdQprcVkpaWU".into());
    let halt = bench.halt().await;
    assert_eq!(
        (halt.code, halt.exit()),
        (Code::ChainMismatch, Exit::Unavailable)
    );
    assert!(bench.fake.state().rearms.is_empty() && bench.fake.state().wiped);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_dies_too_often_drains_the_guest() {
    let bench = Bench::new();
    let end = bench.run(async {
        bench.until_open().await;
        let baker = bench.fake.unit("baker");
        for _ in 0..10 {
            bench
                .until("runs", |bench| {
                    bench.fake.state().running.contains_key(&baker)
                })
                .await;
            bench.fake.kill("baker");
        }
        bench
            .until("halted", |bench| bench.names().contains(&"halted"))
            .await;
    });
    let halt = end.await;
    assert_eq!(
        (halt.code, halt.exit()),
        (Code::UnitFailed, Exit::Unavailable)
    );
    assert!(bench.phases().contains(&Phase::Draining));
    assert!(bench.fake.state().wiped);
}

#[tokio::test(start_paused = true)]
async fn a_missing_power_is_refused_unless_the_contract_waives_it() {
    let missing = || Halt::new(Code::PowerMissing, "CAP_NET_ADMIN");
    let bench = Bench::with(|state| state.lock = Err(missing()));
    let halt = bench.halt().await;
    assert_eq!((halt.code, halt.exit()), (Code::PowerMissing, Exit::Power));
    assert_eq!(
        bench
            .fake
            .state()
            .effects
            .iter()
            .filter(|e| **e == "open")
            .count(),
        1
    );

    let bench = Bench::with(|state| {
        state.lock = Err(missing());
        let powers = &mut state.contract.as_mut().unwrap().settings.powers;
        powers.delegated = vec!["firewall".into()];
    });
    bench
        .run(async {
            bench
                .until("exposed", |bench| bench.phases().contains(&Phase::Exposed))
                .await;
            tokio::time::sleep(60 * SECOND).await;
            assert_eq!(bench.context.board.read().port, "delegated");
            assert_eq!(bench.context.board.read().waived, ["firewall"]);
        })
        .await;
    assert!(bench.fake.state().rearms.is_empty() && bench.fake.state().applied.is_empty());
    assert_eq!(
        (bench.count("power.waived"), bench.count("port.opened")),
        (1, 0)
    );
    for event in bench.events() {
        if let Event::Heartbeat(beat) = event {
            assert_eq!(
                (beat.port, &beat.waived[..]),
                ("delegated", &["firewall".to_owned()][..])
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_firewall_that_fails_otherwise_is_never_waived() {
    let bench = Bench::with(|state| {
        state.lock = Err(Halt::new(Code::FirewallFailed, "nft"));
        let powers = &mut state.contract.as_mut().unwrap().settings.powers;
        powers.delegated = vec!["firewall".into()];
    });
    assert_eq!(bench.halt().await.exit(), Exit::Firewall);
}

#[tokio::test(start_paused = true)]
async fn bad_input_gives_one_typed_error_and_never_opens_the_port() {
    type Change = fn(&mut crate::host::fake::State);
    fn settings(
        state: &mut crate::host::fake::State,
    ) -> &mut bakehouse_contract::settings::Settings {
        &mut state.contract.as_mut().unwrap().settings
    }
    let table: [(Change, Code, u8); 9] = [
        (
            |state| state.bytes = Err(ReadError::Missing),
            Code::ContractMissing,
            66,
        ),
        (
            |state| state.bytes = Err(ReadError::TooLarge),
            Code::ContractTooLarge,
            65,
        ),
        (|state| state.contract = None, Code::ContractNotYaml, 65),
        (|state| settings(state).keys.clear(), Code::KeyMissing, 65),
        (
            |state| state.mounts = state.mounts.replace("ext4 /dev/vdb", "tmpfs tmpfs"),
            Code::StateNotPersistent,
            73,
        ),
        (|state| state.writable = false, Code::StateUnwritable, 73),
        (
            |state| settings(state).grep11.credentials.certificate.clear(),
            Code::CredentialsInvalid,
            78,
        ),
        (|state| state.resolves = false, Code::NameUnresolved, 69),
        (
            |state| state.load = Err(Halt::new(Code::ExecutableMismatch, "octez-node")),
            Code::ExecutableMismatch,
            78,
        ),
    ];
    for (change, code, exit) in table {
        let bench = Bench::with(change);
        let halt = bench.halt().await;
        assert_eq!((halt.code, halt.exit() as u8), (code, exit));
        let state = bench.fake.state();
        assert!(
            state.rearms.is_empty() && state.starts.is_empty() && state.wiped,
            "{code:?}"
        );
        let Some(Event::Halted(told)) = bench.events().pop() else {
            panic!("{code:?}")
        };
        assert_eq!(told, halt);
        assert_eq!(
            bench.context.board.read().halted.unwrap().code,
            code.as_str()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn state_on_tmpfs_passes_when_waived() {
    let bench = Bench::with(|state| {
        state.mounts = state.mounts.replace("ext4 /dev/vdb", "tmpfs tmpfs");
        state.contract.as_mut().unwrap().settings.powers.delegated = vec!["state".into()];
    });
    assert_eq!(bench.run(bench.until_open()).await.exit(), Exit::Drained);
}

#[tokio::test(start_paused = true)]
async fn any_effect_that_fails_before_exposure_ends_halted_with_the_port_never_open() {
    let good = Bench::new();
    good.run(good.until_open()).await;
    let effects = good.fake.state().effects.clone();
    let opened = effects
        .iter()
        .position(|effect| *effect == "rearm")
        .unwrap();
    for (n, what) in effects.iter().copied().enumerate().take(opened + 1) {
        let bench = Bench::with(|state| {
            state.fail_at = Some(n);
            let timing = &mut state.contract.as_mut().unwrap().settings.timing;
            (timing.hsm_start, timing.node_start) = (10 * SECOND, 10 * SECOND);
        });
        // The node may take long to come up, and what was ready once is started again and again: that is stopped here.
        let halt = bench.run(tokio::time::sleep(120 * SECOND)).await;
        let waits = ["readyz", "rpc", "arm"].contains(&what);
        let state = bench.fake.state();
        // A probe that was on its way when the proof was complete fails too late to keep the port shut at first.
        let on_its_way = n + 10 > opened && waits;
        assert!(halt.exit() != Exit::Drained || waits, "{n}: {what}");
        assert!(!state.open, "{n}: {what} left the port open");
        assert!(
            state.rearms.is_empty() || on_its_way,
            "{n}: {what} opened the port"
        );
        assert!(
            state.wiped && state.quit && !state.closes.is_empty(),
            "{n}: {what}"
        );
        assert_eq!(bench.names().last(), Some(&"halted"), "{n}: {what}");
        assert_eq!(bench.phases().last(), Some(&Phase::Halted));
        assert_eq!(bench.context.board.read().port, "shut");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_that_fails_is_no_clean_drain_and_keeps_no_other_from_being_done() {
    for what in ["wipe", "quit"] {
        let good = Bench::new();
        good.run(good.until_open()).await;
        let at = good
            .fake
            .state()
            .effects
            .iter()
            .position(|effect| *effect == what)
            .unwrap();
        let bench = Bench::with(|state| state.fail_at = Some(at));
        let halt = bench.run(bench.until_open()).await;
        assert_ne!(halt.exit(), Exit::Drained, "{what}");
        assert!(bench.fake.state().wiped && bench.fake.state().quit);
    }
}

#[tokio::test(start_paused = true)]
async fn status_readable_after_fatal_boot() {
    let bench = Bench::of(Fake::new(), Mode::Sealed);
    bench.fake.state().contract = None;
    let halt = bench.halt().await;
    let began = tokio::time::Instant::now();
    let resting = power_off(&bench.context);
    tokio::pin!(resting);
    let early = tokio::time::timeout(59 * SECOND, &mut resting).await;
    assert!(early.is_err(), "still there after 59 s");
    assert_eq!(
        bench.context.board.read().halted.unwrap().code,
        halt.code.as_str()
    );
    resting.await.unwrap();
    assert_eq!(bench.fake.state().off.unwrap() - began, 60 * SECOND);
}
