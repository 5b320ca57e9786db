//! How long an answer takes to get to its connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use crate::metrics::{Metrics, Phase};

/// A body that notes how long it lived: until its last byte was given to the connection, or the connection broke.
struct Timed {
    body: Body,
    began: Instant,
    metrics: Arc<Metrics>,
}

/// The same response, whose way to the connection is measured.
pub(super) fn timed(response: Response, metrics: Arc<Metrics>) -> Response {
    let began = Instant::now();
    response.map(|body| {
        Body::new(Timed {
            body,
            began,
            metrics,
        })
    })
}

// === impl Timed ===

impl hyper::body::Body for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.metrics.phase(Phase::Reply, self.began.elapsed());
    }
}
