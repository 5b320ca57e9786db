//! Connections whose other side must read what it asked for.
//!
//! Answers are short, so that a client that reads them never makes us wait. One that asks and asks and does not read
//! would hold a connection for ever; after a while it is hung up on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A write that makes no progress for so long has failed.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A stream whose writes must make progress.
pub(super) struct Deadline<I> {
    io: I,
    timer: Pin<Box<Sleep>>,
    waiting: bool,
}

// === impl Deadline ===

impl<I> Deadline<I> {
    pub(super) fn new(io: I) -> Self {
        Self {
            io,
            timer: Box::pin(sleep(WRITE_TIMEOUT)),
            waiting: false,
        }
    }

    /// What the stream says, unless it has said "not yet" for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = false;
            return outcome;
        }
        if !self.waiting {
            self.waiting = true;
            self.timer.as_mut().reset(Instant::now() + WRITE_TIMEOUT);
        }
        ready!(self.timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Deadline<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Deadline<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(context, bytes);
        self.watch(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write_vectored(context, parts);
        self.watch(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.io).poll_flush(context);
        self.watch(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.io).poll_shutdown(context);
        self.watch(context, outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_read_is_given_up() {
        let (_theirs, ours) = duplex(4);
        let began = Instant::now();
        let error = Deadline::new(ours).write_all(&[7; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), WRITE_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_reads_slowly_but_reads_is_served() {
        let (mut theirs, ours) = duplex(1);
        let mut ours = Deadline::new(ours);
        let read = async {
            for _ in 0..5 {
                sleep(WRITE_TIMEOUT.mul_f64(0.9)).await;
                theirs.read_u8().await.unwrap();
            }
        };
        let both = async { tokio::join!(ours.write_all(&[7; 5]), read) };
        let (written, ()) = tokio::time::timeout(10 * WRITE_TIMEOUT, both)
            .await
            .unwrap();
        written.unwrap();
    }
}
