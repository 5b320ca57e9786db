use super::*;
use crate::limits::Limits;
use crate::testing::{self, pairs};

fn found(workload: &str, env: &str) -> Vec<String> {
    let document = ContractDocument::new(testing::workload() + workload, testing::env() + env);
    let findings = lint(&document, &Opening::new(&[], &Limits::default())).unwrap();
    assert!(findings.encrypted.is_empty());
    findings.warnings.iter().map(ToString::to_string).collect()
}

/// What is said of every contract that is not signed.
fn unsigned(warning: &Warning) -> bool {
    warning.place().path == "envWorkloadSignature"
}

#[test]
fn every_secret_in_the_clear_is_found_where_it_is() {
    let bare = |texts: Vec<String>| -> Vec<String> {
        let texts = texts
            .into_iter()
            .filter(|text| text.contains("can be read by whoever"));
        texts
            .map(|text| text.split_once(" (line").unwrap().0.to_owned())
            .collect()
    };
    // The sample's own: the key of grep11 and the blobs.
    let own = bare(found("", ""));
    assert_eq!(
        own,
        [
            "env.bakehouse.grep11.credentials.key",
            "workload.bakehouse.keys[0].blob",
            "workload.bakehouse.keys[1].blob",
        ]
    );
    let more = bare(found(
        "volumes: {v: {seed: aaaaaaaaaaaaaaaa, previousSeed: b}}\nauths: {quay.io: {username: abc, password: def}}\n",
        "volumes: {v: {seed: aaaaaaaaaaaaaaaa}}\nenv: {db_password: x, GREETING: y}\ncrypto-pt: {index-1: {secret: QUJD}}\n",
    ));
    for path in [
        "workload.volumes[0].seed",
        "workload.volumes[0].previousSeed",
        "workload.auths[0].password",
        "env.volumes[0].seed",
        "env.env[0]",
        "env.crypto-pt.index-1.secret",
    ] {
        assert!(more.iter().any(|it| it == path), "{path}: {more:?}");
    }
    assert_eq!(more.len(), own.len() + 6, "{more:?}");
}

#[test]
fn what_is_encrypted_is_no_secret_in_the_clear() {
    let [pair, _] = pairs();
    let document =
        ContractDocument::new(pair.seal(&testing::workload()), pair.seal(&testing::env()));
    let (keys, limits) = ([pair.key()], Limits::default());
    let opened = lint(&document, &Opening::new(&keys, &limits)).unwrap();
    let said: Vec<&Warning> = opened.warnings.iter().filter(|it| !unsigned(it)).collect();
    assert!(said.is_empty() && opened.encrypted.is_empty(), "{said:?}");
    let closed = lint(&document, &Opening::new(&[], &limits)).unwrap();
    assert_eq!(closed.encrypted, ["workload", "env"]);
    let half = ContractDocument::new(testing::workload(), pair.seal(&testing::env()));
    let half = lint(&half, &Opening::new(&[], &limits)).unwrap();
    assert_eq!(half.encrypted, ["env"]);
    let said: Vec<&Warning> = half.warnings.iter().filter(|it| !unsigned(it)).collect();
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn certificates_are_looked_at_wherever_they_stand_and_only_with_a_clock() {
    let document = ContractDocument::new(testing::workload(), testing::env());
    let limits = Limits::default();
    let opening = Opening {
        now: Some(1_800_000_000),
        ..Opening::new(&[], &limits)
    };
    let unreadable = |opening: &Opening<'_>| {
        let warnings = lint(&document, opening).unwrap().warnings;
        let of_certificates = warnings
            .iter()
            .filter(|it| it.message().contains("can't be read"));
        of_certificates.count()
    };
    assert_eq!(unreadable(&opening), 2);
    assert_eq!(unreadable(&Opening::new(&[], &limits)), 0);
}

#[test]
fn a_volume_that_only_ibms_runtime_opens_is_said_to_be_one() {
    let texts = found(
        "volumes: {v: {seed: aaaaaaaaaaaaaaaa}}\n",
        "volumes: {v: {uv-secret-id: index-1}}\n",
    );
    let line = testing::env().lines().count() + 1;
    let expected = format!("env.volumes[0].uv-secret-id (line {line},");
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with(&expected) && text.contains("kept elsewhere")),
        "{texts:?}"
    );
}

/// Lines and columns of a block are those of the document, whatever it is indented by.
#[test]
fn a_block_has_the_documents_lines_and_columns() {
    for (indent, head) in [
        (2, "|"),
        (4, "|"),
        (7, "|-"),
        (3, "|3"),
        (4, "|2"),
        (2, "|\n\n"),
    ] {
        let pad = " ".repeat(indent);
        let block = |text: &str| -> String {
            pad.clone() + text.trim_end().replace('\n', &format!("\n{pad}")).as_str() + "\n"
        };
        let workload = testing::workload().replace("  dal: outbound", "  dal: sideways");
        let text = format!(
            "workload: {head}\n{}env: |\n{}",
            block(&workload),
            block(&testing::env())
        );
        let document = ContractDocument::parse(text.as_bytes(), &Limits::default()).unwrap();
        let error = lint(&document, &Opening::new(&[], &Limits::default())).unwrap_err();
        let (line, column) = text
            .lines()
            .enumerate()
            .find_map(|(number, line)| Some((number + 1, line.find("sideways")? + 1)))
            .unwrap();
        assert_eq!(error.place().line, Some(line), "{head} {indent}");
        assert_eq!(error.place().column, Some(column), "{head} {indent}");
        assert_eq!(error.place().section, None);
    }
}
