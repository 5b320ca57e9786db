//! The dead-man's handle: opens the port for one interval, closes it at once, both by one netlink transaction.
//!
//! No process is started and no lock is held for longer than the kernel's answer, which it gives before `send` returns.
//! What has been closed is opened again only by a proof that was made after the close.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvfrom, sendto,
    socket,
};

use super::error::FirewallError;
use super::netlink::{self, Answer, Change, Element};
use super::proof::AllReady;
use super::ruleset::{OPEN, TABLE};

/// Longer than any transaction takes; more means that this process stood still in the middle of it.
const STOOD_STILL: Duration = Duration::from_millis(100);
/// How often an add is tried again when the old element expired between its two halves.
const ATTEMPTS: u32 = 3;

/// Opens and closes the one port. Clones share one socket.
#[derive(Debug, Clone)]
pub struct Port {
    gate: Arc<Mutex<Gate>>,
}

#[derive(Debug)]
struct Gate {
    socket: OwnedFd,
    sequence: u32,
    target: Option<Target>,
    closed: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Target {
    port: u16,
    timeout: u64,
}

/// What the kernel says to a transaction.
enum Verdict {
    Done,
    /// The table or the set is not there.
    NoTable,
    /// The first refusal.
    Refused(Errno),
}

// === impl Port ===

impl Port {
    /// Opens the netlink socket, in the network namespace of the calling thread.
    pub(super) fn connect() -> Result<Self, FirewallError> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkNetFilter,
        )
        .map_err(|errno| FirewallError::from_errno("open", errno))?;
        let gate = Gate {
            socket,
            sequence: 0,
            target: None,
            closed: None,
        };
        Ok(Self {
            gate: Arc::new(Mutex::new(gate)),
        })
    }

    /// Opens the port for one dead-man's interval from now, or refreshes the interval. [`FirewallError::TableLost`] means
    /// that nothing is filtered any more.
    pub fn rearm(&self, proof: AllReady) -> Result<(), FirewallError> {
        let mut gate = self.gate();
        let started = Instant::now();
        let until = proof.spend(gate.closed).ok_or(FirewallError::StaleProof)?;
        let target = gate.target.ok_or(FirewallError::NotApplied)?;
        gate.open(target)?;
        // A process that was frozen just here has opened the port on the word of an old proof.
        if started.elapsed() > STOOD_STILL && Instant::now() > until {
            gate.shut(target)?;
            return Err(FirewallError::StaleProof);
        }
        Ok(())
    }

    /// Closes the port now, for established connections too. Closing what is closed is fine. [`FirewallError::TableLost`]
    /// means that it could not be closed, for nothing is filtered any more.
    pub fn close(&self) -> Result<(), FirewallError> {
        let mut gate = self.gate();
        gate.closed = Some(Instant::now());
        match gate.target {
            Some(target) => gate.shut(target),
            None => Ok(()),
        }
    }

    /// From now on this port is meant.
    pub(super) fn aim(&self, port: u16, dead_man: Duration) {
        let timeout = u64::try_from(dead_man.as_millis()).unwrap_or(u64::MAX);
        // A timeout of zero would mean none at all.
        let timeout = timeout.max(1);
        self.gate().target = Some(Target { port, timeout });
    }

    /// From now on nothing can be opened.
    pub(super) fn unaim(&self) {
        self.gate().target = None;
    }

    /// Opens and closes in a table where it has no effect: proves that this kernel can do it.
    pub(super) fn rehearse(&self) -> Result<(), FirewallError> {
        let mut gate = self.gate();
        let target = Target {
            port: 1,
            timeout: 1000,
        };
        gate.open(target)?;
        gate.shut(target)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Gate ===

impl Gate {
    /// Add, delete, add: whatever was there, afterwards the element has its whole timeout. (Older kernels don't refresh
    /// an element by adding it again; the first add makes sure that there is something to delete.)
    fn open(&mut self, target: Target) -> Result<(), FirewallError> {
        let Target { port, timeout } = target;
        let add = Change::Add { timeout };
        let changes = [add, Change::Delete, add];
        let mut attempt = 1;
        loop {
            match self.transact("open", port, &changes)? {
                Verdict::Done => return Ok(()),
                Verdict::NoTable => return Err(FirewallError::TableLost),
                // The old element was there for the first add and had expired for the delete.
                Verdict::Refused(Errno::ENOENT) if attempt < ATTEMPTS => attempt += 1,
                Verdict::Refused(errno) => return Err(FirewallError::from_errno("open", errno)),
            }
        }
    }

    /// Add, delete: a delete alone is refused in the same way for want of the element and for want of the table. What is
    /// added and deleted in one transaction is never seen by a packet.
    fn shut(&mut self, target: Target) -> Result<(), FirewallError> {
        let Target { port, timeout } = target;
        let changes = [Change::Add { timeout }, Change::Delete];
        match self.transact("close", port, &changes)? {
            // Refused for want of the element only: it expired between the two halves.
            Verdict::Done | Verdict::Refused(Errno::ENOENT) => Ok(()),
            Verdict::NoTable => Err(FirewallError::TableLost),
            Verdict::Refused(errno) => Err(FirewallError::from_errno("close", errno)),
        }
    }

    /// Sends one transaction, whose first change is an add.
    fn transact(
        &mut self,
        action: &'static str,
        port: u16,
        changes: &[Change],
    ) -> Result<Verdict, FirewallError> {
        let failed = |errno| FirewallError::from_errno(action, errno);
        self.receive().map_err(failed)?;
        let first = self.sequence;
        let span = u32::try_from(changes.len()).unwrap_or(u32::MAX);
        let last = first.wrapping_add(span);
        self.sequence = last.wrapping_add(2);
        let element = Element {
            table: TABLE,
            set: OPEN,
            port,
        };
        let batch = netlink::transaction(element, changes, first);
        let kernel = NetlinkAddr::new(0, 0);
        sendto(self.socket.as_raw_fd(), &batch, &kernel, MsgFlags::empty()).map_err(failed)?;
        let answers = self.receive().map_err(failed)?;
        if let Some(refused) = answers.iter().find(|answer| answer.errno != 0) {
            let errno = Errno::from_raw(refused.errno);
            // An add needs the table and the set, and nothing else that may be absent.
            let no_table = errno == Errno::ENOENT && refused.sequence == first.wrapping_add(1);
            return Ok(if no_table {
                Verdict::NoTable
            } else {
                Verdict::Refused(errno)
            });
        }
        if answers.iter().any(|answer| answer.sequence == last) {
            return Ok(Verdict::Done);
        }
        Err(FirewallError::Unacknowledged)
    }

    /// Everything that the kernel has answered so far. It answers before `sendto` returns, so there is no waiting.
    fn receive(&self) -> nix::Result<Vec<Answer>> {
        let mut found = Vec::new();
        let mut buffer = [0_u8; 8192];
        loop {
            match recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                Ok((count, from)) => {
                    // Another process may send to our socket; only the kernel has port id 0.
                    if from.is_some_and(|from| from.pid() == 0) {
                        found.extend(netlink::answers(buffer.get(..count).unwrap_or_default()));
                    }
                }
                Err(Errno::EAGAIN) => return Ok(found),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}
