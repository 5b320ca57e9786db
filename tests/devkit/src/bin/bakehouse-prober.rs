//! Tries TCP ports every few milliseconds from outside, writes down when they open and close, and sums up at the end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use bakehouse_devkit::prober::{self, ProberConfig};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Tries TCP ports until SIGTERM or SIGINT, then prints a summary as one JSON object.
#[derive(Debug, Parser)]
struct Arguments {
    /// TCP address to try, IPv4 or [IPv6]; may be repeated
    #[arg(long, required = true)]
    target: Vec<SocketAddr>,
    /// UDP address to send to each 200 ms; may be repeated
    #[arg(long)]
    udp: Vec<SocketAddr>,
    /// time between two attempts: 20ms, 1s
    #[arg(long, default_value = "20ms", value_parser = duration)]
    every: Duration,
    /// file for the transitions, one JSON object per line
    #[arg(long)]
    journal: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text}: not a time such as 20ms or 1s");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?);
    let number: u64 = number.parse().map_err(|_| bad())?;
    match (number, unit) {
        (1.., "ms") => Ok(Duration::from_millis(number)),
        (1.., "s") => Ok(Duration::from_secs(number)),
        _ => Err(bad()),
    }
}

fn main() -> anyhow::Result<()> {
    let Arguments {
        target: targets,
        udp,
        every,
        journal,
    } = Arguments::parse();
    let config = ProberConfig {
        udp,
        every,
        journal,
        ..ProberConfig::new(targets)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let summary = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = CancellationToken::new();
        let mut run = std::pin::pin!(prober::run(config, stop.clone()));
        tokio::select! {
            ended = &mut run => return ended.context("probing"),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
        run.await.context("probing")
    })?;
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
