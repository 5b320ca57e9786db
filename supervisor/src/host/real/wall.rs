//! The firewall of this machine.
//!
//! Rules are changed by `nft` processes, one at a time, in blocking threads; the port is opened and closed through a handle
//! of its own, so that closing waits for none of them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Code, Halt};
use crate::firewall::{AllReady, Firewall, FirewallError, Nft, Port};
use crate::host::{Job, Wall};
use crate::plan::spec::FirewallSpec;

/// The firewall, once it is locked.
#[derive(Debug, Default)]
pub struct RealWall {
    rules: Arc<Mutex<Option<Firewall>>>,
    port: Arc<Mutex<Option<Port>>>,
}

// === impl RealWall ===

impl RealWall {
    fn with_rules<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Firewall) -> Result<T, FirewallError> + Send + 'static,
    ) -> Job<'_, Result<T, Halt>> {
        let rules = Arc::clone(&self.rules);
        blocking(move || {
            let mut rules = rules.lock().unwrap_or_else(PoisonError::into_inner);
            rules.as_mut().map_or_else(
                || Err(unlocked()),
                |firewall| work(firewall).map_err(Halt::from),
            )
        })
    }

    fn port(&self) -> Option<Port> {
        self.port
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Wall for RealWall {
    fn lock(&self) -> Job<'_, Result<(), Halt>> {
        let (rules, port) = (Arc::clone(&self.rules), Arc::clone(&self.port));
        blocking(move || {
            let firewall = Nft::find()
                .and_then(|nft| Firewall::lock(&nft))
                .map_err(Halt::from)?;
            *port.lock().unwrap_or_else(PoisonError::into_inner) = Some(firewall.port());
            *rules.lock().unwrap_or_else(PoisonError::into_inner) = Some(firewall);
            Ok(())
        })
    }

    fn apply(&self, spec: FirewallSpec) -> Job<'_, Result<(), Halt>> {
        self.with_rules(move |firewall| firewall.apply(&spec))
    }

    fn rearm(&self, proof: AllReady) -> Job<'_, Result<bool, Halt>> {
        let port = self.port();
        blocking(move || match port.ok_or_else(unlocked)?.rearm(proof) {
            Ok(()) => Ok(true),
            Err(FirewallError::StaleProof) => Ok(false),
            Err(error) => Err(error.into()),
        })
    }

    fn close(&self) -> Job<'_, Result<(), Halt>> {
        let port = self.port();
        // What was never locked was never opened.
        blocking(move || port.map_or(Ok(()), |port| port.close().map_err(Halt::from)))
    }

    fn check_drift(&self) -> Job<'_, Result<Option<String>, Halt>> {
        self.with_rules(|firewall| Ok(firewall.check_drift()?.map(|drift| drift.to_string())))
    }
}

fn blocking<'a, T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Halt> + Send + 'static,
) -> Job<'a, Result<T, Halt>> {
    Box::pin(async move {
        let panicked = |_| Halt::new(Code::Internal, "a firewall call panicked");
        tokio::task::spawn_blocking(work).await.map_err(panicked)?
    })
}

fn unlocked() -> Halt {
    Halt::new(Code::FirewallFailed, "the firewall is not locked")
}

// === impl Halt ===

impl From<FirewallError> for Halt {
    fn from(error: FirewallError) -> Self {
        Self::new(Code::of(error.code()), error.to_string())
    }
}
