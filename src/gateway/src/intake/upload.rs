//! Documents that stream through: read here, minimised and sealed on a thread of their own, at the pace of the slower.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use clearance::journey::{Arriving, BrokenOff, Keeping, Lawful, Minimal, NotMinimal, Outgoing};
use clearance::refusal::Refusal;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::body::{Incoming, too_large};
use super::problem::{Kind, Problem};
use crate::config::Limits;
use crate::gateway::Gateway;
use crate::rules::Rules;

/// So many pieces wait between reading and minimising.
const PIECES: usize = 4;

/// A document's media type, and the SHA-256 of its bytes as received.
pub(crate) type Received = (String, [u8; 32]);

/// Why nothing will leave of an upload.
#[derive(Debug)]
pub(crate) enum NotTaken {
    Problem(Problem),
    Refused(Refusal),
}

impl From<Problem> for NotTaken {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Above this, a document in memory is minimised on another thread too.
const AT_ONCE_BYTES_MAX: usize = 64 << 10;

/// Reads the one document, into memory, and shapes what is left of it.
pub(crate) async fn one(
    incoming: Incoming,
    lawful: Lawful,
    rules: Arc<Rules>,
) -> Result<(Outgoing, Vec<Received>), NotTaken> {
    let document = incoming.document().await?;
    let is_small = document.bytes.len() <= AT_ONCE_BYTES_MAX;
    let minimise = move || {
        let received = (document.media_type.clone(), sha256(&document.bytes));
        let minimal = lawful.minimise(&document, &rules.policy);
        minimal.and_then(Minimal::shape).map(|outgoing| (outgoing, vec![received]))
    };
    let outgoing = if is_small {
        minimise()
    } else {
        let broken = |_| Problem::new(Kind::Internal, "minimising the document broke off");
        tokio::task::spawn_blocking(minimise).await.map_err(broken)?
    };
    outgoing.map_err(NotTaken::Refused)
}

/// What was received, of documents that are not looked into: for a request that is repeated.
pub(crate) async fn received(incoming: Incoming, bytes_max: u64) -> Result<Vec<Received>, Problem> {
    let mut documents = incoming.documents()?;
    let (mut received, mut bytes) = (Vec::new(), 0);
    while let Some((media_type, mut document)) = documents.next().await? {
        let mut digest = Context::new(&SHA256);
        while let Some(chunk) = documents.bytes_of(&mut document).await? {
            bytes += chunk.len() as u64;
            if bytes > bytes_max {
                return Err(too_large("all documents together", bytes_max));
            }
            digest.update(&chunk);
        }
        received.push((media_type, thirty_two(digest)));
    }
    documents.end().await?;
    Ok(received)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    digest.update(bytes);
    thirty_two(digest)
}

fn thirty_two(digest: Context) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest.finish().as_ref());
    sha256
}

/// Reads the documents as they come and shapes what is left of them. Whatever ends it early leaves nothing behind.
pub(crate) async fn streamed(
    gateway: &Gateway,
    incoming: Incoming,
    lawful: Lawful,
    rules: Arc<Rules>,
    keeping: Keeping,
) -> Result<(Outgoing, Vec<Received>), NotTaken> {
    let limits = Limits::clone(&gateway.config.load().limits);
    let _thread = gateway.room.for_an_upload(&limits).await?;
    let (sender, receiver) = channel(PIECES);
    let minimising = tokio::task::spawn_blocking(move || {
        let mut upload = Upload { pieces: receiver, digest: None, received: Vec::new() };
        let minimal = lawful.minimise_arriving(&mut upload, &rules.policy, keeping);
        let outgoing = minimal.and_then(|minimal| Ok(minimal.shape()?));
        (outgoing, upload.received)
    });
    let read = read(incoming, sender, limits.upload_bytes_max).await;
    let broken = || Problem::new(Kind::Internal, "minimising the documents broke off");
    let (outgoing, received) = minimising.await.map_err(|_| broken())?;
    match outgoing {
        Ok(outgoing) => Ok((outgoing, received)),
        Err(NotMinimal::Refused(refusal)) => Err(NotTaken::Refused(refusal)),
        Err(NotMinimal::BrokenOff(BrokenOff)) => Err(read.err().unwrap_or_else(broken).into()),
        Err(NotMinimal::NotKept(error)) => Err(not_kept(gateway, &error).into()),
    }
}

/// What goes from reading to minimising.
enum Piece {
    Document(String),
    Bytes(Bytes),
    /// All has come, and is what its digest says. Without it nothing is complete.
    End,
}

/// Reads until the end, also when nobody takes it any more: a client that is still sending would not see an answer.
async fn read(incoming: Incoming, to: Sender<Piece>, bytes_max: u64) -> Result<(), Problem> {
    let mut documents = incoming.documents()?;
    let mut read = 0;
    while let Some((media_type, mut part)) = documents.next().await? {
        // Whoever does not take it has said why.
        let _taken = to.send(Piece::Document(media_type)).await;
        while let Some(bytes) = documents.bytes_of(&mut part).await? {
            read += bytes.len() as u64;
            if read > bytes_max {
                return Err(too_large("all documents together", bytes_max));
            }
            let _taken = to.send(Piece::Bytes(bytes)).await;
        }
    }
    documents.end().await?;
    let _taken = to.send(Piece::End).await;
    Ok(())
}

/// The other end, on the thread that minimises.
struct Upload {
    pieces: Receiver<Piece>,
    digest: Option<(Context, Option<String>)>,
    received: Vec<Received>,
}

impl Upload {
    /// What follows the bytes of a document: another one, or the end.
    fn after(&mut self, media_type: Option<String>) {
        if let Some((digest, Some(of))) = self.digest.take() {
            self.received.push((of, thirty_two(digest)));
        }
        self.digest = Some((Context::new(&SHA256), media_type));
    }
}

impl Arriving for Upload {
    fn next_document(&mut self) -> Result<Option<String>, BrokenOff> {
        // The beginning of the next document has ended the one before.
        if self.received.is_empty() && self.digest.is_none() {
            match self.pieces.blocking_recv() {
                Some(Piece::Document(media_type)) => self.after(Some(media_type)),
                Some(Piece::End) => self.after(None),
                Some(Piece::Bytes(_)) | None => return Err(BrokenOff),
            }
        }
        Ok(self.digest.as_ref().and_then(|(_, media_type)| media_type.clone()))
    }

    fn next_bytes(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        match self.pieces.blocking_recv().ok_or(BrokenOff)? {
            Piece::Bytes(bytes) => {
                if let Some((digest, _)) = &mut self.digest {
                    digest.update(&bytes);
                }
                return Ok(Some(bytes));
            }
            Piece::Document(media_type) => self.after(Some(media_type)),
            Piece::End => self.after(None),
        }
        Ok(None)
    }
}

fn not_kept(gateway: &Gateway, error: &io::Error) -> Problem {
    tracing::error!(event.action = "spool-failed", error.message = %error, "documents could not be spooled");
    // Readiness says so at once; housekeeping tries again and takes it back.
    gateway.health.spool(Err("the spool cannot be written"));
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let detail = if full { "there is no space to keep the documents" } else { "the spool cannot be written" };
    Problem::new(Kind::NotAccepting, detail).retry_after(Duration::from_secs(30))
}
