//! Inquiries and what became of them, each as one function within a commit.

use clearance::basis::Standing;
use clearance::journey::{AnswerRecord, InquiryRecord, RecorderError, StandingChanged};
use clearance::words::InquiryId;
use ledger::{Entry, NoRelease, Release};
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql};

use super::commit::Commit;
use super::fault::Abort;
use super::rows::{Column, standing};

/// Commits an inquiry, unless the subject's standing is another by now.
pub(super) fn inquire(
    commit: &mut Commit<'_>,
    record: InquiryRecord,
) -> Result<Result<u64, StandingChanged>, Abort> {
    commit.check_room()?;
    let InquiryRecord { inquiry, destination, subject, standing_version, leaf, aside } = record;
    if version_of(commit, subject.0, destination.as_str())? != standing_version {
        return Ok(Err(StandingChanged));
    }
    let index = commit.append_leaf(&leaf, None)?;
    commit
        .statement(
            "INSERT INTO inquiry (entry, id, destination, subject, aside) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((index, Column(inquiry), destination.as_str(), subject.0, aside))?;
    Ok(Ok(index))
}

/// Commits what became of an inquiry; a release only under the standing that the policy saw. The first end stands: a second
/// one breaks the index `entry_ends`.
pub(super) fn answer(
    commit: &mut Commit<'_>,
    record: AnswerRecord,
) -> Result<Result<u64, StandingChanged>, Abort> {
    let AnswerRecord { inquiry, standing_version, leaf, aside } = record;
    let asked: Option<(u64, String, [u8; 32])> = commit
        .statement("SELECT entry, destination, subject FROM inquiry WHERE id = ?1")?
        .query_row([Column(inquiry)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((entry, destination, subject)) = asked else {
        return Err(Abort::damaged("an answer belongs to no inquiry"));
    };
    if let Some(seen) = standing_version
        && version_of(commit, subject, &destination)? != seen
    {
        return Ok(Err(StandingChanged));
    }
    let index = commit.append_leaf(&leaf, Some(entry))?;
    if let Some(aside) = aside {
        commit
            .statement("INSERT INTO release_aside (entry, sealed) VALUES (?1, ?2)")?
            .execute((index, aside))?;
    }
    Ok(Ok(index))
}

fn version_of(commit: &Commit<'_>, subject: [u8; 32], destination: &str) -> Result<u64, Abort> {
    let known: Option<Standing> = commit
        .statement(
            "SELECT consent, restricted, version FROM standing WHERE subject = ?1 AND destination = ?2",
        )?
        .query_row((subject, destination), standing)
        .optional()?;
    Ok(known.unwrap_or_default().version)
}

/// The entry of this very inquiry, and nothing else, may stand at its index.
pub(super) fn check_inquiry(record: &InquiryRecord) -> Result<(), RecorderError> {
    let is_its_own = matches!(Entry::decode(&record.leaf), Ok(Entry::Inquiry(asked))
        if asked.inquiry.as_str() == record.inquiry.to_string()
            && asked.destination.as_str() == record.destination.as_str());
    if is_its_own { Ok(()) } else { Err(not_its_own()) }
}

/// Likewise the entry of its end: a release, which the policy has seen a standing for, or that there is none.
pub(super) fn check_answer(record: &AnswerRecord) -> Result<(), RecorderError> {
    let id = record.inquiry.to_string();
    let is_its_own = match Entry::decode(&record.leaf) {
        Ok(Entry::Release(release)) => release.inquiry.as_str() == id && record.standing_version.is_some(),
        Ok(Entry::NoRelease(ended)) => ended.inquiry.as_str() == id && record.standing_version.is_none(),
        _ => false,
    };
    if is_its_own { Ok(()) } else { Err(not_its_own()) }
}

fn not_its_own() -> RecorderError {
    RecorderError::Damaged("the entry is not that of this inquiry".to_owned())
}

/// An inquiry without its row could not be concluded.
pub(super) fn has_row(connection: &Connection, index: u64, asked: &ledger::Inquiry) -> Result<(), Abort> {
    let row = connection
        .prepare_cached("SELECT id FROM inquiry WHERE entry = ?1")?
        .query_row([index], |row| row.get(0).map(|Column::<InquiryId>(id)| id))
        .optional()?;
    if row.is_some_and(|id| id.to_string() == asked.inquiry.as_str()) {
        Ok(())
    } else {
        Err(Abort::damaged("an inquiry has no row, or that of another"))
    }
}

/// The end of an inquiry is tied to it, so that there is one.
pub(super) fn is_tied(connection: &Connection, index: u64, entry: &Entry) -> Result<(), Abort> {
    let (Entry::Release(Release { inquiry, .. }) | Entry::NoRelease(NoRelease { inquiry, .. })) = entry
    else {
        return Ok(());
    };
    let tied = connection
        .prepare_cached("SELECT i.id FROM entry e JOIN inquiry i ON i.entry = e.ends WHERE e.idx = ?1")?
        .query_row([index], |row| row.get(0).map(|Column::<InquiryId>(id)| id))
        .optional()?;
    if tied.is_some_and(|id| id.to_string() == inquiry.as_str()) {
        Ok(())
    } else {
        Err(Abort::damaged("the end of an inquiry is not tied to it"))
    }
}

impl ToSql for Column<InquiryId> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

impl FromSql for Column<InquiryId> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(|bytes| Self(InquiryId::from_bytes(bytes)))
    }
}
