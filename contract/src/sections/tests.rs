use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use crate::error::{Code, ContractError};
use crate::limits::Limits;
use crate::settings::{Dal, KeyRole, Network};
use crate::testing::{self, TZ3};
use crate::{Contract, Opening};

mod canary;
mod values;

fn read(workload: &str, env: &str) -> Result<Contract, ContractError> {
    Contract::from_sections(workload, env, &Opening::new(&[], &Limits::default()))
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the sample has no {from}");
    text.replacen(from, to, 1)
}

fn refusal(from: &str, to: &str) -> ContractError {
    let (workload, env) = (testing::workload(), testing::env());
    let in_workload = workload.contains(from);
    let workload = if in_workload {
        changed(&workload, from, to)
    } else {
        workload
    };
    let env = if in_workload {
        env
    } else {
        changed(&env, from, to)
    };
    read(&workload, &env)
        .map(|_| ())
        .expect_err("it was accepted")
}

#[test]
fn a_whole_contract_is_read() {
    let contract = read(&testing::workload(), &testing::env()).unwrap();
    let settings = contract.settings;
    assert!(contract.warnings.is_empty(), "{:?}", contract.warnings);
    assert_eq!(settings.network, Network::BuiltIn("shadownet".into()));
    assert_eq!(settings.serial, Some(7));
    assert_eq!(
        settings.node.peers,
        [("boot.example".into(), 9732), ("2001:db8::1".into(), 9732)]
    );
    assert_eq!(settings.node.snapshot.map(|it| it.sha256), Some([0x0f; 32]));
    assert_eq!(settings.dal, Dal::Outbound);
    assert_eq!(settings.keys.len(), 2);
    assert_eq!(settings.keys[0].role, KeyRole::Consensus);
    assert_eq!(
        settings.keys[0].public_key_hash,
        "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA"
    );
    assert_eq!(settings.keys[0].blob.expose(), &vec![0xab; 120]);
    assert_eq!((settings.keys[0].floor, settings.keys[1].floor), (17, 0));
    assert_eq!(settings.keys[1].policy.operations, ["ballot", "stake"]);
    assert_eq!(settings.executables.len(), 5);
    assert_eq!(settings.grep11.endpoints[0].pin_sha256, Some([0x1a; 32]));
    assert_eq!(settings.grep11.endpoints[1].host, "10.0.0.7");
    assert_eq!(
        settings.grep11.credentials.ca,
        testing::pem("CERTIFICATE", &[7; 90])
    );
    assert_eq!(
        settings.grep11.credentials.key.expose(),
        &testing::pem("PRIVATE KEY", &[9; 90])
    );
    assert_eq!(settings.egress.logs, [("10.0.0.9".into(), 6514)]);
    assert_eq!(settings.powers.delegated, ["firewall", "state"]);
}

#[test]
fn timing_is_merged_defaults_then_env_then_workload() {
    let timing = read(&testing::workload(), &testing::env())
        .unwrap()
        .settings
        .timing;
    assert_eq!(timing.dead_man, Duration::from_secs(3));
    assert_eq!(timing.drain, Duration::from_mins(1));
    assert_eq!(timing.stop_grace, Duration::from_mins(5));
}

// Emulated s390x can't start a program of its own kind, and the rule has nothing to do with byte order.
#[cfg(not(target_arch = "s390x"))]
#[test]
fn the_process_environment_is_no_source() {
    // figment's own conventions, had they been asked for.
    temp_env("FIGMENT_PROFILE", "other", || {
        let timing = read(&testing::workload(), &testing::env())
            .unwrap()
            .settings
            .timing;
        assert_eq!(timing.dead_man, Duration::from_secs(3));
    });
}

