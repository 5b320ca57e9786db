//! Shell completion and manual pages, tried with a shell and a formatter that we did not write.

use std::collections::BTreeSet;

use crate::run::run;
use crate::support::{folder, foreign};

/// The subcommands that `--help` lists.
pub(crate) fn commands(dir: &std::path::Path) -> BTreeSet<String> {
    let (_, help, _) = run(dir, "--help");
    let (_, rest) = help.split_once("Commands:\n").unwrap();
    let (list, _) = rest.split_once("\n\n").unwrap();
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_shell_has_a_completion_that_knows_every_command() {
    let dir = folder();
    let commands = commands(dir.path());
    assert!(commands.len() >= 9, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, _) = run(dir.path(), &format!("completion {shell}"));
        assert_eq!(code, Some(0));
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell} {command}");
        }
    }
    assert_eq!(run(dir.path(), "completion sh").0, Some(64));
    let (_, out, _) = run(dir.path(), "--json completion fish");
    assert!(
        out.starts_with("{\"shell\":\"fish\",\"script\":\"") && out.ends_with("\"}\n"),
        "{out}"
    );
}

#[test]
fn bash_completes_a_command_and_its_options() {
    let dir = folder();
    let (_, script, _) = run(dir.path(), "completion bash");
    std::fs::write(dir.path().join("completion.bash"), script).unwrap();
    for (words, expected) in [
        ("exp", "explain"),
        ("disk --host", "--hostname"),
        ("new --dal ou", "outbound"),
        ("completion fi", "fish"),
    ] {
        let last = words.split(' ').next_back().unwrap();
        let before = words.split(' ').nth_back(1).unwrap_or("bakehouse-contract");
        let line = format!(
            ". ./completion.bash; COMP_WORDS=(bakehouse-contract {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _bakehouse__contract bakehouse-contract '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let Some(output) = foreign(dir.path(), &["bash"], &["-euc", &line]) else {
            return;
        };
        assert_eq!(
            String::from_utf8(output.stdout).unwrap().trim(),
            expected,
            "{words}"
        );
    }
}

#[test]
fn every_command_has_a_manual_page_that_groff_takes_without_a_warning() {
    let dir = folder();
    let (code, out, err) = run(dir.path(), "man --out man/man1");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let mut pages: BTreeSet<String> = commands(dir.path())
        .iter()
        .map(|name| format!("man/man1/bakehouse-contract-{name}.1"))
        .collect();
    pages.insert("man/man1/bakehouse-contract.1".to_owned());
    // Commands may have commands below them, which have pages too.
    let written: BTreeSet<String> = out.lines().map(str::to_owned).collect();
    assert!(written.is_superset(&pages), "{written:?}");
    for page in written {
        let text = std::fs::read_to_string(dir.path().join(&page)).unwrap();
        for heading in [".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"] {
            assert!(text.contains(heading), "{page}");
        }
        let args = ["-man", "-Tutf8", "-ww", &page];
        if let Some(output) = foreign(dir.path(), &["groff"], &args) {
            assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{page}");
            assert!(output.stdout.len() > 500, "{page}");
        }
    }
    let disk = std::fs::read_to_string(dir.path().join("man/man1/bakehouse-contract-disk.1"));
    assert!(disk.unwrap().contains("\\-\\-hostname"));
}
