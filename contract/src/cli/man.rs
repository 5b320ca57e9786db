//! `man`: manual pages, from the definition of the command line itself.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Command;
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder for the pages; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What was written.
#[derive(Serialize)]
struct Pages {
    pages: Vec<String>,
}

pub(super) fn run(
    args: &Args,
    mut command: Command,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    // `help` repeats the others.
    command = command.disable_help_subcommand(true);
    command.build();
    std::fs::create_dir_all(&args.out).map_err(|error| files::write_error(&args.out, &error))?;
    let mut pages = Vec::new();
    write(&command, &args.out, &mut pages)?;
    console.answer(&Pages { pages })
}

/// Writes the page of a command, and those of the commands below it.
fn write(command: &Command, out: &Path, pages: &mut Vec<String>) -> Result<(), CliError> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let path = out.join(format!("{name}.1"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .source(concat!("bakehouse ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|error| files::write_error(&path, &error))?;
    files::write(&path, &page)?;
    pages.push(files::name(&path));
    command
        .get_subcommands()
        .try_for_each(|below| write(below, out, pages))
}

// === impl Pages ===

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pages.iter().try_for_each(|page| writeln!(f, "{page}"))
    }
}
