use std::collections::HashMap;
use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use serde_json::json;

use super::*;
use crate::error::{Code, Halt};
use crate::host::{Job, utc};
use crate::plan::spec::SnapshotSpec;

const INTERVAL: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);

type Canned = Result<(u16, String), HttpError>;

/// Answers by route; routes that are missing are unreachable.
#[derive(Default)]
struct Routes {
    answers: Mutex<HashMap<String, Canned>>,
    asked: Mutex<Vec<Ask>>,
}

impl Routes {
    fn set(&self, path: &str, answer: &serde_json::Value) {
        self.put(path, Ok((200, answer.to_string())));
    }

    fn put(&self, path: &str, answer: Canned) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    fn count(&self, path: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|ask| ask.path == path)
            .count()
    }
}

impl Net for Routes {
    fn resolve(&self, _: Vec<IpAddr>, _: String) -> Job<'_, Result<Vec<IpAddr>, String>> {
        unreachable!()
    }

    fn ask(&self, ask: Ask, _: Duration) -> Job<'_, Result<Answer, HttpError>> {
        let found = self.answers.lock().unwrap().get(&ask.path).cloned();
        self.asked.lock().unwrap().push(ask);
        let answer = found.unwrap_or(Err(HttpError::Unreachable));
        Box::pin(async {
            answer.map(|(status, body)| Answer {
                status,
                body: body.into_bytes(),
            })
        })
    }

    fn fetch(&self, _: SnapshotSpec, _: Vec<IpAddr>) -> Job<'_, Result<(), Halt>> {
        unreachable!()
    }
}

struct Bench {
    routes: Arc<Routes>,
    world: World,
    prober: Prober,
}

fn wall(begun: Instant) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + begun.elapsed()
}

impl Bench {
    fn of(spec: &ProbeSpec) -> Self {
        let routes = Arc::new(Routes::default());
        let begun = Instant::now();
        let world = World {
            net: Arc::clone(&routes) as Arc<dyn Net>,
            clock: Arc::new(move || wall(begun)),
            chain: Chain::default(),
            chain_id: "NetXsqzbfFenSTS".to_owned(),
        };
        Self {
            routes,
            world,
            prober: Prober::new(spec, INTERVAL, begun),
        }
    }

    fn node() -> Self {
        let rpc = "127.0.0.1:8732".parse().unwrap();
        let bench = Self::of(&ProbeSpec::Node {
            rpc,
            chain_id: "NetXsqzbfFenSTS".to_owned(),
        });
        bench.routes.set("/health/ready", &json!({ "ready": true }));
        bench
            .routes
            .set("/chains/main/chain_id", &json!("NetXsqzbfFenSTS"));
        bench.synced("synced");
        let constants = json!({ "minimal_block_delay": "8" });
        bench
            .routes
            .set("/chains/main/blocks/head/context/constants", &constants);
        bench.head(1, Duration::ZERO);
        bench
    }

    fn synced(&self, state: &str) {
        let sync = json!({ "bootstrapped": true, "sync_state": state });
        self.routes.set("/chains/main/is_bootstrapped", &sync);
    }

    fn head(&self, level: i64, age: Duration) {
        let timestamp = utc::format((self.world.clock)() - age);
        let header = json!({ "level": level, "timestamp": timestamp });
        self.routes.set("/chains/main/blocks/head/header", &header);
    }

    fn signer() -> Self {
        let http = "127.0.0.1:6732".parse().unwrap();
        let bench = Self::of(&ProbeSpec::Signer {
            http,
            admin: "/run/admin.sock".into(),
        });
        bench.armed(false);
        bench
            .routes
            .set("/arm", &json!({ "armed": true, "floor": 102 }));
        bench
    }

    fn armed(&self, armed: bool) {
        self.routes.set(
            "/readyz",
            &json!({ "ready": true, "armed": armed, "checks": [] }),
        );
    }

    fn seen(&self, level: i64) {
        let head = Head {
            level,
            timestamp: (self.world.clock)(),
            block_time: SECOND,
            read: Instant::now(),
        };
        self.world.chain.publish(Some(head));
    }

    async fn verdict(&mut self) -> Verdict {
        self.prober.probe(&self.world, INTERVAL).await.verdict
    }

