use proptest::prelude::*;
use rstest::rstest;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::limits::Limits;
use crate::testing;
use crate::{Contract, Opening};

const ENV: &str = "deployer-seed-0001";
const WORKLOAD: &str = "workload-seed-0001";

fn read(workload: &str, env: &str) -> Result<Contract, ContractError> {
    let (workload, env) = (
        format!("{}volumes: {workload}\n", testing::workload()),
        format!("{}volumes: {env}\n", testing::env()),
    );
    Contract::from_sections(&workload, &env, &Opening::new(&[], &Limits::default()))
}

fn refusal(workload: &str, env: &str) -> ContractError {
    read(workload, env).map(drop).expect_err("it was accepted")
}

fn hex(env: &str, workload: &str) -> String {
    hex::encode(Sha256::digest([env, workload].concat()))
}

fn passphrases(volume: &Volume) -> (&str, Vec<&str>) {
    match &volume.key {
        VolumeKey::Passphrase { current, previous } => (
            current.expose(),
            previous.iter().map(|it| it.expose().as_str()).collect(),
        ),
        VolumeKey::Elsewhere(keeper) => panic!("it is kept by {keeper:?}"),
    }
}

#[test]
fn the_passphrase_is_what_sha256sum_prints_of_both_seeds() {
    // echo -n "seed1seed2" | sha256sum
    let printed = "b98a46c16f5abb0bcee8285a57bf8e0c376f3dda59f20df344fd1a88acd650c3";
    assert_eq!(passphrase("seed1", "seed2").expose(), printed);
}

#[test]
fn volumes_of_both_sections_are_joined_in_the_workloads_order() {
    let contract = read(
        &format!(
            "{{b: {{seed: {WORKLOAD}, mount: /mnt/b, filesystem: xfs}}, a: {{seed: {WORKLOAD}}}}}"
        ),
        &format!("{{a: {{seed: {ENV}}}, b: {{seed: {ENV}}}}}"),
    )
    .unwrap();
    let [b, a] = &contract.volumes[..] else {
        panic!("not two volumes")
    };
    assert_eq!((b.name.as_str(), b.mount.as_str()), ("b", "/mnt/b"));
    assert_eq!(b.filesystem, Filesystem::Xfs);
    assert_eq!((a.name.as_str(), a.mount.as_str()), ("a", "/mnt/data"));
    assert_eq!(a.filesystem, Filesystem::Ext4);
    assert_eq!(passphrases(a), (hex(ENV, WORKLOAD).as_str(), vec![]));
    assert!(contract.warnings.is_empty(), "{:?}", contract.warnings);
    assert!(!format!("{contract:?}").contains(&hex(ENV, WORKLOAD)));
}

#[rstest]
#[case("", ", previousSeed: old-e", &[("old-e", WORKLOAD)])]
#[case(", previousSeed: old-w", "", &[(ENV, "old-w")])]
#[case(", previousSeed: old-w", ", previousSeed: old-e", &[("old-e", "old-w"), ("old-e", WORKLOAD), (ENV, "old-w")])]
fn previous_seeds_give_previous_passphrases(
    #[case] workload: &str,
    #[case] env: &str,
    #[case] expected: &[(&str, &str)],
) {
    let contract = read(
        &format!("{{v: {{seed: {WORKLOAD}{workload}}}}}"),
        &format!("{{v: {{seed: {ENV}{env}}}}}"),
    )
    .unwrap();
    let (current, previous) = passphrases(&contract.volumes[0]);
    assert_eq!(current, hex(ENV, WORKLOAD));
    let expected: Vec<String> = expected.iter().map(|(e, w)| hex(e, w)).collect();
    assert_eq!(previous, expected);
}

#[rstest]
#[case("uv-secret-id: index-1", SeedKeeper::Ultravisor)]
#[case(
    "seed: deployer-seed-0001, kms: [{apiKey: aaaaaaaaaa}]",
    SeedKeeper::Kms
)]
#[case(
    "seed: deployer-seed-0001, grep11: {metadata: {aesKeyBlob: QUJD}}",
    SeedKeeper::Grep11
)]
fn a_part_that_is_kept_elsewhere_is_said_by_type(#[case] env: &str, #[case] keeper: SeedKeeper) {
    let contract = read(
        &format!("{{v: {{seed: {WORKLOAD}}}}}"),
        &format!("{{v: {{{env}}}}}"),
    )
    .unwrap();
    assert!(matches!(contract.volumes[0].key, VolumeKey::Elsewhere(it) if it == keeper));
}

