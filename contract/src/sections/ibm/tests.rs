use rstest::rstest;

use crate::error::Warning;
use crate::limits::Limits;
use crate::testing;
use crate::{Contract, Opening};

/// What is warned of when IBM's keys stand at the end of both sections.
fn warnings(workload: &str, env: &str) -> Vec<Warning> {
    let (workload, env) = (testing::workload() + workload, testing::env() + env);
    Contract::from_sections(&workload, &env, &Opening::new(&[], &Limits::default()))
        .unwrap()
        .warnings
}

/// The one warning.
fn warning(workload: &str, env: &str) -> Warning {
    let mut found = warnings(workload, env);
    assert_eq!(found.len(), 1, "{workload}{env}: {found:?}");
    found.remove(0)
}

fn sound_workload() -> String {
    "compose: {archive: H4sIAAAA+/-A==}\n\
     env: {PORT: \"8080\", _a1: x}\n\
     auths: {\"https://index.docker.io/v1/\": {username: abc, password: abc}, \"r.example:5000\": {username: abc, password: abc}}\n\
     images: {dct: {r.example/a/b: {notary: \"https://n.example\", publicKey: QUJD}}, rhs: {a: {publicKey: QUJD}}}\n\
     volumes: {data_1: {seed: \"aaaaaaaaaaaaaa!\", mount: /mnt/data, filesystem: xfs, previousSeed: abc}}\n"
        .to_owned()
}

fn sound_env() -> String {
    let certificate = testing::pem("CERTIFICATE", &[7; 90]).replace('\n', "\\n");
    let key = testing::pem("PRIVATE KEY", &[9; 90]).replace('\n', "\\n");
    let (secret, mkvp) = (format!("{}=", "A".repeat(43)), "0".repeat(64));
    format!(
        "logging: {{syslog: {{hostname: 10.0.0.1, server: \"{certificate}\", cert: \"{certificate}\", key: \"{key}\", port: 6514}}}}\n\
         volumes:\n  data_1:\n    uv-secret-id: index-1\n    uv-previous-secret-id: index-8\n    kmsTimeout: 10\n    \
         kms: [{{apiKey: aaaaaaaaaa, crn: \"crn:v1:bluemix:public:kms:eu-de:a/b:c:key:d\", type: private}}]\n    \
         grep11: {{address: \"h:9876\", clientCert: QUJD, metadata: {{aesKeyBlob: \"****\"}}}}\n\
         cacerts: [{{certificate: QUJD}}]\n\
         host-attestation: {{HKD-3931-028A3B8: {{description: x, host-key-doc: QUJD}}}}\n\
         crypto-pt: {{lock: true, index-1: {{type: secret, domain-id: \"03.0011\", secret: {secret}, mkvp: \"0x{mkvp}\"}}}}\n"
    )
}

#[test]
fn sound_keys_of_ibms_are_not_warned_of() {
    assert_eq!(warnings(&sound_workload(), &sound_env()), []);
    assert_eq!(
        warnings("play: {resources: [{kind: Pod}], templates: []}\n", ""),
        []
    );
    let router = "logging: {logRouter: {hostname: a.b, iamApiKey: x, tags: [a]}}\n";
    assert_eq!(warnings("", router), []);
}

