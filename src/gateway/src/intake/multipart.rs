//! A multipart body on its way in: part after part, held no longer than it takes to hand it on.
//!
//! What surrounds the parts (preamble, headers, boundaries, epilogue) is bounded, and so is what waits to be read: the
//! library below takes in all that is there before it looks at any of it, so it is given one chunk at a time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::digest;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use multer::{Field, Multipart};
use tokio::time::{Instant, timeout_at};

use super::body::{malformed, timed_out, too_large};
use super::digest_header::ExpectedDigests;
use super::problem::{Kind, Problem};

/// The most that may come before a part, between two, or after the last, in bytes.
const SURROUNDINGS_BYTES_MAX: usize = 256 * 1024;

/// A multipart body.
pub(crate) struct Parts {
    parts: Multipart<'static>,
    tap: Tap,
    deadline: Deadline,
}

/// Until when the next bytes have to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// What has come gives the rest more time, where documents stream through.
    pub(crate) bytes_per_second_min: Option<u64>,
}

impl Deadline {
    fn after(&self, bytes: u64) -> Instant {
        let earned = self.bytes_per_second_min.map_or(0, |rate| bytes / rate.max(1));
        self.at.checked_add(Duration::from_secs(earned)).unwrap_or(self.at)
    }
}

/// One part, of which some has been read.
pub(crate) struct Part(Field<'static>);

impl Part {
    pub(crate) fn is_called(&self, name: &str) -> bool {
        // In `multipart/related` parts have no names; their order says what they are.
        self.0.name().is_none_or(|its| its == name)
    }

    pub(crate) fn media_type(&self) -> String {
        let stated = self.0.content_type().map(|of| of.essence_str().to_owned());
        stated.unwrap_or_else(|| "application/octet-stream".to_owned())
    }
}

impl Parts {
    pub(crate) fn new(body: Body, boundary: String, expected: ExpectedDigests, deadline: Deadline) -> Self {
        let tap = Tap::new(expected, body.into_data_stream());
        Self { parts: Multipart::new(tap.clone(), boundary), tap, deadline }
    }

    /// From here on what comes gives the rest more time.
    pub(crate) const fn streams(&mut self, bytes_per_second_min: u64) {
        self.deadline.bytes_per_second_min = Some(bytes_per_second_min);
    }

    /// The next part; the one before is read to its end or dropped.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>, Problem> {
        let until = self.deadline.after(self.tap.taken());
        let next = timeout_at(until, self.parts.next_field()).await.map_err(|_| timed_out())?;
        self.tap.handed_on();
        next.map(|field| field.map(Part)).map_err(|_| self.not_well_formed())
    }

    /// The next bytes of a part.
    pub(crate) async fn bytes_of(&self, part: &mut Part) -> Result<Option<Bytes>, Problem> {
        let until = self.deadline.after(self.tap.taken());
        let bytes = timeout_at(until, part.0.chunk()).await.map_err(|_| timed_out())?;
        self.tap.handed_on();
        bytes.map_err(|_| self.not_well_formed())
    }

    /// All of a part, which may have `limit` bytes.
    pub(crate) async fn all_of(&self, mut part: Part, what: &str, limit: usize) -> Result<Bytes, Problem> {
        let mut buffer = Vec::new();
        while let Some(bytes) = self.bytes_of(&mut part).await? {
            if buffer.len() + bytes.len() > limit {
                return Err(too_large(what, limit));
            }
            buffer.extend_from_slice(&bytes);
        }
        Ok(buffer.into())
    }

    /// Reads what follows the last boundary, and compares the digest, which is that of everything.
    pub(crate) async fn end(self) -> Result<(), Problem> {
        let mut rest = self.tap.clone();
        let from = rest.taken();
        while let Some(chunk) = {
            let until = self.deadline.after(rest.taken());
            timeout_at(until, rest.next()).await.map_err(|_| timed_out())?
        } {
            chunk.map_err(|_| malformed("the body broke off"))?;
            if rest.taken() - from > SURROUNDINGS_BYTES_MAX as u64 {
                return Err(too_much_around());
            }
        }
        self.tap.check()
    }

    fn not_well_formed(&self) -> Problem {
        if self.tap.has_overflowed() {
            return too_much_around();
        }
        malformed("the multipart body is not well-formed or broke off")
    }
}

/// Gives a body out chunk by chunk, hashing it on the way, so that `Content-Digest` is checked without holding it.
#[derive(Clone)]
struct Tap(Arc<Mutex<Flow>>);