#[test]
fn a_volume_of_one_section_only_is_refused_where_it_stands() {
    let volume = format!("{{data: {{seed: {WORKLOAD}}}}}");
    for (workload, env, path) in [
        (volume.as_str(), "{}", "workload.volumes"),
        ("{}", volume.as_str(), "env.volumes"),
        (volume.as_str(), "{date: {seed: x}}", "workload.volumes"),
    ] {
        let error = refusal(workload, env);
        assert_eq!(error.code(), Code::VolumesUnmatched, "{error}");
        assert_eq!(error.place().path, path);
        let text = if path == "env.volumes" {
            testing::env()
        } else {
            testing::workload()
        };
        assert_eq!(error.place().line, Some(text.lines().count() + 1));
    }
    let alone = testing::workload() + &format!("volumes: {volume}\n");
    let error = Contract::from_sections(
        &alone,
        &testing::env(),
        &Opening::new(&[], &Limits::default()),
    )
    .unwrap_err();
    assert_eq!(error.code(), Code::VolumesUnmatched);
}

#[rstest]
#[case(
    "{seed: [x]}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].seed"
)]
#[case(
    "{seed: 5}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].seed"
)]
#[case(
    "{seed: \"\"}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].seed"
)]
#[case("{mount: /a}", "{seed: x}", Code::KeyMissing, "workload.volumes[0]")]
#[case(
    "{seed: x, mount: /a/}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].mount"
)]
#[case(
    "{seed: x, mount: /a/../b}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].mount"
)]
#[case(
    "{seed: x, mount: a}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].mount"
)]
#[case(
    "{seed: x, filesystem: zfs}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].filesystem"
)]
#[case(
    "{seed: x, previousSeed: {}}",
    "{seed: x}",
    Code::ValueInvalid,
    "workload.volumes[0].previousSeed"
)]
#[case("{seed: x}", "{}", Code::KeyMissing, "env.volumes[0]")]
#[case("{seed: x}", "x", Code::ValueInvalid, "env.volumes[0]")]
#[case(
    "{seed: x}",
    "{seed: x, uv-secret-id: index-1}",
    Code::ValueInvalid,
    "env.volumes[0].seed"
)]
fn what_no_runtime_takes_is_refused(
    #[case] workload: &str,
    #[case] env: &str,
    #[case] code: Code,
    #[case] path: &str,
) {
    let error = refusal(&format!("{{v: {workload}}}"), &format!("{{v: {env}}}"));
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (code, path),
        "{error}"
    );
}

#[test]
fn names_are_ibms_names() {
    for name in ["V", "1a", "\"a b\"", "\"\"", "é"] {
        let volume = format!("{{{name}: {{seed: x}}}}");
        let error = refusal(&volume, &volume);
        assert_eq!(error.code(), Code::ValueInvalid, "{name}");
        assert_eq!(error.place().path, "workload.volumes");
    }
}

#[test]
fn weak_seeds_and_shared_mounts_are_warned_of() {
    let contract = read(
        "{a: {seed: short}, b: {seed: workload-seed-0001}}",
        "{a: {seed: deployer-seed-0001}, b: {seed: \"with a space in it\"}}",
    )
    .unwrap();
    let texts: Vec<String> = contract.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].starts_with("workload.volumes[0].seed (line"));
    assert!(texts[1].starts_with("env.volumes[1].seed (line"));
    assert!(texts[2].contains("mounted at the same place"));
    assert!(texts[0].contains("15 characters"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testing::cases(64)))]

    #[test]
    fn any_two_seeds_give_the_digest_of_their_bytes(env in "\\PC{1,40}", workload in "\\PC{1,40}") {
        let ours = passphrase(&env, &workload);
        prop_assert_eq!(ours.expose(), &hex(&env, &workload));
    }
}
