//! A TCP line between signer and HSM that a test can cut, freeze and mend.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What the line does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It carries bytes.
    Open,
    /// Connections stay, and nothing moves: a network that swallows packets.
    Frozen,
    /// Connections are gone, and new ones are hung up on.
    Cut,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Connections of an earlier generation swallow what they are given.
    generation: AtomicUsize,
    live: Mutex<Vec<TcpStream>>,
    target: SocketAddr,
}

/// The line.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Line {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Open),
            changed: Condvar::new(),
            generation: AtomicUsize::new(0),
            live: Mutex::new(Vec::new()),
            target,
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.connect(near));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn cut(&self) {
        self.shared.turn(State::Cut);
        for stream in self.shared.live.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    pub(crate) fn freeze(&self) {
        self.shared.turn(State::Frozen);
    }

    /// Connections that exist stay open and lead nowhere for ever; new ones work.
    pub(crate) fn lose_connections(&self) {
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.shared.turn(State::Open);
    }
}

impl Shared {
    fn turn(&self, state: State) {
        *self.state.lock().unwrap() = state;
        self.changed.notify_all();
    }

    /// Waits while the line is frozen; `false` if it is cut.
    fn may_pass(&self) -> bool {
        let state = self.state.lock().unwrap();
        let state = self
            .changed
            .wait_while(state, |state| *state == State::Frozen)
            .unwrap();
        *state == State::Open
    }

    fn connect(self: Arc<Self>, near: TcpStream) {
        if !self.may_pass() {
            return;
        }
        let Ok(far) = TcpStream::connect(self.target) else {
            return;
        };
        {
            let mut live = self.live.lock().unwrap();
            live.push(near.try_clone().unwrap());
            live.push(far.try_clone().unwrap());
        }
        let (back_from, back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let back = Arc::clone(&self);
        thread::spawn(move || back.carry(back_from, back_to));
        self.carry(near, far);
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let born = self.generation.load(Ordering::SeqCst);
        let mut buffer = [0; 16 * 1024];
        while let Ok(read) = from.read(&mut buffer) {
            if read > 0 && self.generation.load(Ordering::SeqCst) != born {
                continue;
            }
            if read == 0 || !self.may_pass() || to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }
}
