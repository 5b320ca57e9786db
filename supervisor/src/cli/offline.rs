//! `check` and `plan`: what a contract would do, without doing it; and the status in words.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::OfflineArgs;
use crate::boot;
use crate::credentials;
use crate::error::{Code, Halt};
use crate::host::real::{RealFs, RealOpener};
use crate::host::{Contract, Fs, Mode, Opener, Opening, ReadError, Source};
use crate::plan::spec::Plan;
use crate::plan::{self, Facts};

const CONTRACT_LIMIT: usize = 1 << 20;
const KEY_LIMIT: usize = 64 << 10;
const PINS_LIMIT: usize = 256 << 10;

/// One line per finding; an error for the first thing that would halt a boot.
pub(super) fn check(args: &OfflineArgs) -> Result<String, Halt> {
    let (contract, plan, digest) = open(args)?;
    credentials::check(&contract.settings.grep11, SystemTime::now())
        .map_err(|error| Halt::new(Code::of(error.code()), error.to_string()))?;
    let mut text = String::new();
    for warning in &contract.warnings {
        line(&mut text, &format!("warning: {warning}"));
    }
    for power in &plan.waived {
        line(&mut text, &format!("waived: {power}"));
    }
    if let Some(units) = &args.units {
        for unit in &plan.units {
            let program = &unit.executable;
            check_program(&units.join(&program.name), &program.name, &program.sha256)?;
            line(
                &mut text,
                &format!("program: {} has the contract's digest", program.name),
            );
        }
    }
    line(&mut text, &format!("contract: {}", contract.digest));
    if let Some(pins) = &contract.pins {
        line(&mut text, &format!("pins: {pins}"));
    }
    line(&mut text, &format!("plan: {digest}"));
    text.push_str("ok");
    Ok(text)
}

/// The plan as JSON, with its digest. A plan holds no secret.
pub(super) fn plan(args: &OfflineArgs) -> Result<String, Halt> {
    let (_, plan, digest) = open(args)?;
    let value = json!({ "digest": digest, "plan": plan });
    serde_json::to_string_pretty(&value)
        .map_err(|_| Halt::new(Code::Internal, "the plan cannot be printed"))
}

fn open(args: &OfflineArgs) -> Result<(Contract, Plan, String), Halt> {
    let read = |source: &Source, limit, what: &str, missing| {
        RealFs.read(source, limit).map_err(|error| {
            let too_large = error == ReadError::TooLarge && missing == Code::ContractMissing;
            let code = if too_large {
                Code::ContractTooLarge
            } else {
                missing
            };
            Halt::new(code, format!("{what} {error}"))
        })
    };
    let source = Source::File(args.contract.clone());
    let bytes = read(
        &source,
        CONTRACT_LIMIT,
        "the contract",
        Code::ContractMissing,
    )?;
    let key = args.key.source();
    let key = key.map(|key| read(&key, KEY_LIMIT, "the contract key", Code::ContractDecrypt));
    let key = key.transpose()?;
    let pins = args.places.pins();
    let pins = pins.map(|pins| read(&pins, PINS_LIMIT, "the file of pins", Code::PinsInvalid));
    let mode = Mode::from(args.places.host);
    let input = boot::input(mode, key.is_some(), bytes);
    let opening = Opening {
        key,
        pins: pins.transpose()?,
        now: SystemTime::now(),
    };
    let contract = RealOpener.open(input, opening)?;
    let facts = Facts {
        host: mode.as_str().to_owned(),
        runtime_dir: args.places.runtime_dir.clone(),
        pins: contract.pins.clone(),
    };
    let plan = plan::plan(&contract.settings, &contract.digest, &facts)?;
    let digest = plan::digest(&plan)?.0;
    Ok((contract, plan, digest))
}

fn check_program(path: &Path, name: &str, sha256: &str) -> Result<(), Halt> {
    let missing = |_| Halt::new(Code::ExecutableMissing, format!("{name} cannot be read"));
    let mut file = std::fs::File::open(path).map_err(missing)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match std::io::Read::read(&mut file, &mut chunk).map_err(missing)? {
            0 => break,
            count => hash.update(chunk.get(..count).unwrap_or_default()),
        }
    }
    if hex::encode(hash.finalize()) == sha256 {
        return Ok(());
    }
    Err(Halt::new(
        Code::ExecutableMismatch,
        format!("{name} has another digest than the contract says"),
    ))
}

/// The status for people.
pub(super) fn readable(status: &Value) -> String {
    let word = |key: &str| status[key].as_str().unwrap_or("-").to_owned();
    let mut text = String::new();
    line(&mut text, &format!("phase   {}", word("phase")));
    line(&mut text, &format!("port    {}", word("port")));
    line(&mut text, &format!("host    {}", word("host")));
    line(&mut text, &format!("plan    {}", word("plan")));
    line(
        &mut text,
        &format!(
            "uptime  {} s",
            status["uptime_ms"].as_u64().unwrap_or_default() / 1000
        ),
    );
    for power in status["waived"].as_array().into_iter().flatten() {
        line(
            &mut text,
            &format!("waived  {}", power.as_str().unwrap_or("-")),
        );
    }
    for what in status["reduced"].as_array().into_iter().flatten() {
        let what = what.as_str().unwrap_or("-");
        line(&mut text, &format!("reduced {what}"));
    }
    for unit in status["units"].as_array().into_iter().flatten() {
        let word = |key: &str| unit[key].as_str().unwrap_or_default();
        let deaths = unit["deaths"].as_u64().unwrap_or_default();
        let (name, state, reason) = (word("name"), word("state"), word("reason"));
        line(
            &mut text,
            &format!("unit    {name:<8} {state:<9} deaths {deaths}  {reason}"),
        );
    }
    if let Some(halted) = status["halted"].as_object() {
        let word = |key: &str| halted.get(key).and_then(Value::as_str).unwrap_or("-");
        line(
            &mut text,
            &format!("halted  {}: {}", word("code"), word("message")),
        );
        line(&mut text, &format!("remedy  {}", word("remedy")));
    }
    let printable = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{b7}'
        } else {
            c
        }
    };
    text.trim_end().chars().map(printable).collect()
}

fn line(text: &mut String, words: &str) {
    text.push_str(words.trim_end());
    text.push('\n');
}
