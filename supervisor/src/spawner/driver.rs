//! The pump between the supervisor's tasks and the spawner's socket.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use tokio::io::Interest;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::channel::{self, Packet};
use super::wire::{Answer, Ask, Request, Said};
use super::{Exited, Spawner, SpawnerError};
use crate::process::ExitReason;
use crate::sys::Watched;

/// A spawner whose socket is closed kills, wipes and ends by itself; after this time it is killed.
const END_WITHIN: Duration = Duration::from_secs(5);

pub(super) type Reply = oneshot::Sender<Result<(Answer, Packet), SpawnerError>>;

/// A request on its way to the driver.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) what: Ask,
    pub(super) carrier: Option<OwnedFd>,
    pub(super) reply: Reply,
}

/// Carries requests and events. The caller runs it as a task that it owns; when it is dropped, the spawner and all units die.
#[derive(Debug)]
pub struct SpawnerDriver {
    channel: Watched,
    pidfd: Watched,
    commands: mpsc::Receiver<Command>,
    events: mpsc::UnboundedSender<Exited>,
    pending: HashMap<u64, Reply>,
    last_id: u64,
    asked_to_quit: bool,
}

/// How the spawner ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnerEnd {
    /// Its own end.
    pub reason: ExitReason,
    /// True when the supervisor wanted it: after `quit`, or when no handle is left.
    pub asked: bool,
}

// === impl SpawnerDriver ===

impl SpawnerDriver {
    pub(super) fn new(
        spawner: Spawner,
        commands: mpsc::Receiver<Command>,
        events: mpsc::UnboundedSender<Exited>,
    ) -> Result<Self, SpawnerError> {
        let Spawner { channel, pidfd, .. } = spawner;
        let (channel, pidfd) = channel
            .into_nonblocking()
            .and_then(|channel| Ok((Watched::new(channel)?, Watched::new(pidfd)?)))
            .map_err(SpawnerError::system("runtime"))?;
        let pending = HashMap::new();
        Ok(Self {
            channel,
            pidfd,
            commands,
            events,
            pending,
            last_id: 0,
            asked_to_quit: false,
        })
    }

    /// Runs until the spawner is gone and reaped: when this returns, every process of its PID namespace is dead.
    pub async fn run(mut self) -> SpawnerEnd {
        // the ends that were said before the socket closed are still delivered; whatever broke, the end is the same
        let _broken = self.pump().await;
        let Self {
            channel,
            pidfd,
            commands,
            events,
            pending,
            asked_to_quit,
            ..
        } = self;
        drop((channel, commands, pending));
        let reason = reap(pidfd).await;
        drop(events);
        SpawnerEnd {
            reason,
            asked: asked_to_quit,
        }
    }

    async fn pump(&mut self) -> io::Result<()> {
        loop {
            tokio::select! {
                command = self.commands.recv() => {
                    let Some(command) = command else {
                        self.asked_to_quit = true;
                        return Ok(());
                    };
                    self.send(command).await?;
                }
                packet = receive(&self.channel) => match packet? {
                    Some(packet) => self.dispatch(packet)?,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn send(&mut self, command: Command) -> io::Result<()> {
        let Command {
            what,
            carrier,
            reply,
        } = command;
        self.last_id += 1;
        self.asked_to_quit |= what == Ask::Quit;
        let request = Request {
            id: self.last_id,
            what,
        };
        self.pending.insert(request.id, reply);
        let carrier = carrier.as_ref().map(AsFd::as_fd);
        self.channel
            .io(Interest::WRITABLE, |to| {
                channel::send(to, &request, carrier.as_slice(), None)
            })
            .await
    }

    fn dispatch(&mut self, packet: Packet) -> io::Result<()> {
        match packet.message()? {
            Said::Answer { id, result } => {
                if let Some(reply) = self.pending.remove(&id) {
                    let answer = result
                        .map(|answer| (answer, packet))
                        .map_err(SpawnerError::from);
                    // whoever asked may have gone away
                    let _unheard = reply.send(answer);
                }
            }
            Said::Exited(exited) => {
                let _unheard = self.events.send(exited);
            }
            Said::Hello(_) => {}
        }
        Ok(())
    }
}

async fn receive(channel: &Watched) -> io::Result<Option<Packet>> {
    channel.io(Interest::READABLE, channel::receive).await
}

async fn reap(pidfd: Watched) -> ExitReason {
    if timeout(END_WITHIN, pidfd.readable()).await.is_err() {
        // it has ended meanwhile, or it will now
        let _gone = pidfd_send_signal(&pidfd, Signal::KILL);
        let _ended = pidfd.readable().await;
    }
    let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
    let reason = status
        .ok()
        .flatten()
        .and_then(|status| ExitReason::from_waitid(&status));
    reason.unwrap_or(ExitReason::Signaled {
        signal: Signal::KILL.as_raw(),
        core: false,
    })
}
