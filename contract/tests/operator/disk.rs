//! The `cidata` disk, read by programs that we did not write.

use std::collections::BTreeMap;
use std::path::Path;

use crate::run::run;
use crate::support::{folder, foreign};

const BASE: &str = "disk --contract plain.yaml --hostname Baker-1 --out cidata.iso";
const FILES: [&str; 4] = ["meta-data", "network-config", "user-data", "vendor-data"];

/// Makes a disk, and says what must be on it.
fn made(dir: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let network = b"network: {version: 2, ethernets: {enc1: {dhcp4: true}}}\n";
    let network_config = [network.to_vec(), b"# a remark\n".repeat(600)].concat();
    std::fs::write(dir.join("network.yaml"), &network_config).unwrap();
    std::fs::write(dir.join("vendor.yaml"), [0xff; 2048]).unwrap();
    let (code, _, err) = run(
        dir,
        &format!("{BASE} --network-config network.yaml --vendor-data vendor.yaml"),
    );
    assert_eq!((code, err.as_str()), (Some(0), ""));
    BTreeMap::from([
        ("meta-data", b"local-hostname: baker-1\n".to_vec()),
        ("network-config", network_config),
        ("user-data", std::fs::read(dir.join("plain.yaml")).unwrap()),
        ("vendor-data", vec![0xff; 2048]),
    ])
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn isoinfo_finds_label_size_names_modes_and_contents() {
    let dir = folder();
    let files = made(dir.path());
    let isoinfo = |args: &[&str]| foreign(dir.path(), &["isoinfo"], args).map(|it| it.stdout);
    let Some(summary) = isoinfo(&["-d", "-i", "cidata.iso"]).map(text) else {
        return;
    };
    let size = std::fs::metadata(dir.path().join("cidata.iso"))
        .unwrap()
        .len();
    for line in [
        "Volume id: cidata".to_owned(),
        "Logical block size is: 2048".to_owned(),
        format!("Volume size is: {}", size / 2048),
        "Joliet with UCS level 3 found".to_owned(),
        "Rock Ridge signatures version 1 found".to_owned(),
    ] {
        assert!(summary.lines().any(|it| it == line), "{line}\n{summary}");
    }
    let listing = text(isoinfo(&["-l", "-R", "-i", "cidata.iso"]).unwrap());
    for (name, bytes) in &files {
        let line = listing.lines().find(|line| line.trim_end().ends_with(name));
        let words: Vec<&str> = line.unwrap().split_whitespace().collect();
        let size = bytes.len().to_string();
        assert_eq!(words[..5], ["-r--r--r--", "1", "0", "0", &size], "{name}");
        assert_eq!(words[5..8], ["Jan", "1", "1980"], "{name}");
        for (names, path) in [("-R", format!("/{name}")), ("-J", format!("/{name}"))] {
            let read = isoinfo(&[names, "-x", &path, "-i", "cidata.iso"]).unwrap();
            assert_eq!(&read, bytes, "{names} {name}");
        }
    }
    for names in ["-R", "-J"] {
        let listing = text(isoinfo(&["-f", names, "-i", "cidata.iso"]).unwrap());
        let found: Vec<&str> = listing
            .lines()
            .map(|line| line.trim_start_matches('/'))
            .collect();
        assert_eq!(found, FILES, "{names}");
    }
    let plain = text(isoinfo(&["-f", "-i", "cidata.iso"]).unwrap());
    assert!(plain.contains("/USER_DAT.;1"), "{plain}");
}

#[test]
fn isovfy_has_no_complaint() {
    let dir = folder();
    made(dir.path());
    if let Some(output) = foreign(dir.path(), &["isovfy"], &["cidata.iso"]) {
        let said = text(output.stdout);
        assert!(said.contains("No errors found"), "{said}");
    }
}

#[test]
fn xorriso_extracts_what_was_put_in() {
    let dir = folder();
    let files = made(dir.path());
    // With Rock Ridge, and without it, which leaves Joliet.
    for (mode, folder) in [
        ("any", "rock"),
        ("nojoliet", "also-rock"),
        ("norock", "joliet"),
    ] {
        let args = [
            "-abort_on",
            "WARNING",
            "-osirrox",
            "on",
            "-read_fs",
            mode,
            "-indev",
            "cidata.iso",
            "-extract",
            "/",
            folder,
        ];
        if foreign(dir.path(), &["xorriso"], &args).is_none() {
            return;
        }
        for (name, bytes) in &files {
            let path = dir.path().join(folder).join(name);
            assert_eq!(&std::fs::read(path).unwrap(), bytes, "{mode} {name}");
        }
    }
    let args = ["-indev", "cidata.iso", "-toc", "-pvd_info"];
    let said = text(foreign(dir.path(), &["xorriso"], &args).unwrap().stdout);
    for line in ["ISO offers   : Rock_Ridge Joliet", "Volume Id    : cidata"] {
        assert!(
            said.lines().any(|it| it.trim_end() == line),
            "{line}\n{said}"
        );
    }
}

#[test]
fn bsdtar_extracts_what_was_put_in_by_each_set_of_names() {
    let dir = folder();
    let files = made(dir.path());
    for (options, folder) in [("!joliet", "rock"), ("!rockridge", "joliet")] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        let args = ["-xf", "cidata.iso", "--options", options, "-C", folder];
        if foreign(dir.path(), &["bsdtar"], &args).is_none() {
            return;
        }
        for (name, bytes) in &files {
            let path = dir.path().join(folder).join(name);
            assert_eq!(&std::fs::read(path).unwrap(), bytes, "{options} {name}");
        }
    }
    let listing = foreign(dir.path(), &["bsdtar"], &["-tvf", "cidata.iso"]).unwrap();
    let listing = text(listing.stdout);
    assert_eq!(
        listing.matches("-r--r--r--  1 0      0 ").count(),
        4,
        "{listing}"
    );
    assert!(listing.contains("dr-xr-xr-x  2 0      0 "), "{listing}");
}

