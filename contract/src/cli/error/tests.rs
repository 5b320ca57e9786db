use std::collections::BTreeMap;

use bakehouse_contract::{Code, ContractDocument, Limits};

use super::*;

const PAGE: &str = include_str!("../../../../docs/contract-tool.md");

/// An error of each kind, with FILE and REASON for what differs. A new kind is missed by the match below.
fn every_error() -> Vec<CliError> {
    let path = || "FILE".to_owned();
    let reason = || "REASON".to_owned();
    let missing = ContractDocument::parse(b"", &Limits::default()).unwrap_err();
    let errors = vec![
        CliError::Usage { message: reason() },
        CliError::Read {
            path: path(),
            reason: reason(),
        },
        CliError::Write {
            path: path(),
            reason: reason(),
        },
        CliError::Key {
            path: path(),
            source: KeyError::Unsound,
        },
        CliError::Certificate {
            path: path(),
            source: SealError::Unsound,
        },
        CliError::Unfilled {
            places: vec![Place::path("PLACE")],
        },
        CliError::Network,
        CliError::Exists { path: path() },
        CliError::Disk {
            source: DiskError::HostName,
        },
        CliError::Disk {
            source: DiskError::TooLarge("FILE"),
        },
        CliError::Contract { source: missing },
    ];
    for error in &errors {
        match error {
            CliError::Usage { .. }
            | CliError::Read { .. }
            | CliError::Write { .. }
            | CliError::Key { .. }
            | CliError::Certificate { .. }
            | CliError::Unfilled { .. }
            | CliError::Network
            | CliError::Exists { .. }
            | CliError::Disk { .. }
            | CliError::Contract { .. } => {}
        }
    }
    errors
}

/// The rows of the table below a heading, without its first two lines.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(heading).unwrap();
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    lines
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().trim_matches('`')).collect()
        })
        .collect()
}

#[test]
fn the_page_has_every_error_of_a_contract_with_its_remedy_and_no_other() {
    let rows: BTreeMap<&str, Vec<&str>> = rows("### What is wrong with a contract")
        .into_iter()
        .map(|row| (row[0], row[1..].to_vec()))
        .collect();
    assert_eq!(rows.len(), Code::ALL.len());
    for code in Code::ALL {
        let row = rows.get(code.as_str());
        let [meaning, remedy] = row.unwrap_or_else(|| unreachable!("{code}"))[..] else {
            unreachable!("{code}: {row:?}");
        };
        assert_eq!(remedy.replace("\\|", "|"), code.remedy(), "{code}");
        assert!(meaning.len() > 20, "{code}: {meaning}");
    }
}

#[test]
fn the_page_has_every_other_error_as_the_tool_says_it_and_no_other() {
    let mut rows: BTreeMap<&str, Vec<&str>> = rows("### What else can be wrong")
        .into_iter()
        .map(|row| (row[0], row[1..].to_vec()))
        .collect();
    for error in every_error() {
        if matches!(error, CliError::Contract { .. }) {
            assert_eq!(error.exit_code(), 65);
            continue;
        }
        let row = rows.remove(error.code());
        let [exit, message, remedy] = row.unwrap_or_else(|| unreachable!("{error:?}"))[..] else {
            unreachable!("{error:?}");
        };
        assert_eq!(exit, error.exit_code().to_string(), "{error:?}");
        let said = match &error {
            // What is wrong with a key or a certificate is told in several ways.
            CliError::Key { source, .. } => {
                error.to_string().replace(&source.to_string(), "REASON")
            }
            CliError::Certificate { source, .. } => {
                error.to_string().replace(&source.to_string(), "REASON")
            }
            _ => error.to_string(),
        };
        let first = said.lines().next().unwrap();
        assert_eq!(message, first, "{error:?}");
        assert!(remedy.len() > 10, "{error:?}");
    }
    assert_eq!(rows, BTreeMap::new());
}

#[test]
fn the_page_has_every_exit_code() {
    let mut told: Vec<u8> = rows("## Exit codes")
        .iter()
        .map(|row| row[0].parse().unwrap())
        .collect();
    let mut given: Vec<u8> = every_error().iter().map(CliError::exit_code).collect();
    // Done, and different.
    given.extend([0, 1]);
    given.sort_unstable();
    given.dedup();
    told.sort_unstable();
    assert_eq!(told, given);
}

#[test]
fn errors_are_json_too() {
    for error in every_error() {
        let json = error.to_json();
        assert_eq!(json["error"]["code"], error.code());
        assert_eq!(json["error"]["exit_code"], error.exit_code());
        assert!(
            json["error"]["message"]
                .as_str()
                .is_some_and(|it| it.len() > 5)
        );
    }
}
