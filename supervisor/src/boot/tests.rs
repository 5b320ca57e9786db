use super::*;
use crate::error::{Code, Exit};
use crate::host::ReadError;
use crate::host::fake::{CANARY, Fake};
use crate::unit::UnitState;

const SECOND: Duration = Duration::from_secs(1);

/// A boot in a world in memory.
struct Bench {
    fake: Fake,
    context: Arc<Context>,
}

impl Bench {
    fn new() -> Self {
        Self::of(Fake::new(), Mode::Bench)
    }

    fn with(change: impl FnOnce(&mut crate::host::fake::State)) -> Self {
        let bench = Self::new();
        change(&mut bench.fake.state());
        bench
    }

    fn of(fake: Fake, mode: Mode) -> Self {
        let host = fake.host();
        let console = Console::memory(Arc::clone(&host.clock));
        let places = Places {
            mode,
            contract: ContractPlace::Document(Source::File("/contract".into())),
            key: None,
            runtime_dir: "/run/bakehouse".into(),
        };
        let context = Arc::new(Context {
            host,
            places,
            console,
            board: Board::new(mode.as_str()),
            journal: Journal::none(),
            stop: CancellationToken::new(),
        });
        Self { fake, context }
    }

    /// Boots, and runs `during` beside it; then asks it to stop.
    async fn run(&self, during: impl Future<Output = ()>) -> Halt {
        let boot = Boot::new(Arc::clone(&self.context));
        let running = async {
            let halt = boot.run().await;
            finish(&self.context, halt).await
        };
        let then_stop = async {
            during.await;
            self.context.stop.cancel();
        };
        tokio::join!(running, then_stop).0
    }

    /// Boots and waits for the end that comes by itself.
    async fn halt(&self) -> Halt {
        let halt = Boot::new(Arc::clone(&self.context)).run().await;
        finish(&self.context, halt).await
    }

