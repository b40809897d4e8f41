//! The export file: the whole ledger as lines of text (`docs/format.md` section 7), written and verified line by line.
//!
//! It knows lines, not files: the caller reads, writes, and shows progress.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{SignedCheckpoint, decimal};
use crate::hash::Hash;
use crate::keys::{Origin, Verifier};
use crate::note::NoteError;
use crate::tree::leaf_hash;
use crate::verify::{Fault, Finding, Record, Report, Verification};

const HEAD: &str = "clearance-ledger-export@v1";

/// Why a line of an export is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The file does not begin as an export does.
    #[error("the file is not a ledger export of this version and log")]
    Head,
    /// A line is none that may stand here.
    #[error("a line of the export is not of its form")]
    Line,
    /// A checkpoint is not signed as it should be.
    #[error("a checkpoint of the export is not valid: {0}")]
    Checkpoint(NoteError),
    /// The `end` line states fewer records than stand before it.
    #[error("the export states that it has only {size} records")]
    End {
        /// The size it states.
        size: u64,
    },
    /// There are lines after the `end` line.
    #[error("the export goes on after its end")]
    AfterEnd,
    /// There is no `end` line.
    #[error("the export is cut off")]
    CutOff,
}

/// The two lines an export begins with.
pub fn head(origin: &Origin) -> String {
    format!("{HEAD}\norigin {origin}\n")
}

/// The line of an entry. `leaf` is what [`Entry::encode`](crate::Entry::encode) gave.
pub fn entry(index: u64, leaf: &[u8]) -> Vec<u8> {
    let mut line = format!("entry {index} {} ", leaf_hash(leaf).to_base64()).into_bytes();
    line.extend_from_slice(leaf);
    line.push(b'\n');
    line
}

/// The line of a checkpoint. It belongs after the last entry that it counts.
pub fn checkpoint(signed: &SignedCheckpoint) -> String {
    format!("checkpoint {}\n", STANDARD.encode(signed.to_string()))
}

/// The last line of an export of `size` entries.
pub fn end(size: u64) -> String {
    format!("end {size}\n")
}

/// The verification of an export.
///
/// As with [`Verification`], each step consumes it and gives it back.
#[derive(Debug)]
pub struct ExportVerification {
    verification: Verification,
    keys: Vec<Verifier>,
    expected: Expected,
}

/// Which line may come next.
#[derive(Debug)]
enum Expected {
    Head,
    Origin,
    Body,
    Nothing,
}

impl ExportVerification {
    /// Before the first line. Checkpoints must be signed by one of `keys`.
    pub fn new(keys: Vec<Verifier>) -> Self {
        Self { verification: Verification::new(), keys, expected: Expected::Head }
    }

    /// How many records were good.
    pub fn size(&self) -> u64 {
        self.verification.size()
    }

    /// Takes the next line, without its newline.
    ///
    /// # Errors
    ///
    /// When the line, or the record or checkpoint on it, is not the right one.
    pub fn line(mut self, line: &[u8]) -> Result<Self, Finding> {
        match self.expected {
            Expected::Head => {
                self.expected = Expected::Origin;
                self.require(line == HEAD.as_bytes(), ExportError::Head)
            }
            Expected::Origin => {
                self.expected = Expected::Body;
                let known = self.names_a_known_log(line);
                self.require(known, ExportError::Head)
            }
            Expected::Body => self.body(line),
            Expected::Nothing => Err(self.fault(ExportError::AfterEnd)),
        }
    }

    /// Ends the verification after the last line.
    ///
    /// # Errors
    ///
    /// When the export was cut off, or a checkpoint counts more records.
    pub fn finish(self) -> Result<Report, Finding> {
        match self.expected {
            Expected::Nothing => self.verification.finish(),
            Expected::Head | Expected::Origin | Expected::Body => Err(self.fault(ExportError::CutOff)),
        }
    }

    fn body(mut self, line: &[u8]) -> Result<Self, Finding> {
        let Some((word, rest)) = split_word(line) else {
            return Err(self.fault(ExportError::Line));
        };
        match word {
            "entry" => {
                let record = parse_entry(rest).ok_or_else(|| self.fault(ExportError::Line))?;
                self.verification = self.verification.record(record)?;
                Ok(self)
            }
            "checkpoint" => {
                let note = parse_checkpoint(rest).ok_or_else(|| self.fault(ExportError::Line))?;
                let signed = SignedCheckpoint::open(&note, &self.keys)
                    .map_err(|error| self.fault(ExportError::Checkpoint(error)))?;
                self.verification = self.verification.checkpoint(&signed)?;
                Ok(self)
            }
            "end" => {
                let size = parse_end(rest).ok_or_else(|| self.fault(ExportError::Line))?;
                self.expected = Expected::Nothing;
                match size.cmp(&self.size()) {
                    Ordering::Equal => Ok(self),
                    Ordering::Less => Err(self.fault(ExportError::End { size })),
                    Ordering::Greater => Err(self.verification.finding(Fault::Missing { size })),
                }
            }
            _ => Err(self.fault(ExportError::Line)),
        }
    }

    fn names_a_known_log(&self, line: &[u8]) -> bool {
        let origin = line.strip_prefix(b"origin ");
        self.keys.iter().any(|key| origin == Some(key.origin().as_str().as_bytes()))
    }

    fn require(self, holds: bool, error: ExportError) -> Result<Self, Finding> {
        if holds { Ok(self) } else { Err(self.fault(error)) }
    }

    fn fault(&self, error: ExportError) -> Finding {
        self.verification.finding(Fault::Export(error))
    }
}

/// Splits off the text before the next space.
fn split_word(line: &[u8]) -> Option<(&str, &[u8])> {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    Some((std::str::from_utf8(parts.next()?).ok()?, parts.next()?))
}

fn parse_entry(rest: &[u8]) -> Option<Record<'_>> {
    let (index, rest) = split_word(rest)?;
    let (hash, leaf) = split_word(rest)?;
    Some(Record { index: decimal(index)?, leaf, hash: Some(Hash::from_base64(hash)?) })
}

fn parse_checkpoint(rest: &[u8]) -> Option<String> {
    String::from_utf8(STANDARD.decode(rest).ok()?).ok()
}

fn parse_end(rest: &[u8]) -> Option<u64> {
    decimal(std::str::from_utf8(rest).ok()?)
}
