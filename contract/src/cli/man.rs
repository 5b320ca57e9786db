//! `man`: manual pages, from the definition of the command line itself.

use std::fmt;
use std::path::PathBuf;

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
    let subcommands = command.get_subcommands().cloned().collect::<Vec<_>>();
    let mut pages = Vec::new();
    for command in [vec![command], subcommands].concat() {
        let name = command
            .get_display_name()
            .unwrap_or_else(|| command.get_name())
            .to_owned();
        let path = args.out.join(format!("{name}.1"));
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| files::write_error(&path, &error))?;
        files::write(&path, &page)?;
        pages.push(files::name(&path));
    }
    console.answer(&Pages { pages })
}

// === impl Pages ===

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pages.iter().try_for_each(|page| writeln!(f, "{page}"))
    }
}
