//! The signer: ready by its own word, armed with the node's head, and past the floor that arming gave.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Head, Questions, field, unready};
use crate::error::Code;
use crate::http::{Ask, Target};
use crate::unit::machine::Verdict;

/// A head that was read longer ago than this arms nothing.
const HEAD_LIMIT: Duration = Duration::from_secs(3);

/// The probe of one run of the signer: a new run is unarmed, and knows no floor.
#[derive(Debug)]
pub struct SignerProbe {
    http: SocketAddr,
    admin: PathBuf,
    floor: Option<i64>,
    passed: bool,
}

// === impl SignerProbe ===

impl SignerProbe {
    pub(super) fn new(http: SocketAddr, admin: PathBuf) -> Self {
        Self {
            http,
            admin,
            floor: None,
            passed: false,
        }
    }

    pub(super) async fn probe(&mut self, ask: &Questions<'_>) -> (Verdict, Option<(i64, i64)>) {
        let answer = match ask.get(Target::Tcp(self.http), "/readyz").await {
            Ok(answer) => answer,
            Err(verdict) => return (verdict, None),
        };
        let Some(body) = answer.json() else {
            return (unready("/readyz is not understood".to_owned()), None);
        };
        if answer.status != 200 || field(&body, "ready") != true {
            return (failing(&body), None);
        }
        if field(&body, "armed") != true {
            (self.floor, self.passed) = (None, false);
        }
        let head = recent(ask);
        let mut armed = None;
        if self.floor.is_none() {
            let Some(head) = head else {
                return (up("unarmed: the node is not synced yet"), None);
            };
            match self.arm(ask, head).await {
                Ok(floor) => {
                    self.floor = Some(floor);
                    armed = Some((head.level, floor));
                }
                Err(verdict) => return (verdict, None),
            }
        }
        // Once past the floor, the node's troubles are the node's alone.
        self.passed |= head
            .zip(self.floor)
            .is_some_and(|(head, floor)| head.level > floor);
        if self.passed {
            return (Verdict::Synced, armed);
        }
        let first = self.floor.unwrap_or_default() + 1;
        (up(&format!("armed: signs from level {first} on")), armed)
    }

    async fn arm(&self, ask: &Questions<'_>, head: Head) -> Result<i64, Verdict> {
        let body = json!({ "chain_id": ask.world.chain_id, "head_level": head.level });
        let target = Target::Unix(self.admin.clone());
        let asked = ask.ask(Ask::post(target, "/arm", body.to_string())).await;
        // It serves, or `/readyz` would not have answered: what is amiss is its other socket.
        let answer = asked.map_err(|_| up("unarmed: its admin socket does not answer"))?;
        let floor = answer
            .json()
            .and_then(|body| field(&body, "floor").as_i64());
        match floor {
            Some(floor) if answer.status == 200 => Ok(floor),
            _ => Err(up(&format!(
                "it refuses to be armed: status {}",
                answer.status
            ))),
        }
    }
}

/// The node's head, if it was read just now and is younger than two block times, and not of the future.
fn recent(ask: &Questions<'_>) -> Option<Head> {
    let head = ask.world.chain.head()?;
    let age = head.age((ask.world.clock)()).ok()?;
    let read = Instant::now().saturating_duration_since(head.read);
    (age < head.block_time * 2 && read < HEAD_LIMIT).then_some(head)
}

fn up(reason: &str) -> Verdict {
    Verdict::Up {
        reason: reason.to_owned(),
    }
}

/// The checks of `/readyz` that fail, the HSM's first: that one is waited for, and has a code of its own.
fn failing(body: &Value) -> Verdict {
    let failing: Vec<_> = field(body, "checks")
        .as_array()
        .into_iter()
        .flatten()
        .filter(|check| field(check, "ok") != true)
        .map(|check| {
            let name = field(check, "name").as_str().unwrap_or("unnamed");
            (
                name,
                field(check, "reason").as_str().unwrap_or("no reason given"),
            )
        })
        .collect();
    let code = failing
        .iter()
        .any(|(name, _)| *name == "hsm")
        .then_some(Code::HsmUnreachable);
    let mut reason: Vec<_> = failing
        .iter()
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect();
    if reason.is_empty() {
        reason.push("not ready, without a reason".to_owned());
    }
    Verdict::Unready {
        reason: reason.join("; "),
        code,
    }
}