#[cfg(not(target_arch = "s390x"))]
/// Runs a part of the test in a child whose environment has the variable: setting one's own is not safe.
fn temp_env(name: &str, value: &str, check: impl FnOnce()) {
    if std::env::var(name).is_ok_and(|it| it == value) {
        return check();
    }
    let this = std::thread::current().name().unwrap().to_owned();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &this])
        .env(name, value)
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stdout)
    );
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[rstest]
#[case("network: shadownet", "netwrok: shadownet", "did you mean `network`?")]
#[case(
    "history_mode: rolling",
    "historymode: rolling",
    "did you mean `history_mode`?"
)]
#[case("floor: 17", "flor: 17", "did you mean `floor`?")]
#[case(
    "server_name: grep11",
    "servername: grep11",
    "did you mean `server_name`?"
)]
#[case("operations: []", "operation: []", "did you mean `operations`?")]
#[case("octez-accuser: ", "octez-accusser: ", "did you mean `octez-accuser`?")]
#[case(
    "drain_seconds: 60",
    "drain_second: 60",
    "did you mean `drain_seconds`?"
)]
#[case(
    "dal: outbound",
    "frobnicate: 1\n  dal: outbound",
    "those known here are"
)]
fn unknown_keys_of_ours_are_errors_with_a_suggestion_and_a_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] words: &str,
) {
    let error = refusal(from, to);
    assert_eq!(error.code(), Code::KeyUnknown, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    let (workload, env) = (testing::workload(), testing::env());
    let line = [&workload, &env].into_iter().find_map(|text| {
        text.lines()
            .position(|line| line.contains(first_line(from)))
    });
    assert_eq!(error.place().line, line.map(|line| line + 1), "{error}");
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap()
}

#[test]
fn unknown_keys_beside_ours_are_warnings() {
    let workload = testing::workload() + "volume: {}\ncompose: {archive: aaaa, archiv: b}\n";
    let env = testing::env()
        + "logging: {syslog: {hostname: a, prot: 6514}}\nhost-attestation: {HKD-1: {descripion: x}}\n";
    let warnings = read(&workload, &env).unwrap().warnings;
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    // Four mistyped, and the three that are missing for it.
    assert_eq!(texts.len(), 7, "{texts:?}");
    for words in [
        "did you mean `volumes`?",
        "`archive`?",
        "`port`?",
        "`description`?",
        "`server` is missing",
        "`description` is missing",
        "`host-key-doc` is missing",
    ] {
        assert!(
            texts.iter().any(|text| text.contains(words)),
            "{words}: {texts:?}"
        );
    }
}

#[rstest]
#[case("type: workload", "tipe: workload", "workload")]
#[case("bakehouse:\n  network", "bakehose:\n  network", "workload")]
#[case("  network: shadownet\n", "", "workload.bakehouse")]
#[case("  chain_id: NetXsqzbfFenSTS\n", "", "workload.bakehouse")]
#[case("    history_mode: rolling\n", "", "workload.bakehouse.node")]
#[case("liquidity_baking_toggle_vote: pass, ", "", "workload.bakehouse.baker")]
#[case("  dal: outbound\n", "", "workload.bakehouse")]
#[case("  accuser: true\n", "", "workload.bakehouse")]
#[case("      role: consensus\n", "", "workload.bakehouse.keys[0]")]
#[case("name: owner, ", "", "workload.bakehouse.keys[1]")]
#[case("  state: {path: /var/lib/bakehouse}\n", "", "env.bakehouse")]
#[case("path: /var/lib/bakehouse", "", "env.bakehouse.state")]
#[case(
    "address: 10.0.0.7:9876",
    "server_name: a.b",
    "env.bakehouse.grep11.endpoints[1]"
)]
fn required_keys_are_required(#[case] from: &str, #[case] to: &str, #[case] path: &str) {
    let error = refusal(from, to);
    assert_eq!(error.code(), Code::KeyMissing, "{error}");
    assert_eq!(error.place().path, path, "{error}");
    assert!(error.place().line.is_some());
}

#[test]
fn tz4_keys_are_refused_as_not_yet_supported() {
    let key = bs58::encode([&[0x06, 0x95, 0x87, 0xcc][..], &[1; 48]].concat())
        .with_check()
        .into_string();
    let error = refusal(TZ3, &key);
    assert_eq!(error.code(), Code::ValueInvalid);
    assert!(error.to_string().contains("not yet supported"), "{error}");
}

#[test]
fn a_built_in_network_has_its_own_chain_id() {
    for (network, accepted) in [
        ("mainnet", true),
        ("sandbox", true),
        ("ghostnet", false),
        ("https://a.b/net", true),
    ] {
        let workload = changed(&testing::workload(), "NetXsqzbfFenSTS", "NetXdQprcVkpaWU");
        let workload = changed(
            &workload,
            "network: shadownet",
            &format!("network: {network}"),
        );
        match read(&workload, &testing::env()) {
            Ok(_) => assert!(accepted, "{network}"),
            Err(error) => {
                assert!(!accepted, "{network}: {error}");
                assert_eq!(error.code(), Code::ChainInvalid);
                assert!(error.to_string().contains("NetXnHfVqm9iesp"), "{error}");
            }
        }
    }
}

