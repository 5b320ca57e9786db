//! `/monitor/heads/main`: a body that goes on with one header per line as blocks come.

use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::octez::chain::{self, Chain};

use super::Rpc;
use super::blocks::header_json;

/// The current head at once, then each new one; ends with the node.
pub(super) struct Heads {
    chain: Chain,
    told: Option<i32>,
    timer: Pin<Box<Sleep>>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

// === impl Heads ===

impl Heads {
    pub(super) fn new(rpc: &Arc<Rpc>) -> Self {
        Self {
            chain: rpc.chain.clone(),
            told: None,
            timer: Box::pin(sleep(Duration::ZERO)),
            stop: Box::pin(rpc.stop.clone().cancelled_owned()),
        }
    }
}

impl Body for Heads {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        loop {
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let head = self.chain.head();
            let next = self.chain.time_ms(head.level.saturating_add(1));
            let wait = Duration::from_millis(next.saturating_sub(chain::now_ms()).max(1));
            self.timer = Box::pin(sleep(wait));
            if self.told.is_none_or(|told| told < head.level) {
                self.told = Some(head.level);
                let line = format!("{}\n", header_json(&self.chain, &head));
                return Poll::Ready(Some(Ok(Frame::data(line.into()))));
            }
        }
    }
}