struct Flow {
    stream: BodyDataStream,
    expected: ExpectedDigests,
    sha256: digest::Context,
    sha512: digest::Context,
    taken: u64,
    /// Taken since something was handed on: a preamble or a header that does not end.
    hoarded: usize,
    has_overflowed: bool,
    /// A chunk was given; whoever asks at once for another has not looked at it yet.
    rests: bool,
}

impl Tap {
    fn new(expected: ExpectedDigests, stream: BodyDataStream) -> Self {
        Self(Arc::new(Mutex::new(Flow {
            stream,
            expected,
            sha256: digest::Context::new(&digest::SHA256),
            sha512: digest::Context::new(&digest::SHA512),
            taken: 0,
            hoarded: 0,
            has_overflowed: false,
            rests: false,
        })))
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> u64 {
        self.flow().taken
    }

    fn handed_on(&self) {
        self.flow().hoarded = 0;
    }

    fn has_overflowed(&self) -> bool {
        self.flow().has_overflowed
    }

    fn check(&self) -> Result<(), Problem> {
        let flow = self.flow();
        flow.expected.compare(flow.sha256.clone().finish().as_ref(), flow.sha512.clone().finish().as_ref())
    }
}

impl Flow {
    fn take(&mut self, chunk: Bytes) -> Result<Bytes, axum::Error> {
        if self.hoarded > SURROUNDINGS_BYTES_MAX {
            self.has_overflowed = true;
            return Err(axum::Error::new("more surrounds the parts than may"));
        }
        self.hoarded += chunk.len();
        self.taken += chunk.len() as u64;
        self.rests = true;
        if self.expected.wants_sha256() {
            self.sha256.update(&chunk);
        }
        if self.expected.wants_sha512() {
            self.sha512.update(&chunk);
        }
        Ok(chunk)
    }
}

impl Stream for Tap {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut flow = self.flow();
        if std::mem::take(&mut flow.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match flow.stream.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(chunk))) => Poll::Ready(Some(flow.take(chunk))),
            other => other,
        }
    }
}

pub(crate) fn boundary(media_type: &str) -> Option<String> {
    let parameters = media_type.split(';').skip(1);
    let boundary =
        parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
        })?;
    // RFC 2046: 1 to 70 characters.
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

fn too_much_around() -> Problem {
    let detail = format!("more than {SURROUNDINGS_BYTES_MAX} bytes come before, between or after the parts");
    Problem::new(Kind::TooLarge, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(chunks: Vec<Vec<u8>>) -> Parts {
        let chunks = chunks.into_iter().map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let deadline = Deadline { at: Instant::now() + Duration::from_secs(10), bytes_per_second_min: None };
        Parts::new(body, "x".to_owned(), ExpectedDigests::default(), deadline)
    }

    #[test]
    fn a_boundary_is_found_in_both_spellings() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("multipart/related; type=x; Boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(boundary("multipart/form-data"), None);
    }

    #[tokio::test]
    async fn a_part_that_is_all_there_is_taken_in_one_chunk_at_a_time() {
        let mut chunks = vec![b"--x\r\nA: b\r\n\r\n".to_vec()];
        chunks.extend((0..100).map(|_| vec![b'a'; 64 << 10]));
        chunks.push(b"\r\n--x--".to_vec());
        let mut parts = parts(chunks);
        let mut part = parts.next().await.unwrap().unwrap();
        let mut read = 0;
        while let Some(bytes) = parts.bytes_of(&mut part).await.unwrap() {
            read += bytes.len() as u64;
            assert!(parts.tap.taken() - read < 3 * (64 << 10), "{} were taken for {read}", parts.tap.taken());
        }
        assert_eq!(read, 100 * (64 << 10));
    }

    #[tokio::test]
    async fn what_surrounds_the_parts_is_bounded() {
        let chunk = || vec![b'a'; 64 << 10];
        let preamble = (0..8).map(|_| chunk()).collect();
        let refused = parts(preamble).next().await.err().unwrap();
        assert_eq!(refused.kind, Kind::TooLarge);
        let mut header = vec![b"--x\r\nA: ".to_vec()];
        header.extend((0..8).map(|_| chunk()));
        assert_eq!(parts(header).next().await.err().unwrap().kind, Kind::TooLarge);
        let mut epilogue = vec![b"--x\r\nA: b\r\n\r\nwhole\r\n--x--\r\n".to_vec()];
        epilogue.extend((0..8).map(|_| chunk()));
        let mut parts = parts(epilogue);
        let part = parts.next().await.unwrap().unwrap();
        assert_eq!(parts.all_of(part, "it", 10).await.unwrap().as_ref(), b"whole");
        assert!(parts.next().await.unwrap().is_none());
        assert_eq!(parts.end().await.err().unwrap().kind, Kind::TooLarge);
    }
}