    /// Waits until something is the case, in steps of a millisecond of the paused clock.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..1_000_000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("never: {what}");
    }

    async fn until_open(&self) {
        self.until("open", |bench| bench.fake.state().open).await;
    }

    fn events(&self) -> Vec<Event> {
        self.context
            .console
            .events()
            .into_iter()
            .map(|(_, event)| event)
            .collect()
    }

    fn names(&self) -> Vec<&'static str> {
        self.events().iter().map(Event::name).collect()
    }

    fn count(&self, name: &str) -> usize {
        self.names().iter().filter(|other| **other == name).count()
    }

    fn phases(&self) -> Vec<Phase> {
        let phase = |event| {
            if let Event::Phase(phase) = event {
                Some(phase)
            } else {
                None
            }
        };
        self.events().into_iter().filter_map(phase).collect()
    }

    fn state_of(&self, unit: &str) -> Option<UnitState> {
        let status = self.context.board.read();
        status
            .units
            .iter()
            .find(|other| other.name == unit)
            .map(|unit| unit.state)
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_contract_goes_all_the_way_up_and_down_again() {
    use Phase::{Draining, Exposed, Halted, Opened, Planned, Provisioned, Running, Sealed};
    let bench = Bench::new();
    let halt = bench.run(async {
        bench.until_open().await;
        tokio::time::sleep(60 * SECOND).await;
        assert!(bench.fake.state().open);
        assert_eq!(bench.context.board.read().port, "open");
    });
    assert_eq!(halt.await.exit(), Exit::Drained);
    let phases = [
        Sealed,
        Opened,
        Planned,
        Provisioned,
        Running,
        Exposed,
        Draining,
        Halted,
    ];
    assert_eq!(bench.phases(), phases);
    let names = bench.names();
    let place = |name| names.iter().position(|other| *other == name).unwrap();
    assert!(place("firewall.locked") < place("phase.entered") + 2);
    assert!(place("signer.armed") < place("port.opened"));
    assert!(
        place("port.closed") < place("drain.started"),
        "the port first"
    );
    assert!(place("drain.started") < place("unit.stopped"));
    assert_eq!(
        (bench.count("port.opened"), bench.count("unit.stopped")),
        (1, 4)
    );
    assert!(bench.count("heartbeat") >= 2);
    assert_eq!(names.last(), Some(&"halted"));
    let state = bench.fake.state();
    assert!(state.wiped && state.quit && state.running.is_empty() && !state.open);
}

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
async fn units_stop_in_reverse_and_get_one_sigterm_each() {
    let bench = Bench::new();
    bench.run(bench.until_open()).await;
    let state = bench.fake.state();
    let signalled: Vec<_> = state
        .signals
        .iter()
        .map(|(unit, kill, _)| (*unit, *kill))
        .collect();
    // accuser needs baker, baker needs node and signer, node needs signer
    assert_eq!(signalled, [(3, false), (2, false), (1, false), (0, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_ignores_sigterm_is_killed_after_its_grace() {
    let bench = Bench::with(|state| {
        state.ignores_term = true;
        let timing = &mut state.contract.as_mut().unwrap().settings.timing;
        timing.stop_grace = 10 * SECOND;
    });
    assert_eq!(bench.run(bench.until_open()).await.exit(), Exit::Drained);
    let signals = bench.fake.state().signals.clone();
    assert_eq!(signals.iter().filter(|(_, kill, _)| !kill).count(), 4);
    for pair in signals.chunks(2) {
        assert_eq!((pair[0].0, pair[0].1, pair[1].1), (pair[1].0, false, true));
        assert_eq!(pair[1].2 - pair[0].2, 10 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_keeps_to_its_own_deadline() {
    let bench = Bench::with(|state| {
        state.ignores_term = true;
        let timing = &mut state.contract.as_mut().unwrap().settings.timing;
        timing.drain = 20 * SECOND;
    });
    let mut began = None;
    bench
        .run(async {
            bench.until_open().await;
            began = Some(tokio::time::Instant::now());
        })
        .await;
    let took = began.unwrap().elapsed();
    assert!(took >= 20 * SECOND && took < 27 * SECOND, "{took:?}");
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
async fn the_baker_starts_when_its_first_request_can_be_signed() {
    let bench = Bench::new();
    bench
        .run(async {
            bench
                .until("baker", |bench| bench.fake.state().starts.contains(&2))
                .await;
            let floor = bench.fake.state().arms[0];
            let level = 1000 + bench.context.console.uptime().as_secs();
            assert_eq!(level, floor + 1);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_hsm_that_is_late_is_waited_for_with_progress() {
    let bench = Bench::with(|state| state.hsm_up = false);
    let halt = bench.run(async {
        tokio::time::sleep(95 * SECOND).await;
        assert!(bench.fake.state().rearms.is_empty());
        bench.fake.state().hsm_up = true;
        bench.until_open().await;
    });
    assert_eq!(halt.await.exit(), Exit::Drained);
    assert_eq!(bench.count("hsm.waiting"), 10);
}

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
}

#[tokio::test(start_paused = true)]
async fn sigterm_is_handled() {
    for wait in [
        Duration::ZERO,
        Duration::from_millis(30),
        SECOND,
        4 * SECOND,
    ] {
        let bench = Bench::new();
        let halt = bench.run(tokio::time::sleep(wait)).await;
        assert_eq!(halt, Halt::drained(), "{wait:?}");
        let state = bench.fake.state();
        assert!(state.wiped && state.quit && state.running.is_empty() && !state.open);
    }
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
async fn names_are_asked_for_behind_a_firewall_that_lets_dns_through_only() {
    let bench = Bench::new();
    bench.run(bench.until_open()).await;
    let applied = bench.fake.state().applied.clone();
    let purposes: Vec<Vec<_>> = applied
        .iter()
        .map(|spec| {
            spec.egress
                .iter()
                .map(|rule| rule.purpose.as_str())
                .collect()
        })
        .collect();
    assert_eq!(purposes.len(), 2);
    assert!(
        purposes[0].iter().all(|purpose| *purpose == "dns"),
        "{purposes:?}"
    );
    assert!(purposes[1].contains(&"hsm") && purposes[1].contains(&"peers"));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_turns_up_late_is_waited_for() {
    let bench = Bench::with(|state| state.resolves = false);
    bench
        .run(async {
            tokio::time::sleep(30 * SECOND).await;
            bench.fake.state().resolves = true;
            bench.until_open().await;
        })
        .await;
    assert!(bench.count("hsm.waiting") >= 3);
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
    for n in 0..=opened {
        let bench = Bench::with(|state| {
            state.fail_at = Some(n);
            let timing = &mut state.contract.as_mut().unwrap().settings.timing;
            (timing.hsm_start, timing.node_start) = (10 * SECOND, 10 * SECOND);
        });
        let halt = bench.halt().await;
        let (state, what) = (bench.fake.state(), effects[n]);
        assert_ne!(halt.exit(), Exit::Drained, "{n}: {what}");
        assert!(
            !state.open && state.rearms.is_empty(),
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
async fn no_secret_is_told() {
    let bench = Bench::new();
    bench.run(bench.until_open()).await;
    let said = format!("{:?} {:?}", bench.events(), bench.context.board.read());
    assert!(!said.contains(CANARY) && !said.contains("PRIVATE KEY"));
    assert!(
        bench
            .fake
            .state()
            .files
            .iter()
            .filter(|(_, secret)| *secret)
            .count()
            >= 4
    );
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