#[test]
fn seven_zip_tests_and_extracts_it() {
    let dir = folder();
    let files = made(dir.path());
    let program = ["7zz", "7z"];
    if foreign(dir.path(), &program, &["t", "cidata.iso"]).is_none() {
        return;
    }
    foreign(dir.path(), &program, &["x", "-oseven", "cidata.iso"]).unwrap();
    for (name, bytes) in &files {
        let read = std::fs::read(dir.path().join("seven").join(name)).unwrap();
        assert_eq!(&read, bytes, "{name}");
    }
}

#[test]
fn the_label_is_the_one_that_udev_makes_a_link_of() {
    let dir = folder();
    made(dir.path());
    let args = ["-p", "-o", "export", "cidata.iso"];
    if let Some(output) = foreign(dir.path(), &["blkid"], &args) {
        let said = text(output.stdout);
        for line in ["LABEL=cidata", "TYPE=iso9660", "VERSION=Joliet\\ Extension"] {
            assert!(said.lines().any(|it| it == line), "{line}\n{said}");
        }
    }
}

#[test]
fn the_same_inputs_are_the_same_bytes() {
    let dir = folder();
    made(dir.path());
    let first = std::fs::read(dir.path().join("cidata.iso")).unwrap();
    std::fs::remove_file(dir.path().join("cidata.iso")).unwrap();
    made(dir.path());
    assert!(first == std::fs::read(dir.path().join("cidata.iso")).unwrap());
}

#[test]
fn a_contract_that_no_guest_would_take_makes_no_disk() {
    let dir = folder();
    let plain = std::fs::read_to_string(dir.path().join("plain.yaml")).unwrap();
    let broken = plain.replace("accuser:", "acuser:");
    std::fs::write(dir.path().join("broken.yaml"), broken).unwrap();
    let wrong = "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n";
    std::fs::write(dir.path().join("wrong"), wrong).unwrap();
    std::fs::write(dir.path().join("large"), vec![b'#'; (1 << 20) + 1]).unwrap();
    for (args, code, word) in [
        (
            BASE.replace("plain", "broken"),
            65,
            "key_unknown: workload.bakehouse (line 9, column 5): ",
        ),
        (
            BASE.replace("Baker-1", "bad_name"),
            64,
            "the host name must be",
        ),
        (
            BASE.replace("Baker-1", "10.0.0.1"),
            64,
            "the host name must be",
        ),
        (
            format!("{BASE} --vendor-data none"),
            66,
            "none: can't be read",
        ),
        (
            format!("{BASE} --network-config wrong"),
            65,
            "value_invalid: network-config.network.ethernets (line 1, column 35)",
        ),
        (
            format!("{BASE} --network-config large"),
            65,
            "network-config has more than",
        ),
    ] {
        let (found, _, err) = run(dir.path(), &args);
        assert_eq!(found, Some(code), "{args}: {err}");
        assert!(err.starts_with(word), "{args}: {err}");
        assert!(!dir.path().join("cidata.iso").exists(), "{args}");
    }
}

#[test]
fn a_plain_contract_is_called_that() {
    let dir = folder();
    let (_, out, _) = run(dir.path(), BASE);
    let note = "note: workload and env are not encrypted: whoever holds the disk reads them\n";
    assert!(out.contains(note), "{out}");
    crate::support::encrypt(dir.path(), "user-data");
    let args = BASE.replace("plain.yaml", "user-data");
    let (code, out, _) = run(dir.path(), &args);
    assert_eq!(code, Some(0));
    assert!(!out.contains("not encrypted"), "{out}");
}
