mod failures;
mod import;
mod port;
mod told;

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
            pins: None,
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
        for _ in 0..100_000 {
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