#[rstest]
#[case("compose: {}", "workload.compose", "`archive` is missing")]
#[case("compose: x", "workload.compose", "a mapping")]
#[case("compose: {archive: abc}", "workload.compose.archive", "4 characters")]
#[case(
    "compose: {archive: \"a b c\"}",
    "workload.compose.archive",
    "gzip tar"
)]
#[case("{compose: {archive: abcd}, play: {}}", "workload", "only one of")]
#[case("play: {resources: {}}", "workload.play.resources", "a list, and is")]
#[case(
    "play: {templates: [x]}",
    "workload.play.templates[0]",
    "a mapping, and is"
)]
#[case("env: {PORT: 8080}", "workload.env[0]", "in quotes")]
#[case("env: {1PORT: x}", "workload.env", "no digit first")]
#[case("env: {A: [x]}", "workload.env[0]", "text, and is a list")]
#[case("auths: {r: {username: abc}}", "workload.auths[0]", "`password`")]
#[case(
    "auths: {r: {username: ab, password: abc}}",
    "workload.auths[0].username",
    "3 characters"
)]
#[case(
    "auths: {\"http://r\": {username: abc, password: abc}}",
    "workload.auths",
    "a registry"
)]
#[case("images: {dct_: {}}", "workload.images", "did you mean `dct`?")]
#[case(
    "images: {dct: {a: {notary: n, publicKey: QUJD}}}",
    "workload.images.dct[0].notary",
    "scheme"
)]
#[case("images: {rhs: {a: {}}}", "workload.images.rhs[0]", "`publicKey`")]
#[case(
    "images: {rhs: {a: {publicKey: QUJ}}}",
    "workload.images.rhs[0].publicKey",
    "base64"
)]
fn the_workloads_keys_have_shapes(#[case] text: &str, #[case] path: &str, #[case] words: &str) {
    // A flow mapping stands for its entries, one a line.
    let text = match text.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
        Some(entries) => entries.replacen(", play", "\nplay", 1),
        None => text.to_owned(),
    };
    let found = warning(&format!("{text}\n"), "");
    assert_eq!(found.place().path, path, "{found}");
    let line = testing::workload().lines().count() + 1;
    let expected = if path == "workload" { 1 } else { line };
    assert_eq!(found.place().line, Some(expected), "{found}");
    assert!(found.to_string().contains(words), "{found}");
}

#[rstest]
#[case("logging: {}", "env.logging", "one of the keys")]
#[case("logging:", "env.logging", "and is nothing")]
#[case(
    "logging: {logRouter: {hostname: a.b, iamApiKey: x}, logDNA: {}}",
    "env.logging",
    "only one of the keys logRouter, syslog or logDNA"
)]
#[case(
    "logging: {logRouter: {hostname: a_b, iamApiKey: x}}",
    "env.logging.logRouter.hostname",
    "host name"
)]
#[case(
    "logging: {logRouter: {hostname: a.b, iamApiKey: x, port: \"443\"}}",
    "env.logging.logRouter.port",
    "without quotes"
)]
#[case(
    "logging: {logRouter: {hostname: a.b, iamApiKey: x, port: 0}}",
    "env.logging.logRouter.port",
    "from 1"
)]
#[case(
    "logging: {syslog: {hostname: a.b, server: x}}",
    "env.logging.syslog.server",
    "PEM certificates"
)]
#[case(
    "logging: {logDNA: {ingestionKey: A}}",
    "env.logging.logDNA.ingestionKey",
    "32"
)]
#[case("cacerts: {a: QUJD}", "env.cacerts", "a list of at most 1 items")]
#[case("cacerts: [{a: QUJD}, {a: QUJD}]", "env.cacerts", "at most 1")]
#[case(
    "host-attestation: {a: {descripion: x, description: x, host-key-doc: QUJD}}",
    "env.host-attestation[0]",
    "did you mean `description`?"
)]
#[case(
    "host-attestation: {a: {description: x}}",
    "env.host-attestation[0]",
    "`host-key-doc`"
)]
#[case("crypto-pt: {lock: \"true\"}", "env.crypto-pt.lock", "true or false")]
#[case(
    "crypto-pt: {index-1: {domain-id: 03.0011}}",
    "env.crypto-pt.index-1.domain-id",
    "in quotes"
)]
#[case(
    "crypto-pt: {index-1: {secret: QUJD}}",
    "env.crypto-pt.index-1.secret",
    "32 bytes"
)]
#[case(
    "crypto-pt: {index-1: {mkvp: 0x00}}",
    "env.crypto-pt.index-1.mkvp",
    "in quotes"
)]
fn the_envs_keys_have_shapes(#[case] text: &str, #[case] path: &str, #[case] words: &str) {
    let found = warning("", &format!("{text}\n"));
    assert_eq!(found.place().path, path, "{found}");
    let line = testing::env().lines().count() + 1;
    assert_eq!(found.place().line, Some(line), "{found}");
    assert!(found.to_string().contains(words), "{found}");
}

