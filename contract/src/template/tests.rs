use rstest::rstest;

use super::*;
use crate::error::Code;
use crate::sections::public::own_keys;
use crate::testing::{self, BLOCK, TZ3, pem};
use crate::{Contract, Opening, look};

fn template(network: &str, dal: Dal, accuser: bool) -> Template {
    Template::new(network, dal, accuser).unwrap()
}

/// Fills a template in, as its operator would.
fn filled(text: &str) -> String {
    let certificate = pem("CERTIFICATE", &[7; 60]).replace('\n', "\n        ");
    let key = pem("PRIVATE KEY", &[9; 60]).replace('\n', "\n        ");
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(PLACEHOLDER) {
        let (what, after) = after.split_once('>').unwrap();
        out.push_str(before);
        out.push_str(&match what {
            it if it.starts_with("…") => it.to_owned(),
            it if it.contains("host:") => "peer.example:9732".to_owned(),
            it if it.contains("IP address") => "192.0.2.53".to_owned(),
            it if it.contains("chain id") => "NetXsqzbfFenSTS".to_owned(),
            it if it.contains("https://") => "https://snapshots.example/rolling".to_owned(),
            it if it.contains("BL…") => BLOCK.to_owned(),
            it if it.contains("tz…") => "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx".to_owned(),
            "public key" => TZ3.to_owned(),
            it if it.contains(".sk.hex") => "ab".repeat(120),
            it if it.contains("PEM private") => key.clone(),
            it if it.contains("PEM") => certificate.clone(),
            it if it.to_lowercase().contains("sha") => "0f".repeat(32),
            it => unreachable!("{it}"),
        });
        rest = after;
    }
    out + rest
}

/// Takes the `#` away from each optional line.
fn with_options(text: &str) -> String {
    text.lines()
        .map(|line| {
            let indent = line.len() - line.trim_start().len();
            match line.trim_start().strip_prefix('#') {
                Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    format!("{}{rest}\n", &line[..indent])
                }
                // Below an optional key, two more spaces are its own.
                Some(rest) if rest.starts_with("  ") => format!("{}{rest}\n", &line[..indent]),
                _ => format!("{line}\n"),
            }
        })
        .collect()
}

#[rstest]
#[case("mainnet", Dal::None, false)]
#[case("ghostnet", Dal::Outbound, false)]
#[case("shadownet", Dal::None, true)]
#[case("https://teztnets.example/net", Dal::Outbound, true)]
fn a_template_filled_in_is_a_contract(
    #[case] network: &str,
    #[case] dal: Dal,
    #[case] accuser: bool,
) {
    let template = template(network, dal, accuser);
    let limits = Limits::default();
    for options in [false, true] {
        let [workload, env] = [template.workload(), template.env()].map(|text| {
            let text = if options { with_options(&text) } else { text };
            filled(&text)
        });
        let contract =
            Contract::from_sections(&workload, &env, &Opening::new(&[], &limits)).unwrap();
        assert_eq!(contract.settings.dal, dal);
        assert_eq!(contract.settings.accuser, accuser);
        assert_eq!(contract.settings.node.snapshot.is_some(), options);
        assert_eq!(
            contract.settings.powers.delegated.len(),
            if options { 2 } else { 0 }
        );
        assert_eq!(contract.warnings, []);
        let document = ContractDocument::new(workload, env);
        assert_eq!(placeholders(&document, &limits), Ok(vec![]));
    }
}

#[test]
fn every_placeholder_is_found_with_its_line() {
    let template = template("https://teztnets.example/net", Dal::Outbound, true);
    for options in [false, true] {
        let [workload, env] = [template.workload(), template.env()]
            .map(|text| if options { with_options(&text) } else { text });
        let lines = |text: &str| -> Vec<usize> {
            let lines = text.lines().enumerate();
            lines
                .filter(|(_, line)| {
                    line.contains(PLACEHOLDER) && !line.trim_start().starts_with('#')
                })
                .map(|(index, _)| index + 1)
                .collect()
        };
        let document = ContractDocument::new(workload.clone(), env.clone());
        let found = placeholders(&document, &Limits::default()).unwrap();
        let of = |section| -> Vec<usize> {
            let places = found.iter().filter(|place| place.section == Some(section));
            places.filter_map(|place| place.line).collect()
        };
        assert_eq!(of("workload"), lines(&workload));
        assert_eq!(of("env"), lines(&env));
        assert_eq!(found.len(), if options { 19 } else { 14 }, "{found:#?}");
    }
}

/// One placeholder left at a time: no guest takes it for a value.
#[test]
fn no_placeholder_is_a_value() {
    let template = template("https://teztnets.example/net", Dal::Outbound, true);
    let texts = [template.workload(), template.env()].map(|text| with_options(&text));
    let limits = Limits::default();
    for (which, text) in texts.iter().enumerate() {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if !line.contains(PLACEHOLDER) || line.trim_start().starts_with('#') {
                continue;
            }
            let around = [&lines[..index], &lines[index + 1..]].map(|it| filled(&it.join("\n")));
            let spoilt = format!("{}\n{line}\n{}", around[0], around[1]);
            let pair = match which {
                0 => [spoilt, filled(&texts[1])],
                _ => [filled(&texts[0]), spoilt],
            };
            let error = Contract::from_sections(&pair[0], &pair[1], &Opening::new(&[], &limits))
                .map(|_| ());
            assert_eq!(error.unwrap_err().code(), Code::ValueInvalid, "{line}");
        }
    }
}

#[test]
fn every_key_of_ours_is_in_the_template() {
    let template = template("mainnet", Dal::None, false);
    for (env, text) in [(false, template.workload()), (true, template.env())] {
        let keys = own_keys(env);
        assert!(keys.len() > 10);
        for key in keys {
            let there = text.contains(&format!("{key}: ")) || text.contains(&format!("{key}:\n"));
            // Timing is in the workload's template; the serial is for who signs.
            let elsewhere =
                (env && (key.ends_with("_seconds") || key == "timing")) || key == "serial";
            assert!(there || elsewhere, "{key}");
        }
    }
}

#[test]
fn other_networks_have_no_template() {
    for bad in [
        "",
        "Mainnet",
        "http://a.example",
        "mainnet\nx: y",
        "https://a.example/\"x",
    ] {
        assert_eq!(Template::new(bad, Dal::None, false), None, "{bad}");
    }
}

#[test]
fn the_way_to_a_placeholder_names_no_unknown_key() {
    let env = testing::env() + "hunter2:\n  - {CANARY: \"<to do: x>\"}\n";
    let document = ContractDocument::new("type: workload".into(), env);
    let found = placeholders(&document, &Limits::default()).unwrap();
    assert_eq!(found[0].path, "env[0]");
    assert!(look(&document, &Opening::new(&[], &Limits::default())).is_err());
}
