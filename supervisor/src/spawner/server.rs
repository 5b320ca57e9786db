//! The spawner's loop: requests in, answers and ends out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Pid;

use super::channel::{Channel, Packet};
use super::launch::{Launch, Launched};
use super::running::{Presence, Running, kill_everybody};
use super::wire::{Answer, Ask, Failure, Request, Said};
use super::{LoadSpec, Refusal, RefusalCode, SpawnerPaths, Step, UnitSignal, Wiped};
use crate::plan::spec::UnitSpec;
use crate::spawner::furnish::{House, furnish};

const ENDED: i32 = 0;
const BROKEN: i32 = 3;

/// A spawner at work.
pub(super) struct Server<'a> {
    channel: &'a Channel,
    signals: SignalFd,
    paths: &'a SpawnerPaths,
    fresh_proc: bool,
    state: State,
    running: Running,
    /// Starts that wait for the end of what is left of their units' last steps.
    deferred: Vec<Deferred>,
}

struct Deferred {
    id: u64,
    unit: usize,
    step: Step,
}

enum State {
    Empty,
    /// A load failed half way. There is no second try in this process.
    Spoilt,
    Furnished(House),
    Wiped,
}

/// Whether to go on.
enum Next {
    Serve,
    End,
}

/// A started program on its way to the supervisor.
type Handover = (Pid, OwnedFd, OwnedFd);

// === impl Server ===

impl<'a> Server<'a> {
    pub(super) fn new(
        channel: &'a Channel,
        signals: SignalFd,
        paths: &'a SpawnerPaths,
        fresh_proc: bool,
    ) -> Self {
        let (state, running) = (State::Empty, Running::default());
        Self {
            channel,
            signals,
            paths,
            fresh_proc,
            state,
            running,
            deferred: Vec::new(),
        }
    }

    /// Serves until the supervisor is gone or asks for the end. Afterwards nothing runs and no secret is left.
    pub(super) fn serve(mut self) -> i32 {
        let code = loop {
            match self.turn() {
                Ok(Next::Serve) => {}
                Ok(Next::End) => break ENDED,
                Err(_) => break BROKEN,
            }
        };
        // what fails here is finished by the kernel, when the namespaces end with this process
        let _killed = kill_everybody();
        let _wiped = self.wipe();
        code
    }

    fn turn(&mut self) -> std::io::Result<Next> {
        let timeout = self
            .running
            .wake_in()
            .and_then(|wait| Timespec::try_from(wait).ok());
        let (asked, ended) = {
            let mut fds = [
                PollFd::new(self.channel, PollFlags::IN),
                PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
            ];
            rustix::io::retry_on_intr(|| poll(&mut fds, timeout.as_ref()))?;
            let [asked, ended] = fds.map(|fd| !fd.revents().is_empty());
            (asked, ended)
        };
        if ended {
            // one signal may stand for many children
            while self.signals.read_signal()?.is_some() {}
            self.running.reap()?;
        }
        for exited in self.running.take_ends() {
            self.channel.send(&Said::Exited(exited), &[], None)?;
        }
        self.running.forget_gone();
        self.start_deferred()?;
        if asked {
            return match self.channel.receive()? {
                Some(packet) => self.answer(packet),
                None => Ok(Next::End),
            };
        }
        Ok(Next::Serve)
    }

    fn answer(&mut self, packet: Packet) -> std::io::Result<Next> {
        let Request { id, what } = packet.message()?;
        let result = match what {
            Ask::Load => self.load(packet.fds),
            Ask::Start { unit, step } => {
                self.start_or_defer(Deferred { id, unit, step })?;
                return Ok(Next::Serve);
            }
            Ask::Signal { unit, signal } => {
                self.call_off(|deferred| deferred.unit == unit)?;
                self.signal(unit, signal)
            }
            Ask::KillAll => {
                self.call_off(|_| true)?;
                killed()
            }
            Ask::Wipe | Ask::Quit => {
                self.call_off(|_| true)?;
                self.end(&what)
            }
        };
        self.channel.send(&Said::Answer { id, result }, &[], None)?;
        Ok(if what == Ask::Quit {
            Next::End
        } else {
            Next::Serve
        })
    }

    fn load(&mut self, mut fds: Vec<OwnedFd>) -> Result<Answer, Failure> {
        if !matches!(self.state, State::Empty) {
            return Err(Refusal::request("a plan was loaded before").into());
        }
        self.state = State::Spoilt;
        let carrier = fds
            .pop()
            .ok_or_else(|| Refusal::request("the load did not come along"))?;
        let spec = LoadSpec::unpack(carrier)
            .map_err(|error| Refusal::request(format!("the load: {error}")))?;
        let (house, loaded) = furnish(spec, self.paths, self.fresh_proc)?;
        self.state = State::Furnished(house);
        Ok(Answer::Loaded(loaded))
    }