#[rstest]
#[case("dal", true)]
#[case("network", true)]
#[case("delegate", true)]
#[case("state", false)]
#[case("powers", false)]
fn a_key_in_the_wrong_section_or_in_both_is_refused(#[case] key: &str, #[case] of_workload: bool) {
    let (home, guest) = (testing::workload(), testing::env());
    let (home, guest) = if of_workload {
        (home, guest)
    } else {
        (guest, home)
    };
    let doubled = changed(&guest, "bakehouse:\n", &format!("bakehouse:\n  {key}: 1\n"));
    let line = home
        .lines()
        .position(|line| line.starts_with(&format!("  {key}:")))
        .unwrap();
    let mut orphaned: Vec<&str> = home.lines().collect();
    orphaned.remove(line);
    let orphaned = orphaned.join("\n") + "\n";
    let outcome = |home: &str, guest: &str| {
        let (workload, env) = if of_workload {
            (home, guest)
        } else {
            (guest, home)
        };
        let error = read(workload, env).map(|_| ()).unwrap_err();
        assert_eq!(error.place().line, Some(3), "{error}");
        error.code()
    };
    assert_eq!(outcome(&home, &doubled), Code::SectionBoth);
    assert_eq!(outcome(&orphaned, &doubled), Code::SectionWrong);
}

#[test]
fn executables_that_run_are_required_and_others_are_not() {
    let digest = "0f".repeat(32);
    let line = format!("    octez-dal-node: {digest}\n");
    assert_eq!(refusal(&line, "").code(), Code::KeyMissing);
    let workload = changed(
        &changed(&testing::workload(), &line, ""),
        "dal: outbound",
        "dal: none",
    );
    let contract = read(&workload, &testing::env()).unwrap();
    assert!(!contract.settings.executables.contains_key("octez-dal-node"));
}

#[test]
fn a_signing_key_is_never_overlooked() {
    for key in ["signingKey: x", "signingKey:", "\"signingKey\": {}"] {
        let error = refusal("type: env\n", &format!("type: env\n{key}\n"));
        assert_eq!(error.code(), Code::SigningKeyInvalid);
        assert_eq!(error.place().line, Some(2));
    }
}

#[test]
fn a_merge_key_does_not_hide_a_signing_key() {
    for key in ["<<: {signingKey: x}", "\"<<\": {signingKey: x}"] {
        let error = refusal("type: env\n", &format!("type: env\n{key}\n"));
        assert_eq!(error.code(), Code::ContractNotYaml, "{error}");
        assert_eq!(
            (error.place().path.as_str(), error.place().line),
            ("env", Some(2))
        );
        assert!(error.to_string().contains("merge key"), "{error}");
    }
}

#[test]
fn the_sandbox_is_warned_of_because_its_chain_id_is_mainnets() {
    let warnings = |network: &str| {
        let workload = changed(&testing::workload(), "NetXsqzbfFenSTS", "NetXdQprcVkpaWU");
        let workload = changed(
            &workload,
            "network: shadownet",
            &format!("network: {network}"),
        );
        read(&workload, &testing::env()).unwrap().warnings
    };
    assert_eq!(warnings("mainnet"), []);
    let [warning] = &warnings("sandbox")[..] else {
        panic!("not one warning")
    };
    assert_eq!(warning.place().path, "workload.bakehouse.network");
    assert_eq!(warning.place().line, Some(3));
    assert!(warning.to_string().contains("mainnet"), "{warning}");
}

#[test]
fn companion_keys_are_read_with_a_warning_and_no_operations() {
    let workload = changed(&testing::workload(), "role: consensus", "role: companion");
    let contract = read(&workload, &testing::env()).unwrap();
    assert_eq!(contract.warnings.len(), 1);
    let workload = changed(&workload, "operations: []", "operations: [reveal]");
    assert_eq!(
        read(&workload, &testing::env())
            .map(|_| ())
            .unwrap_err()
            .code(),
        Code::ValueInvalid
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testing::cases(60)))]

    #[test]
    fn any_damage_to_a_section_is_read_or_refused(at in any::<prop::sample::Index>(), with in "\\PC{0,4}", cut in 0usize..30) {
        let (workload, env) = (testing::workload(), testing::env());
        for text in [&workload, &env] {
            let start = at.index(text.len());
            let end = (start + cut).min(text.len());
            let spoilt = [&text[..start], &with, &text[end..]].concat();
            drop(read(&spoilt, &env));
            drop(read(&workload, &spoilt));
        }
    }
}
