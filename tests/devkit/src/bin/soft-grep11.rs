//! `soft-grep11`: the software stand-in for a grep11 server, and throw-away certificates for it.

use anyhow::bail;
use bakehouse_devkit::certs::{self, ServerNames};
use bakehouse_devkit::hsm::SoftHsm;
use bakehouse_devkit::hsm::cli::{Cli, Command, Serve};
use clap::{CommandFactory, Parser};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match (cli.command, cli.serve) {
        (
            Some(Command::Certs {
                out,
                ip,
                name,
                port,
            }),
            _,
        ) => {
            let mut names = ServerNames::like_deployed(&ip, port);
            names.dns.extend(name);
            Ok(certs::write_all(&out, &names)?)
        }
        (None, Some(arguments)) => serve(arguments).await,
        (None, None) => Ok(Cli::command().print_help()?),
    }
}

async fn serve(arguments: Serve) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut hsm = SoftHsm::start(arguments.config()?).await?;
    println!(
        "soft-grep11 (a software stand-in, not an HSM) listening on {}",
        hsm.address()
    );
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        () = hsm.ended() => bail!("the server ended by itself"),
    }
    hsm.stop().await;
    Ok(())
}