    fn start_or_defer(&mut self, asked: Deferred) -> std::io::Result<()> {
        let first = !self.deferred.iter().any(|other| other.unit == asked.unit);
        if first && self.running.presence(asked.unit) == Presence::Lingers {
            self.deferred.push(asked);
            return Ok(());
        }
        self.start_and_tell(&asked)
    }

    fn start_deferred(&mut self) -> std::io::Result<()> {
        let running = &self.running;
        let due: Vec<Deferred> = self
            .deferred
            .extract_if(.., |asked| {
                running.presence(asked.unit) != Presence::Lingers
            })
            .collect();
        due.iter().try_for_each(|asked| self.start_and_tell(asked))
    }

    /// Whoever stops a unit means a start, too, that was asked for before and still waits.
    fn call_off(&mut self, which: impl Fn(&Deferred) -> bool) -> std::io::Result<()> {
        for Deferred { id, .. } in self.deferred.extract_if(.., |asked| which(asked)) {
            let result = Err(Refusal::request("the start was called off").into());
            self.channel.send(&Said::Answer { id, result }, &[], None)?;
        }
        Ok(())
    }

    fn start_and_tell(&mut self, asked: &Deferred) -> std::io::Result<()> {
        let id = asked.id;
        let told = |result| Said::Answer { id, result };
        match self.start(asked.unit, asked.step) {
            Ok(Some((pid, stdout, stderr))) => {
                let fds: [BorrowedFd<'_>; 2] = [stdout.as_fd(), stderr.as_fd()];
                self.channel
                    .send(&told(Ok(Answer::Started)), &fds, Some(pid))
            }
            Ok(None) => self.channel.send(&told(Ok(Answer::Skipped)), &[], None),
            Err(failure) => self.channel.send(&told(Err(failure)), &[], None),
        }
    }

    fn start(&mut self, index: usize, step: Step) -> Result<Option<Handover>, Failure> {
        let (unit, program) = self.unit(index)?;
        if self.running.presence(index) != Presence::Absent {
            return Err(Refusal::request(format!("{} runs already", unit.name.0)).into());
        }
        let program = program
            .try_clone_to_owned()
            .map_err(|error| Refusal::new(RefusalCode::Internal, format!("executable: {error}")))?;
        let launch = match step {
            Step::Main => Launch::new(unit, program, &unit.args, None)?,
            Step::Prepare(number) => {
                let prepare = unit.prepare.get(number).ok_or_else(|| {
                    Refusal::request(format!("{} has no preparation {number}", unit.name.0))
                })?;
                Launch::new(unit, program, &prepare.args, Some(&prepare.unless_exists))?
            }
        };
        let account = unit.account.clone();
        match launch.launch()? {
            Launched::Skipped => Ok(None),
            Launched::Running {
                pid,
                stdout,
                stderr,
            } => {
                self.running.insert(index, step, pid, account);
                Ok(Some((pid, stdout, stderr)))
            }
        }
    }

    fn signal(&self, index: usize, signal: UnitSignal) -> Result<Answer, Failure> {
        self.unit(index)?;
        let signaled = self
            .running
            .signal(index, signal)
            .map_err(Refusal::internal("kill"))?;
        Ok(Answer::Signaled(signaled))
    }

    fn end(&mut self, what: &Ask) -> Result<Answer, Failure> {
        if *what == Ask::Quit {
            kill_everybody().map_err(Refusal::internal("kill"))?;
        }
        Ok(Answer::Wiped(self.wipe()?))
    }

    fn wipe(&mut self) -> Result<Wiped, Refusal> {
        match std::mem::replace(&mut self.state, State::Wiped) {
            State::Furnished(mut house) => house.vault.wipe(),
            State::Empty | State::Spoilt | State::Wiped => Ok(Wiped { files: 0 }),
        }
    }

    fn unit(&self, index: usize) -> Result<(&UnitSpec, BorrowedFd<'_>), Refusal> {
        let house = match &self.state {
            State::Furnished(house) => house,
            State::Empty | State::Spoilt => return Err(Refusal::request("no plan is loaded")),
            State::Wiped => return Err(Refusal::request("the credentials are wiped")),
        };
        let unit = house.units.get(index).zip(house.programs.get(index));
        let (unit, program) =
            unit.ok_or_else(|| Refusal::request(format!("the plan has no unit {index}")))?;
        Ok((unit, program.as_fd()))
    }
}

fn killed() -> Result<Answer, Failure> {
    kill_everybody().map_err(Refusal::internal("kill"))?;
    Ok(Answer::Done)
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Refused(Refusal::new(RefusalCode::Internal, errno.to_string()))
    }
}
