//! A folder with a contract in it, and the tool run there.

use std::path::Path;
use std::process::{Command, Output};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes that are secret wherever they are: the grep11 key's DER.
pub(crate) const SECRET_DER: &[u8] = b"CANARY-of-the-grep11-private-key-0123456789";

/// Exit code, standard output and standard error of the tool.
pub(crate) type Said = (Option<i32>, String, String);

/// Runs the tool in a folder.
pub(crate) fn run(dir: &Path, args: &[&str]) -> Said {
    said(&output(
        Command::new(env!("CARGO_BIN_EXE_bakehouse-contract"))
            .args(args)
            .current_dir(dir),
    ))
}

/// Runs a program that we did not write; nothing, said loudly, if this machine does not have it.
pub(crate) fn foreign(dir: &Path, names: &[&str], args: &[&str]) -> Option<Output> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = names.iter().find_map(|name| {
        path.split(':')
            .map(|folder| Path::new(folder).join(name))
            .find(|file| file.is_file())
    });
    let Some(program) = found else {
        eprintln!("NOT TESTED against {}: not installed", names.join(" or "));
        return None;
    };
    let output = output(
        Command::new(program)
            .args(args)
            .current_dir(dir)
            .env("LC_ALL", "C")
            .env("TZ", "UTC"),
    );
    assert!(output.status.success(), "{names:?} {args:?}: {output:?}");
    Some(output)
}

pub(crate) fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

pub(crate) fn workload() -> String {
    let (blob, digest) = ("c5".repeat(120), "0f".repeat(32));
    format!(
        "type: workload\nbakehouse:\n  network: shadownet\n  chain_id: NetXsqzbfFenSTS\n  node: {{history_mode: rolling}}\n  \
         baker: {{liquidity_baking_toggle_vote: pass}}\n  dal: none\n  accuser: false\n  keys:\n    - name: baker\n      \
         role: consensus\n      public_key: p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk\n      blob: {blob}\n  \
         executables:\n    bakehouse-signer: {digest}\n    octez-node: {digest}\n    octez-baker: {digest}\n"
    )
}

pub(crate) fn env() -> String {
    let certificate = STANDARD.encode(pem("CERTIFICATE", &[7; 90]));
    let key = STANDARD.encode(pem("PRIVATE KEY", SECRET_DER));
    format!(
        "type: env\nbakehouse:\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials: {{ca: {certificate}, certificate: {certificate}, key: {key}}}\n"
    )
}

/// A document of two sections in plain text.
pub(crate) fn document(workload: &str, env: &str) -> String {
    let block = |text: &str| text.trim_end().replace('\n', "\n  ");
    format!(
        "workload: |\n  {}\nenv: |\n  {}\n",
        block(workload),
        block(env)
    )
}

/// A folder with a plain contract, its sections, and a throw-away image key.
pub(crate) fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'static> = key.as_der().unwrap();
    let public: PublicKeyX509Der<'static> = key.public_key().as_der().unwrap();
    for (name, text) in [
        ("image.key", pem("PRIVATE KEY", private.as_ref())),
        ("image.crt", pem("PUBLIC KEY", public.as_ref())),
        ("workload.yaml", workload()),
        ("env.yaml", env()),
        ("plain.yaml", document(&workload(), &env())),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// Encrypts the folder's sections into `out`.
pub(crate) fn encrypt(dir: &Path, out: &str) {
    let args = "encrypt --certificate image.crt --workload workload.yaml --env env.yaml --out";
    let args: Vec<&str> = args.split(' ').chain([out]).collect();
    assert_eq!(run(dir, &args), (Some(0), String::new(), String::new()));
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}
