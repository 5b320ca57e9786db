//! The demo's program; `scripts/demo` installs what it needs, builds everything and runs it.

use std::path::PathBuf;
use std::process::ExitCode;

use bakehouse_e2e::bench::{ContractFrom, Options};
use bakehouse_e2e::demo::{self, Drill, Request};
use bakehouse_e2e::scan;
use clap::{Parser, Subcommand};

/// Brings up a baker from one sealed contract, in namespaces of its own, and reports what others saw of it.
#[derive(Debug, Parser)]
#[command(name = "scripts/demo")]
struct Cli {
    /// Print the report as one JSON object on the last line.
    #[arg(long)]
    json: bool,
    /// One accident in the middle.
    #[arg(long, value_name = "NAME")]
    drill: Option<Drill>,
    /// Keep the journals and the console in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Real Octez binaries in place of the stand-ins.
    #[arg(long, value_name = "DIR")]
    octez: Option<PathBuf>,
    /// Latency of the software HSM's calls.
    #[arg(long, default_value = "23ms", value_name = "TIME")]
    latency: String,
    /// Whose tool encrypts and signs the contract.
    #[arg(long, value_enum, default_value_t, value_name = "TOOL")]
    contract_from: ContractFrom,
    /// Folder of the built programs; by default this program's own.
    #[arg(long, hide = true)]
    programs: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Fetches and builds IBM's tool, which takes the network that a namespace of its own lacks.
    #[command(hide = true)]
    BuildContractGo,
    /// Holds the scanner's control port open.
    #[command(hide = true)]
    HoldControlPort,
    /// Holds services open in the guest that nobody may reach.
    #[command(hide = true)]
    HoldDecoys,
    /// Scans the guest from outside.
    #[command(hide = true)]
    Scan,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<bool> {
    match cli.part {
        Some(Part::BuildContractGo) => {
            let built = bakehouse_interop::contract_go::program();
            return built.map(|_| true).map_err(anyhow::Error::msg);
        }
        Some(Part::HoldControlPort) => return scan::hold_control_port().map(|()| true),
        Some(Part::HoldDecoys) => return scan::hold_decoys().map(|()| true),
        Some(Part::Scan) => return scan::scan_from_outside().map(|()| true),
        None => {}
    }
    let own = std::env::current_exe()?;
    let programs = cli
        .programs
        .or_else(|| own.parent().map(PathBuf::from))
        .unwrap_or_default();
    let request = Request {
        options: Options {
            programs,
            octez: cli.octez,
            latency: cli.latency,
            contract_from: cli.contract_from,
        },
        drill: cli.drill,
        keep: cli.keep,
        quiet: false,
    };
    let report = demo::run(&request)?;
    report.print();
    let failures = report.failures();
    for failure in &failures {
        eprintln!("NOT AS PROMISED: {failure}");
    }
    if cli.json {
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(failures.is_empty())
}
