//! A descriptor that the runtime watches.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// An owned descriptor, registered with the runtime until it is dropped. It cannot be taken out or exchanged.
#[derive(Debug)]
pub(crate) struct Watched(AsyncFd<OwnedFd>);

// === impl Watched ===

impl Watched {
    /// Registers a non-blocking descriptor. Inside a runtime.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an OwnedFd is an open descriptor that nobody else closes, and this type never gives it away or replaces it
        // while it is registered.
        Ok(Self(unsafe { AsyncFd::register(fd) }?))
    }

    /// Waits until it is readable; nothing is consumed.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.0.readable().await.map(drop)
    }

    /// Tries an operation whenever the descriptor is ready for it, until it does not answer "would block".
    pub(crate) async fn io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        self.0.async_io(interest, |fd| operation(fd.as_fd())).await
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}
