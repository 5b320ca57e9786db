//! Closing the port for good.

use std::time::Duration;

use crate::console::{Console, Event};
use crate::error::{Code, Halt};
use crate::host::Wall;

/// How long one closing may take; the dead-man closes the port in any case.
const CLOSING: Duration = Duration::from_secs(1);

/// How long putting the rules right may take.
const REPAIR: Duration = Duration::from_secs(8);

/// Closes the port. Where the kernel refuses, the rules are looked at and put right first: a table that is gone lets
/// everything pass.
pub(super) async fn close(wall: &dyn Wall, console: &Console) -> Result<(), Halt> {
    let Err(refused) = once(wall).await else {
        return Ok(());
    };
    let looked = tokio::time::timeout(REPAIR, wall.check_drift()).await;
    let (what, repaired) = match looked {
        Ok(Ok(None)) => return once(wall).await,
        Ok(Ok(Some(what))) => (what, true),
        Ok(Err(error)) => (error.message, false),
        Err(_) => ("looking at the rules hangs".to_owned(), false),
    };
    console.emit(Event::FirewallDrift { what, repaired });
    if repaired {
        once(wall).await
    } else {
        Err(refused)
    }
}

async fn once(wall: &dyn Wall) -> Result<(), Halt> {
    let hangs = |_| Halt::new(Code::FirewallFailed, "closing the port hangs");
    tokio::time::timeout(CLOSING, wall.close())
        .await
        .map_err(hangs)?
}
