//! A folder with a contract in it, and programs that we did not write.

use std::path::Path;
use std::process::{Command, Output};

use aws_lc_rs::rsa::KeySize;

use crate::pem::rsa_pair;
use crate::run::run;
use crate::sections::{env, workload};

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
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(output.status.success(), "{names:?} {args:?}: {output:?}");
    Some(output)
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
    let (private, public) = rsa_pair(KeySize::Rsa2048);
    for (name, text) in [
        ("image.key", private),
        ("image.crt", public),
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
    let said = run(dir, &format!("{args} {out}"));
    assert_eq!(said, (Some(0), String::new(), String::new()));
}