#[rstest]
#[case(
    "{seed: short}",
    "v: {seed: aaaaaaaaaaaaaaa}",
    "workload.volumes[0].seed"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa, mount: /a/}",
    "v: {seed: aaaaaaaaaaaaaaa}",
    "workload.volumes[0].mount"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa, filesystem: zfs}",
    "v: {seed: aaaaaaaaaaaaaaa}",
    "workload.volumes[0].filesystem"
)]
#[case("{mount: /a}", "v: {seed: aaaaaaaaaaaaaaa}", "workload.volumes[0]")]
#[case("{seed: aaaaaaaaaaaaaaa}", "v: {}", "env.volumes[0]")]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {seed: aaaaaaaaaaaaaaa, uv-secret-id: index-1}",
    "env.volumes[0]"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {uv-secret-id: index-9}",
    "env.volumes[0].uv-secret-id"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {seed: aaaaaaaaaaaaaaa, uv-previous-secret-id: index-1}",
    "env.volumes[0]"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {seed: aaaaaaaaaaaaaaa, kms: []}",
    "env.volumes[0].kms"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {seed: aaaaaaaaaaaaaaa, kms: [{crn: \"crn:v1:x\"}]}",
    "env.volumes[0].kms[0].crn"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {seed: aaaaaaaaaaaaaaa, kmsTimeout: 1001}",
    "env.volumes[0].kmsTimeout"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {seed: aaaaaaaaaaaaaaa, grep11: {metadata: {}}}",
    "env.volumes[0].grep11.metadata"
)]
#[case(
    "{seed: aaaaaaaaaaaaaaa}",
    "v: {seed: aaaaaaaaaaaaaaa, apiKey: short}",
    "env.volumes[0].apiKey"
)]
fn volumes_have_shapes(#[case] workload: &str, #[case] env: &str, #[case] path: &str) {
    let found = warning(
        &format!("volumes: {{v: {workload}}}\n"),
        &format!("volumes: {{{env}}}\n"),
    );
    assert_eq!(found.place().path, path, "{found}");
}

#[test]
fn a_volume_of_one_section_only_is_warned_of() {
    let volume = "volumes: {data: {seed: aaaaaaaaaaaaaaa}}\n";
    assert_eq!(warnings(volume, volume), []);
    assert!(
        warning(volume, "")
            .to_string()
            .contains("in env.volumes too"),
        "workload"
    );
    let found = warning("", volume);
    assert_eq!(found.place().path, "env.volumes");
    assert!(found.to_string().contains("in workload.volumes too"));
    let other = volume.replace("data", "date");
    assert_eq!(warnings(volume, &other).len(), 2);
}

#[test]
fn warnings_of_ibms_keys_never_hold_a_value() {
    const CANARY: &str = "hunter2 CANARY";
    for (at_workload, sample) in [(true, sound_workload()), (false, sound_env())] {
        let values: Vec<&str> = sample
            .split([' ', ',', '{', '}', '[', ']', '\n'])
            .filter(|word| !word.is_empty() && !word.ends_with(':'))
            .collect();
        assert!(values.len() > 12, "{values:?}");
        for value in values {
            for shape in [
                format!("\"{CANARY}\""),
                format!("[{CANARY}]"),
                format!("{{{CANARY}: {CANARY}}}"),
            ] {
                let spoilt = sample.replacen(value, &shape, 1);
                let (workload, env) = if at_workload {
                    (spoilt, sound_env())
                } else {
                    (sound_workload(), spoilt)
                };
                let (workload, env) = (testing::workload() + &workload, testing::env() + &env);
                let shown = match Contract::from_sections(
                    &workload,
                    &env,
                    &Opening::new(&[], &Limits::default()),
                ) {
                    Ok(contract) => format!("{:?}", contract.warnings),
                    Err(error) => format!("{error:?}"),
                };
                assert!(
                    !shown.contains("CANARY") && !shown.contains("hunter2"),
                    "{shown}"
                );
            }
        }
    }
}
