//! `run`: puts the real world together around a boot.
//!
//! The order counts. Nothing inherited survives; the spawner is forked while there is one thread and no secret; powers are
//! given up before threads exist; status and console work before anything can fail.

use std::os::fd::RawFd;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{RunArgs, complain};
use crate::boot::{self, Boot, Context, ContractPlace, Places};
use crate::console::{self, Console, Event};
use crate::error::{Code, Exit, Halt};
use crate::host::instance::Instance;
use crate::host::real::{self, NoUnits, RealUnits};
use crate::host::{Input, Mode, Source, Units};
use crate::logs::journal::Journal;
use crate::process::{self, Sections};
use crate::spawner::{Spawner, SpawnerPaths};
use crate::status::{self, Board};
use crate::task::{Crew, Ended};
use crate::{sandbox, spawner};

/// Two threads beside the one that runs the boot: for probes, lines of units, status.
const WORKERS: usize = 2;

/// How long the last lines may take to be written.
const LAST_LINES: Duration = Duration::from_secs(5);

/// What a guest needs, made before there are threads.
struct Ready {
    places: Places,
    forked: Result<Spawner, spawner::SpawnerError>,
    console: Console,
    journal: Journal,
    runtime: Runtime,
    instance: Instance,
}

/// Runs a guest to its end, which is told once, whatever it is.
pub(super) fn run(args: &RunArgs, sections_fd: Option<RawFd>) -> Exit {
    let ready = match prepare(args, sections_fd) {
        Ok(ready) => ready,
        Err(halt) => {
            console::say_halted(&halt);
            return halt.exit();
        }
    };
    let Ready {
        places,
        forked,
        console,
        journal,
        runtime,
        instance,
    } = ready;
    let running =
        AssertUnwindSafe(|| runtime.block_on(guest(places, forked, console.clone(), journal)));
    let halt = std::panic::catch_unwind(running)
        .unwrap_or_else(|_| Halt::new(Code::Internal, "the supervisor panicked"));
    // Whoever got as far as telling it has; the console says it once.
    console.emit(Event::Halted(halt.clone()));
    console.flush(LAST_LINES);
    // A blocking call that hangs must not keep the process from ending.
    runtime.shutdown_background();
    drop(instance);
    halt.exit()
}

