//! Names and connections.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Code, Halt};
use crate::host::fetch::{self, FetchError};
use crate::host::{Job, Net, dns};
use crate::http::{self, Answer, Ask, HttpError};
use crate::plan::spec::SnapshotSpec;

/// This machine's network.
#[derive(Debug, Clone, Copy)]
pub struct RealNet;

// === impl RealNet ===

impl Net for RealNet {
    fn resolve(&self, servers: Vec<IpAddr>, name: String) -> Job<'_, Result<Vec<IpAddr>, String>> {
        Box::pin(async move {
            dns::resolve(&servers, &name)
                .await
                .map_err(|error| error.to_string())
        })
    }

    fn ask(&self, ask: Ask, timeout: Duration) -> Job<'_, Result<Answer, HttpError>> {
        Box::pin(async move { http::ask(&ask, timeout).await })
    }

    fn fetch(&self, snapshot: SnapshotSpec, from: Vec<IpAddr>) -> Job<'_, Result<(), Halt>> {
        Box::pin(async move {
            fetch::fetch(&snapshot, &from).await.map_err(|error| {
                let code = match error {
                    FetchError::Unwritable => Code::StateUnwritable,
                    _ => Code::SnapshotInvalid,
                };
                Halt::new(code, error.to_string())
            })
        })
    }
}
