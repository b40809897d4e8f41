//! Which certificates clients have come with, and when last.

use clearance::journey::RecorderError;
use jiff::SignedDuration;
use rusqlite::Connection;

use super::commit::Commit;
use super::fault::Abort;
use super::rows::{Column, name, word};
use super::{LedgerFile, Sqlite};
use crate::views::Sighting;

/// A certificate that nobody came with for so long is forgotten.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(400 * 24);

impl Sqlite {
    /// Notes certificates that clients have come with. Of one that is known, only the last sighting changes.
    ///
    /// # Errors
    /// When that could not be recorded.
    pub async fn note_sightings(&self, sightings: Vec<Sighting>) -> Result<(), RecorderError> {
        self.queue.write(move |commit| note(commit, &sightings)).await
    }

    /// The certificates that clients have come with, by client, the last seen first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sightings(&self) -> Result<Vec<Sighting>, RecorderError> {
        self.readers.read(all).await
    }
}

impl LedgerFile {
    /// [`Sqlite::sightings`], while a gateway has the store open.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sightings(&self) -> Result<Vec<Sighting>, RecorderError> {
        self.read(all)
    }
}

fn note(commit: &mut Commit<'_>, sightings: &[Sighting]) -> Result<(), Abort> {
    // It is no news that anybody waits for: room is kept for what is.
    commit.check_room()?;
    let mut noted = commit.statement(
        "INSERT INTO client_certificate (certificate, key, client, not_after, first_seen_at, last_seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (certificate) DO UPDATE
         SET client = excluded.client, last_seen_at = max(last_seen_at, excluded.last_seen_at)",
    )?;
    let mut forgotten = commit.statement("DELETE FROM client_certificate WHERE last_seen_at < ?1")?;
    for seen in sightings {
        noted.execute((
            seen.certificate,
            seen.key,
            seen.client.as_str(),
            Column(seen.not_after),
            Column(seen.first_seen_at),
            Column(seen.last_seen_at),
        ))?;
        let before = seen.last_seen_at.saturating_sub(REMEMBERED).unwrap_or(seen.first_seen_at);
        forgotten.execute([Column(before)])?;
    }
    Ok(())
}

fn all(connection: &Connection) -> Result<Vec<Sighting>, Abort> {
    let mut rows = connection.prepare(
        "SELECT certificate, key, client, not_after, first_seen_at, last_seen_at FROM client_certificate
         ORDER BY client, last_seen_at DESC",
    )?;
    let sightings = rows.query_map([], |row| {
        Ok(Sighting {
            certificate: row.get("certificate")?,
            key: row.get("key")?,
            client: name(row, "client")?,
            not_after: word(row, "not_after")?,
            first_seen_at: word(row, "first_seen_at")?,
            last_seen_at: word(row, "last_seen_at")?,
        })
    })?;
    Ok(sightings.collect::<Result<_, _>>()?)
}