/// Everything until the runtime runs. The sections are read when the spawner has been forked: it has no copy of them.
fn prepare(args: &RunArgs, sections_fd: Option<RawFd>) -> Result<Ready, Halt> {
    let mode = Mode::from(args.places.host);
    let kept: Vec<RawFd> = [args.key.key_fd, sections_fd]
        .into_iter()
        .flatten()
        .collect();
    let internal = |message: String| Halt::new(Code::Internal, message);
    process::sanitise(&kept).map_err(|error| internal(error.to_string()))?;
    let paths = SpawnerPaths {
        runtime_dir: args.places.runtime_dir.clone(),
        units_dir: args.units.clone(),
    };
    let forked = Spawner::fork(&paths);
    let dropped = if mode == Mode::Sealed && std::process::id() == 1 {
        sandbox::drop_init_capabilities()
    } else {
        sandbox::drop_supervisor_capabilities()
    };
    dropped.map_err(|error| Halt::new(Code::PowerMissing, error.to_string()))?;
    let places = places(args, mode, sections_fd)?;
    let instance = Instance::lock(&places.runtime_dir)?;
    let journal = Journal::connect();
    let console = Console::stdout(Arc::new(SystemTime::now), journal.clone())
        .map_err(|_| internal("no thread for the console".to_owned()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|_| internal("no threads for the supervisor".to_owned()))?;
    Ok(Ready {
        places,
        forked,
        console,
        journal,
        runtime,
        instance,
    })
}

/// Where the contract is: a document, or the two sections that IBM's runtime opened.
fn places(args: &RunArgs, mode: Mode, sections_fd: Option<RawFd>) -> Result<Places, Halt> {
    let usage = |message: &str| Halt::new(Code::Usage, message);
    let sections = match sections_fd {
        Some(fd) => process::take_sections(fd)
            .map_err(|error| Halt::new(Code::of(error.code()), error.to_string()))?,
        None => Sections::default(),
    };
    let contract = match (&args.contract, sections.workload, sections.env) {
        (Some(file), None, None) => ContractPlace::Document(Source::File(file.clone())),
        (Some(_), _, _) if mode == Mode::Workload => {
            return Err(usage("give --contract or the sections, not both"));
        }
        // Outside of workload mode no variable of the environment is ever read.
        (Some(file), _, _) => ContractPlace::Document(Source::File(file.clone())),
        (None, Some(workload), Some(env)) if mode == Mode::Workload => {
            let bytes = |text: Zeroizing<String>| Zeroizing::new(text.as_bytes().to_vec());
            let given = Input::Sections {
                workload: bytes(workload),
                env: bytes(env),
            };
            ContractPlace::Given(Mutex::new(Some(given)))
        }
        (None, _, _) if mode == Mode::Workload => {
            let missing = "give --contract, or both sections of the contract";
            return Err(Halt::new(Code::ContractMissing, missing));
        }
        (None, _, _) => return Err(usage("give --contract")),
    };
    let (key, runtime_dir) = (args.key.source(), args.places.runtime_dir.clone());
    let pins = args.places.pins();
    Ok(Places {
        mode,
        contract,
        key,
        pins,
        runtime_dir,
    })
}

/// The guest: services first, then the boot, then the one end of every boot.
async fn guest(
    places: Places,
    forked: Result<Spawner, spawner::SpawnerError>,
    console: Console,
    journal: Journal,
) -> Halt {
    let board = Board::new(places.mode.as_str());
    let stop = CancellationToken::new();
    let mut services: Crew<()> = Crew::default();
    let listening = status::bind(&places.runtime_dir);
    let bound = match listening {
        Ok(listener) => {
            services.spawn("status", status::serve(listener, board.clone()));
            Ok(())
        }
        Err(error) => Err(Halt::new(
            Code::Internal,
            format!("no status socket: {error}"),
        )),
    };
    let signals = watch_signals(&mut services, &stop);
    let units = units(forked, &mut services);
    let host = match real::host(units) {
        Ok(host) => host,
        Err(halt) => return halt,
    };
    let sealed = places.mode == Mode::Sealed;
    let context = Context {
        host,
        places,
        console,
        board,
        journal,
        stop,
    };
    let context = Arc::new(context);
    let halt = match bound.and(signals) {
        Ok(()) => watched(&context, &mut services).await,
        Err(halt) => halt,
    };
    let halt = boot::finish(&context, halt).await;
    if sealed && let Err(error) = boot::power_off(&context).await {
        // The end has been told; this comes after it.
        complain(error.exit(), &error.to_string());
    }
    halt
}

/// The boot as a task of its own: its panic is an end like others, after which everything is cleaned up.
async fn watched(context: &Arc<Context>, services: &mut Crew<()>) -> Halt {
    let mut boot = Crew::default();
    boot.spawn("boot", Boot::new(Arc::clone(context)).run());
    let panicked = tokio::select! {
        ended = boot.next() => match ended {
            Some(Ended::Done(_, halt)) => return halt,
            Some(Ended::Panicked(name)) => name,
            None => "boot",
        },
        name = panicked(services) => name,
    };
    // Nothing of it may open the port again after the port has been closed.
    boot.end().await;
    Halt::new(Code::Internal, format!("the task `{panicked}` panicked"))
}

/// Waits for a service that ends by panic; one that just ends is told by other means.
async fn panicked(services: &mut Crew<()>) -> &'static str {
    loop {
        match services.next().await {
            Some(Ended::Panicked(name)) => return name,
            Some(Ended::Done(..)) => {}
            None => std::future::pending().await,
        }
    }
}

fn units(
    forked: Result<Spawner, spawner::SpawnerError>,
    services: &mut Crew<()>,
) -> Arc<dyn Units> {
    match forked.and_then(Spawner::into_async) {
        Ok((handle, driver, events)) => {
            let ended = CancellationToken::new();
            let guard = ended.clone().drop_guard();
            services.spawn("spawner", async move {
                let _guard = guard;
                driver.run().await;
            });
            Arc::new(RealUnits::new(handle, events, ended))
        }
        Err(error) => Arc::new(NoUnits(Halt::new(
            Code::of(error.code()),
            error.to_string(),
        ))),
    }
}

/// SIGTERM, SIGINT and SIGHUP ask for a drain.
fn watch_signals(services: &mut Crew<()>, stop: &CancellationToken) -> Result<(), Halt> {
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        let mut signals =
            signal(kind).map_err(|_| Halt::new(Code::Internal, "signals cannot be listened to"))?;
        let stop = stop.clone();
        services.spawn("signals", async move {
            while signals.recv().await.is_some() {
                stop.cancel();
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::Fake;

    #[tokio::test(start_paused = true)]
    async fn a_boot_that_panics_is_an_internal_end_with_the_port_closed() {
        let fake = Fake::new();
        fake.state().panics_at = Some("load");
        let host = fake.host();
        let console = Console::memory(Arc::clone(&host.clock));
        let context = Arc::new(Context {
            host,
            places: Places {
                mode: Mode::Bench,
                contract: ContractPlace::Document(Source::File("/contract".into())),
                key: None,
                pins: None,
                runtime_dir: "/run/bakehouse".into(),
            },
            console: console.clone(),
            board: Board::new("bench"),
            journal: Journal::none(),
            stop: CancellationToken::new(),
        });
        let halt = watched(&context, &mut Crew::default()).await;
        assert_eq!(halt.exit(), Exit::Internal);
        boot::finish(&context, halt.clone()).await;
        assert!(!fake.state().closes.is_empty() && fake.state().wiped);
        let Some((_, Event::Halted(told))) = console.events().pop() else {
            panic!()
        };
        assert_eq!(told, halt);
    }
}
