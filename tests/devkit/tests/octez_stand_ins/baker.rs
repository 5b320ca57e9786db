//! The baker against a signer that does right or wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bakehouse_devkit::octez::baker::journal::{Entry, Journal, Outcome};
use bakehouse_devkit::octez::baker::payload::Class;
use bakehouse_devkit::tezos::hash::blake2b_256;
use nix::sys::signal::Signal;
use rstest::rstest;

use crate::cli::wallet;
use crate::payload::read;
use crate::signer::{FakeSigner, Mode};
use crate::support::Running;

struct House {
    dir: tempfile::TempDir,
    signer: FakeSigner,
    endpoint: String,
    node: Running,
}

impl House {
    fn build() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let signer = FakeSigner::start();
        fs::create_dir(dir.path().join("baker")).unwrap();
        let hash = signer.key.hash().to_string();
        let locator = format!("http://{}/{hash}", signer.address);
        wallet(
            &dir.path().join("baker"),
            &hash,
            &signer.key.to_string(),
            &locator,
        );
        let (node, _, rpc) = Running::node(&dir.path().join("node"), &["--block-time=0.7"]);
        Self {
            dir,
            signer,
            endpoint: format!("http://{rpc}"),
            node,
        }
    }

    fn base(&self) -> std::path::PathBuf {
        self.dir.path().join("baker")
    }

    fn baker(&self, more: &[&str]) -> Running {
        let (base, node) = (self.base(), self.dir.path().join("node"));
        let mut args = vec![
            "--base-dir",
            base.to_str().unwrap(),
            "--endpoint",
            &self.endpoint,
        ];
        args.extend([
            "run",
            "with",
            "local",
            "node",
            node.to_str().unwrap(),
            "baker",
        ]);
        args.extend(["--liquidity-baking-toggle-vote", "pass", "--without-dal"]);
        args.extend(more);
        Running::start("octez-baker", &args)
    }
}

fn stop(mut baker: Running) {
    baker.signal(Signal::SIGTERM);
    let (code, rest) = baker.wait();
    assert_eq!(code, 127, "{rest}");
}

fn journal(base: &Path) -> Vec<Entry> {
    Journal::read(base).unwrap()
}

#[test]
fn each_accepted_signature_is_of_one_request_made_as_octez_makes_it() {
    let house = House::build();
    let mut baker = house.baker(&[]);
    let start: i32 = baker
        .line("current head is ")
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    for _ in 0..3 {
        baker.line("baked level ");
    }
    stop(baker);

    let seen = house.signer.seen();
    for pair in seen.chunks(2) {
        assert_eq!(pair[0].line, "GET /authorized_keys HTTP/1.1");
        let Some(post) = pair.get(1) else { continue };
        let path = format!("POST /keys/{}?version=3 HTTP/1.1", house.signer.key.hash());
        assert_eq!(post.line, path);
        assert!(post.chunked);
    }
    let messages: Vec<_> = seen.iter().filter(|s| !s.message.is_empty()).collect();
    let digests: BTreeSet<String> = messages
        .iter()
        .map(|seen| hex::encode(blake2b_256(&[&seen.message])))
        .collect();
    assert_eq!(digests.len(), messages.len(), "nothing is asked twice");
    for message in &messages {
        let read = read(&message.message).unwrap();
        let first = if read.class == Class::Block {
            start + 2
        } else {
            start + 1
        };
        assert!(
            read.level >= first,
            "the head that was current at start is left alone"
        );
        assert_eq!((read.round, read.chain), (0, [0xd0, 0x52, 0x21, 0x8e]));
    }
    let entries = journal(&house.base());
    let signed: Vec<_> = entries
        .iter()
        .filter(|e| e.outcome == Outcome::Signed)
        .collect();
    assert!(signed.len() >= 9, "{entries:#?}");
    for entry in signed {
        assert!(digests.contains(&entry.digest));
        let raw = house
            .signer
            .key
            .parse_signature(entry.signature.as_ref().unwrap())
            .unwrap();
        let message = messages
            .iter()
            .find(|seen| hex::encode(blake2b_256(&[&seen.message])) == entry.digest)
            .unwrap();
        house.signer.key.verify(&message.message, &raw).unwrap();
    }
    let mut node = house.node;
    node.signal(Signal::SIGTERM);
    assert_eq!(node.wait().0, 127);
}

