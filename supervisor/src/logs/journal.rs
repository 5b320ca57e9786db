//! The systemd journal, where there is one.
//!
//! Writing to it may block, so a thread of its own does it; lines that it cannot take in time are dropped.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tracing_subscriber::layer::SubscriberExt;

const SOCKET: &str = "/run/systemd/journal/socket";
const QUEUE: usize = 4096;

/// The way to the journal; cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal(Option<SyncSender<(&'static str, String)>>);

// === impl Journal ===

impl Journal {
    /// No journal.
    pub fn none() -> Self {
        Self(None)
    }

    /// The journal of this machine, if it has one.
    pub fn connect() -> Self {
        if !Path::new(SOCKET).exists() {
            return Self::none();
        }
        let (sender, entries) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new().name("journal".to_owned());
        match writer.spawn(move || write(&entries)) {
            Ok(_) => Self(Some(sender)),
            Err(_) => Self::none(),
        }
    }

    /// Sends a line, unless there is no journal or it is behind.
    pub fn send(&self, event: &'static str, text: impl FnOnce() -> String) {
        if let Some(sender) = &self.0 {
            drop(sender.try_send((event, text())));
        }
    }
}

fn write(entries: &Receiver<(&'static str, String)>) {
    let Ok(layer) = tracing_journald::layer() else {
        return;
    };
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        while let Ok((event, text)) = entries.recv() {
            tracing::info!(target: "bakehouse", event, "{text}");
        }
    });
}
