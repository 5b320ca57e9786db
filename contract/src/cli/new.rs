//! `new`: the sections of a contract, to be filled in.

use std::fmt;
use std::path::PathBuf;

use bakehouse_contract::settings::Dal;
use bakehouse_contract::template::{PLACEHOLDER, Template};
use clap::ValueEnum;
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files;

#[derive(clap::Args)]
pub(super) struct Args {
    /// mainnet, ghostnet, shadownet, or the https:// address of a network configuration
    #[arg(long)]
    network: String,
    /// Whether a DAL node runs
    #[arg(long, value_enum, default_value_t)]
    dal: DalName,
    /// An accuser runs
    #[arg(long)]
    accuser: bool,
    /// Folder for workload.yaml and env.yaml; made if it is not there. Nothing is overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum DalName {
    /// None: the baker runs without DAL
    #[default]
    None,
    /// One that dials out only
    Outbound,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    workload: String,
    env: String,
    /// How many values are to be filled in.
    to_do: usize,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let template =
        Template::new(&args.network, args.dal.into(), args.accuser).ok_or(CliError::Network)?;
    let texts = [
        (args.out.join("workload.yaml"), template.workload()),
        (args.out.join("env.yaml"), template.env()),
    ];
    // Neither is written if the other can't be.
    if let Some((path, _)) = texts.iter().find(|(path, _)| path.exists()) {
        let path = files::name(path);
        return Err(CliError::Exists { path });
    }
    std::fs::create_dir_all(&args.out).map_err(|error| files::write_error(&args.out, &error))?;
    for (path, text) in &texts {
        files::write_new(path, text.as_bytes())?;
    }
    let [workload, env] = texts.each_ref().map(|(path, _)| files::name(path));
    let lines = texts.iter().flat_map(|(_, text)| text.lines());
    let to_do = lines.filter(|line| !line.trim_start().starts_with('#'));
    console.answer(&Written {
        workload,
        env,
        to_do: to_do.filter(|line| line.contains(PLACEHOLDER)).count(),
    })
}

// === impl DalName ===

impl From<DalName> for Dal {
    fn from(name: DalName) -> Self {
        match name {
            DalName::None => Self::None,
            DalName::Outbound => Self::Outbound,
        }
    }
}

// === impl Written ===

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            workload,
            env,
            to_do,
        } = self;
        writeln!(
            f,
            "{workload} and {env} are written: {to_do} values are to be filled in"
        )?;
        writeln!(
            f,
            "check them with: bakehouse-contract lint --workload {workload} --env {env}"
        )
    }
}