#[rstest]
#[case(Mode::Refuse, "not today")]
#[case(Mode::OtherKey, "Signer_output_mismatch")]
#[case(Mode::OtherBytes, "Signer_output_mismatch")]
#[case(Mode::HighS, "high s")]
#[case(Mode::Silent, "block time")]
fn a_wrong_or_missing_signature_is_a_missed_slot(#[case] mode: Mode, #[case] reason: &str) {
    let house = House::build();
    house.signer.set(mode);
    let mut baker = house.baker(&[]);
    let line = baker.line("missed preattestation at level ");
    assert!(line.contains(reason), "{line}");
    house.signer.set(Mode::Good);
    baker.line("baked level ");
    stop(baker);
    let entries = journal(&house.base());
    let missed = entries.first().unwrap();
    assert_eq!(
        (missed.outcome, missed.class.as_str()),
        (Outcome::Missed, "preattestation")
    );
    assert_eq!(missed.signature, None);
    assert!(missed.reason.contains(reason));
    assert_eq!(missed.digest.len(), 64);
}

#[test]
fn a_restarted_baker_asks_for_nothing_again() {
    let house = House::build();
    for _ in 0..2 {
        let mut baker = house.baker(&[]);
        baker.line("baked level ");
        drop(baker);
    }
    let messages: Vec<_> = house
        .signer
        .seen()
        .into_iter()
        .map(|s| s.message)
        .filter(|m| !m.is_empty())
        .collect();
    let distinct: BTreeSet<_> = messages
        .iter()
        .map(|m| read(m).unwrap())
        .map(|r| (r.class, r.level))
        .collect();
    assert_eq!(distinct.len(), messages.len());
}

#[test]
fn without_keep_alive_a_lost_node_ends_the_baker() {
    let House {
        dir,
        signer,
        endpoint,
        node,
    } = House::build();
    let house = House {
        dir,
        signer,
        endpoint,
        node,
    };
    let mut baker = house.baker(&[]);
    baker.line("current head is ");
    drop(house.node);
    assert_eq!(baker.wait().0, 1);
}

#[test]
fn with_keep_alive_it_waits_and_counts_what_it_missed() {
    let house = House::build();
    let mut baker = house.baker(&["--keep-alive"]);
    baker.line("baked level ");
    let address = house.endpoint.trim_start_matches("http://").to_owned();
    drop(house.node);
    baker.line("Lost the connection to the node");
    let (_node, ..) = Running::node(
        &house.dir.path().join("node"),
        &[
            "--block-time=0.7",
            "--metrics-addr=127.0.0.1:0",
            "--rpc-addr",
            &address,
        ],
    );
    baker.line("baked level ");
    stop(baker);
    let base = house.dir.path().join("baker");
    let entries = journal(&base);
    let levels: BTreeSet<_> = entries
        .iter()
        .filter(|e| e.class == "attestation")
        .map(|e| e.level)
        .collect();
    let (first, last) = (levels.first().unwrap(), levels.last().unwrap());
    let count = usize::try_from(last - first + 1).unwrap();
    assert_eq!(
        levels.len(),
        count,
        "each level is accounted for, signed or missed"
    );
    for entry in entries.iter().filter(|e| e.reason.contains("never seen")) {
        assert_eq!(
            (entry.digest.as_str(), entry.outcome),
            ("", Outcome::Missed)
        );
    }
}

#[test]
fn two_keys_take_turns_at_baking() {
    let house = House::build();
    let base = house.base();
    let hash = house.signer.key.hash().to_string();
    let locator = format!("http://{}/{hash}", house.signer.address);
    for (file, value) in [
        ("public_key_hashs", serde_json::json!(hash)),
        (
            "public_keys",
            serde_json::json!({"locator": locator, "key": house.signer.key.to_string()}),
        ),
        ("secret_keys", serde_json::json!(locator)),
    ] {
        let entry = |name: &str| serde_json::json!({"name": name, "value": value});
        let text = serde_json::json!([entry("baker"), entry("second")]).to_string();
        fs::write(base.join(file), text).unwrap();
    }
    let mut baker = house.baker(&["second"]);
    let names: BTreeSet<String> = (0..2)
        .map(|_| {
            baker
                .line("baked level ")
                .rsplit(' ')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(names.len(), 2);
}
