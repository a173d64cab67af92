//! The rows of a streamed answer, counted as they leave, and put on record when it ends.
//!
//! The line that stands in the access log before the answer begins can't say how many rows it will hold. A second line
//! under the same request says so, and whether the asker had all of it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use exhibit_store::service::Access;
use hyper::body::Frame;

use crate::service::Service;

/// How the rows of a streamed answer are told apart. Stands beside the answer, for the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Streamed {
    /// A line each.
    Lines,
    /// A line each after the first; a line end within quotes belongs to a value.
    Csv,
}

/// Counts what a streamed answer holds, and puts it on record; leaves every other answer as it is.
pub(crate) fn counted(service: &Service, response: Response, begun: &Access) -> Response {
    let streamed = response.extensions().get::<Streamed>().copied();
    // Of the answer to a HEAD nothing leaves but its head.
    let Some(streamed) = streamed.filter(|_| begun.method != "HEAD") else { return response };
    let (service, line) = (service.clone(), begun.clone());
    response.map(|body| {
        Body::new(Counted { body, counter: Counter::new(streamed), ended: false, service, line: Some(line) })
    })
}

/// Rows of what has left so far.
#[derive(Clone, Copy, Debug)]
struct Counter {
    streamed: Streamed,
    lines: u64,
    quoted: bool,
}

impl Counter {
    fn new(streamed: Streamed) -> Self {
        Self { streamed, lines: 0, quoted: false }
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if !self.quoted => self.lines += 1,
                // A quote within quotes is written twice: it ends and begins them again.
                b'"' if self.streamed == Streamed::Csv => self.quoted = !self.quoted,
                _ => {}
            }
        }
    }

    fn rows(&self) -> u64 {
        self.lines - u64::from(self.streamed == Streamed::Csv && self.lines > 0)
    }
}

struct Counted {
    body: Body,
    counter: Counter,
    ended: bool,
    service: Service,
    line: Option<Access>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    let bytes = bytes.clone();
                    self.counter.take(&bytes);
                }
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        line.at = self.service.now();
        line.row_count = Some(self.counter.rows());
        if !self.ended {
            line.refusal = Some("broken-off: the answer did not reach its end".to_owned());
        }
        let service = self.service.clone();
        tokio::spawn(async move {
            // That it was asked for is on record already; what could not be written is told by the writer itself.
            let _ = service.recorder.note(line).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_as_they_are_written() {
        let cases: [(Streamed, &[&str], u64); 7] = [
            (Streamed::Lines, &[], 0),
            (Streamed::Lines, &["{\"a\":\"\\\"\"}\n{}", "\n"], 2),
            (Streamed::Csv, &[], 0),
            (Streamed::Csv, &["a,b\n"], 0),
            (Streamed::Csv, &["a,b\n1,2\n"], 1),
            (Streamed::Csv, &["a,b\n1,\"two\n", "lines\"\n3,4\n"], 2),
            (Streamed::Csv, &["a\n\"say \"\"", "\n\"\"\"\n2\n"], 2),
        ];
        for (streamed, chunks, rows) in cases {
            let mut counter = Counter::new(streamed);
            chunks.iter().for_each(|chunk| counter.take(chunk.as_bytes()));
            assert_eq!(counter.rows(), rows, "{streamed:?} {chunks:?}");
        }
    }
}
