//! Every contract that cannot be carried out: one typed error with a stable code, `Halted`, an exit code, the port never
//! opened and no secret left.

mod common;

use std::time::Duration;

use bakehouse_e2e::bench::{Bench, Recipe};

/// One line of the table.
struct Case {
    name: &'static str,
    code: &'static str,
    exit: i32,
    /// Makes the contract file.
    make: fn(&Bench) -> std::path::PathBuf,
    /// An event that must come before the halt.
    before: Option<&'static str>,
}

const TABLE: &[Case] = &[
    Case {
        name: "missing",
        code: "contract_missing",
        exit: 66,
        make: |bench| bench.path("nothing"),
        before: None,
    },
    Case {
        name: "too large",
        code: "contract_too_large",
        exit: 65,
        make: |bench| text(bench, &"#".repeat(2 << 20)),
        before: None,
    },
    Case {
        name: "not YAML",
        code: "contract_not_yaml",
        exit: 65,
        make: |bench| text(bench, "workload: [\"\nenv: }"),
        before: None,
    },
    Case {
        name: "sealed to another image",
        code: "contract_decrypt",
        exit: 65,
        make: other_image,
        before: None,
    },
    Case {
        name: "half signed",
        code: "signing_key_missing",
        exit: 65,
        make: half_signed,
        before: None,
    },
    Case {
        name: "signing key",
        code: "signature_missing",
        exit: 65,
        make: |b| sealed(b, |r| r.more_env_section.push("signingKey: AAAA".into())),
        before: None,
    },
    Case {
        name: "unknown key",
        code: "key_unknown",
        exit: 65,
        make: |b| sealed(b, |r| r.more_workload.push("acuser: true".into())),
        before: None,
    },
    Case {
        name: "wrong section",
        code: "section_wrong",
        exit: 65,
        make: |b| {
            sealed(b, |r| {
                r.more_env
                    .push("delegate: tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx".into());
            })
        },
        before: None,
    },
    Case {
        name: "both sections",
        code: "section_both",
        exit: 65,
        make: |b| sealed(b, |r| r.more_env.push("network: mainnet".into())),
        before: None,
    },
    Case {
        name: "wrong chain of a known network",
        code: "chain_invalid",
        exit: 65,
        make: |b| sealed(b, |r| r.chain_id = "NetXdQprcVkpaWU".into()),
        before: None,
    },
    Case {
        name: "wrong chain of a network by address",
        code: "chain_mismatch",
        exit: 69,
        make: |b| sealed(b, |r| r.network = "https://192.0.2.1/network".into()),
        before: Some("unit.starting"),
    },
    Case {
        name: "state on tmpfs",
        code: "state_not_persistent",
        exit: 73,
        make: |b| sealed(b, |r| r.state = "/dev/shm".into()),
        before: None,
    },
    Case {
        name: "key of another certificate",
        code: "credentials_mismatch",
        exit: 78,
        make: other_client_key,
        before: None,
    },
    Case {
        name: "another executable",
        code: "executable_mismatch",
        exit: 78,
        make: |b| sealed(b, |r| r.executables[2].1 = "00".repeat(32)),
        before: None,
    },
    Case {
        name: "unreachable HSM",
        code: "hsm_unreachable",
        exit: 69,
        make: unreachable_hsm,
        before: Some("hsm.waiting"),
    },
];

fn text(bench: &Bench, text: &str) -> std::path::PathBuf {
    let path = bench.path("bad");
    std::fs::write(&path, text).unwrap();
    path
}

fn sealed(bench: &Bench, change: impl FnOnce(&mut Recipe)) -> std::path::PathBuf {
    let mut recipe = bench.recipe().unwrap();
    change(&mut recipe);
    bench.seal(&recipe, "bad").unwrap()
}

fn other_image(bench: &Bench) -> std::path::PathBuf {
    let other = bakehouse_devkit::image_key::ImageKey::generate().unwrap();
    let own = std::fs::read(bench.path("image.pub")).unwrap();
    std::fs::write(bench.path("image.pub"), other.public_pem()).unwrap();
    let contract = sealed(bench, |_| {});
    std::fs::write(bench.path("image.pub"), own).unwrap();
    contract
}

fn half_signed(bench: &Bench) -> std::path::PathBuf {
    let contract = sealed(bench, |_| {});
    let whole = std::fs::read_to_string(&contract).unwrap();
    text(bench, &format!("{whole}envWorkloadSignature: AAAA\n"))
}

fn other_client_key(bench: &Bench) -> std::path::PathBuf {
    let server = std::fs::read_to_string(bench.path("server.key")).unwrap();
    sealed(bench, |recipe| recipe.key = server)
}

fn unreachable_hsm(bench: &Bench) -> std::path::PathBuf {
    sealed(bench, |recipe| {
        recipe.endpoint = "10.78.0.2:9".into();
        recipe.hsm_start_seconds = 3;
    })
}

#[test]
fn every_bad_contract_halts_with_its_code() {
    let _alone = common::alone();
    let Some(mut bench) = common::bench() else {
        return;
    };
    bench.start_prober().unwrap();
    let canaries = bench.canaries().unwrap();
    let mut failures = Vec::new();
    for case in TABLE {
        let contract = (case.make)(&bench);
        let mut guest = bench.boot(&contract).unwrap();
        let halted = guest.await_event("halted", Duration::from_mins(1));
        let exit = guest.end(Duration::from_secs(20));
        let mut demand = |kept: bool, what: String| {
            if !kept {
                failures.push(format!(
                    "{}: {what}\n{}",
                    case.name,
                    guest.console().join("\n")
                ));
            }
        };
        match halted {
            Ok(halted) => {
                demand(
                    halted["code"] == case.code,
                    format!("code {}", halted["code"]),
                );
                demand(
                    halted["remedy"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                    "no remedy".into(),
                );
                demand(
                    halted["message"]
                        .as_str()
                        .is_some_and(|text| text.len() > 10),
                    "no message".into(),
                );
            }
            Err(error) => demand(false, format!("{error:#}")),
        }
        let count = guest
            .events()
            .iter()
            .filter(|event| event["event"] == "halted")
            .count();
        demand(count == 1, format!("{count} halted events"));
        demand(
            exit.as_ref().is_ok_and(|code| *code == case.exit),
            format!("exit {exit:?}"),
        );
        let seen = |name: &str| guest.events().iter().any(|event| event["event"] == name);
        demand(!seen("port.opened"), "the port was opened".into());
        demand(
            case.before.is_none_or(seen),
            format!("{:?} did not come first", case.before),
        );
        let console = guest.console().join("\n");
        demand(
            !canaries.occur_in(console.as_bytes()),
            "a secret on the console".into(),
        );
        let left = canaries.search(&[&bench.runtime(), bench.state()]);
        demand(left.is_empty(), format!("secrets left: {left:?}"));
    }
    let prober = bench.stop_prober().unwrap();
    assert_eq!(prober.targets.len(), 2);
    assert!(
        prober
            .targets
            .values()
            .all(|target| target.attempts > 0 && target.open == 0),
        "the prober saw the port open, or nothing: {prober:?}"
    );
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