    async fn up(&mut self) -> String {
        match self.verdict().await {
            Verdict::Up { reason } => reason,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_is_synced_once_its_fresh_head_was_seen_to_grow() {
    let mut bench = Bench::node();
    assert_eq!(bench.up().await, "the head 1 has not grown yet");
    assert_eq!(bench.world.chain.head(), None);
    bench.head(2, Duration::ZERO);
    assert_eq!(bench.verdict().await, Verdict::Synced);
    let head = bench.world.chain.head().unwrap();
    assert_eq!((head.level, head.block_time), (2, 8 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_old_head_is_not_synced_however_it_grows() {
    let mut bench = Bench::node();
    for level in 1..5 {
        bench.head(level, 17 * SECOND);
        assert_eq!(bench.up().await, format!("the head {level} is 17 s old"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_of_the_future_is_not_synced_and_arms_nothing() {
    let mut bench = Bench::node();
    bench.up().await;
    let real = Arc::clone(&bench.world.clock);
    bench.head(2, Duration::ZERO);
    let behind = Arc::clone(&real);
    bench.world.clock = Arc::new(move || behind() - 9 * SECOND);
    assert_eq!(
        bench.up().await,
        "the head 2 is 9 s ahead of this guest's clock"
    );
    assert_eq!(bench.world.chain.head(), None);
    bench.world.clock = Arc::new(move || real() - 8 * SECOND);
    assert_eq!(bench.verdict().await, Verdict::Synced, "one block time");

    let mut signer = Bench::signer();
    signer.seen(100);
    let real = Arc::clone(&signer.world.clock);
    signer.world.clock = Arc::new(move || real() - 2 * SECOND);
    assert_eq!(signer.up().await, "unarmed: the node is not synced yet");
    assert_eq!(signer.routes.count("/arm"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_signer_whose_admin_socket_is_silent_is_up() {
    for error in [HttpError::Unreachable, HttpError::Late, HttpError::Unusable] {
        let mut bench = Bench::signer();
        bench.seen(100);
        bench.routes.put("/arm", Err(error));
        assert_eq!(
            bench.up().await,
            "unarmed: its admin socket does not answer"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_does_not_hide_a_head_that_does() {
    let mut bench = Bench::node();
    bench.up().await;
    bench.head(2, Duration::ZERO);
    assert_eq!(bench.verdict().await, Verdict::Synced);
    // The host holds back the clock; monotonic time goes on.
    bench.world.clock = Arc::new(|| UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    tokio::time::advance(63 * SECOND).await;
    assert_eq!(
        bench.verdict().await,
        Verdict::Synced,
        "three rounds may fail"
    );
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(bench.up().await, "the head 2 has stopped growing");
    assert_eq!(bench.world.chain.head(), None, "nothing is armed with it");
}

#[tokio::test(start_paused = true)]
async fn a_node_on_the_wrong_chain_is_fatal() {
    let mut bench = Bench::node();
    bench
        .routes
        .set("/chains/main/chain_id", &json!("NetXdQprcVkpaWU"));
    let Verdict::Fatal(halt) = bench.verdict().await else {
        panic!()
    };
    assert_eq!(halt.code, Code::ChainMismatch);
    assert!(halt.message.contains("NetXdQprcVkpaWU"));
}

#[tokio::test(start_paused = true)]
async fn each_thing_that_a_node_lacks_is_named() {
    let mut bench = Bench::node();
    bench.synced("unsynced");
    assert_eq!(
        bench.up().await,
        "bootstrapped: true, sync state: \"unsynced\""
    );
    bench.synced("synced");
    bench
        .routes
        .put("/chains/main/blocks/head/header", Ok((404, String::new())));
    assert_eq!(
        bench.up().await,
        "/chains/main/blocks/head/header answers 404"
    );
    bench
        .routes
        .put("/health/ready", Ok((200, "nonsense".to_owned())));
    assert!(matches!(bench.verdict().await, Verdict::Unready { .. }));
    bench.routes.put("/health/ready", Err(HttpError::Late));
    assert!(matches!(bench.verdict().await, Verdict::Late { .. }));
    bench
        .routes
        .put("/health/ready", Err(HttpError::Unreachable));
    assert!(matches!(bench.verdict().await, Verdict::Silent { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_signer_is_armed_once_with_a_head_that_is_fresh() {
    let mut bench = Bench::signer();
    assert_eq!(bench.up().await, "unarmed: the node is not synced yet");
    bench.seen(100);
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(
        bench.up().await,
        "unarmed: the node is not synced yet",
        "two block times old"
    );
    bench.seen(100);
    let finding = bench.prober.probe(&bench.world, INTERVAL).await;
    assert_eq!(finding.armed, Some((100, 102)));
    assert_eq!(
        finding.verdict,
        Verdict::Up {
            reason: "armed: signs from level 103 on".to_owned()
        }
    );
    bench.armed(true);
    bench.seen(102);
    bench.up().await;
    bench.seen(103);
    assert_eq!(bench.verdict().await, Verdict::Synced);
    assert_eq!(bench.routes.count("/arm"), 1);
    let posted = bench
        .routes
        .asked
        .lock()
        .unwrap()
        .iter()
        .find(|ask| ask.path == "/arm")
        .cloned();
    let body = json!({ "chain_id": "NetXsqzbfFenSTS", "head_level": 100 });
    let target = Target::Unix("/run/admin.sock".into());
    assert_eq!(posted, Some(Ask::post(target, "/arm", body.to_string())));
    bench.world.chain.publish(None);
    assert_eq!(
        bench.verdict().await,
        Verdict::Synced,
        "the node's troubles are the node's"
    );
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_forgot_is_armed_again() {
    let mut bench = Bench::signer();
    bench.seen(100);
    bench.up().await;
    bench.armed(true);
    bench.seen(103);
    assert_eq!(bench.verdict().await, Verdict::Synced);
    bench.armed(false);
    bench
        .routes
        .set("/arm", &json!({ "armed": true, "floor": 105 }));
    assert_eq!(bench.up().await, "armed: signs from level 106 on");
}

#[tokio::test(start_paused = true)]
async fn an_armed_signer_whose_floor_is_unknown_is_asked_for_it() {
    let mut bench = Bench::signer();
    bench.armed(true);
    bench.seen(200);
    assert_eq!(bench.verdict().await, Verdict::Synced);
    assert_eq!(bench.routes.count("/arm"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_refuses_is_not_synced() {
    let mut bench = Bench::signer();
    bench.seen(100);
    bench.routes.put("/arm", Ok((403, "{}".to_owned())));
    assert_eq!(bench.up().await, "it refuses to be armed: status 403");
    bench.routes.put("/arm", Ok((200, "{}".to_owned())));
    assert_eq!(bench.up().await, "it refuses to be armed: status 200");
}

#[tokio::test(start_paused = true)]
async fn an_hsm_that_is_missing_has_its_own_code() {
    let mut bench = Bench::signer();
    let checks = json!([
        { "name": "watermark", "ok": false, "reason": "disk full" },
        { "name": "hsm", "ok": false, "reason": "refused" },
        { "name": "keys", "ok": true, "reason": "" },
    ]);
    let body = json!({ "ready": false, "armed": false, "checks": checks }).to_string();
    bench.routes.put("/readyz", Ok((503, body)));
    let reason = "watermark: disk full; hsm: refused".to_owned();
    let code = Some(Code::HsmUnreachable);
    assert_eq!(bench.verdict().await, Verdict::Unready { reason, code });
}

#[tokio::test(start_paused = true)]
async fn other_units_are_ready_by_route_or_by_age() {
    let address = "127.0.0.1:10732".parse().unwrap();
    let mut dal = Bench::of(&ProbeSpec::Http {
        address,
        path: "/health".to_owned(),
    });
    assert!(matches!(dal.verdict().await, Verdict::Silent { .. }));
    dal.routes.put("/health", Ok((503, String::new())));
    assert!(matches!(dal.verdict().await, Verdict::Unready { .. }));
    dal.routes.put("/health", Ok((200, String::new())));
    assert_eq!(dal.verdict().await, Verdict::Synced);

    let mut baker = Bench::of(&ProbeSpec::Alive {
        stable_for: 3 * SECOND,
    });
    assert!(matches!(baker.verdict().await, Verdict::Unready { .. }));
    tokio::time::advance(3 * SECOND).await;
    assert_eq!(baker.verdict().await, Verdict::Synced);
}
