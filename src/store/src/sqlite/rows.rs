//! How the words of the house stand in SQLite's columns. What cannot be read is an error, never a default.

use std::str::FromStr;

use clearance::basis::{Consent, Standing};
use clearance::words::{State, TransferId};
use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

/// A column of its own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column<T>(pub(super) T);

impl ToSql for Column<Timestamp> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_microsecond().into())
    }
}

impl FromSql for Column<Timestamp> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let microseconds = value.as_i64()?;
        Timestamp::from_microsecond(microseconds)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(microseconds))
    }
}

impl ToSql for Column<TransferId> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

impl FromSql for Column<TransferId> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(|bytes| Self(TransferId::from_bytes(bytes)))
    }
}

impl ToSql for Column<State> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.code().into())
    }
}

impl FromSql for Column<State> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        State::from_code(value.as_str()?).map(Self).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Column<Consent> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let code = match self.0 {
            Consent::None => None,
            Consent::Given => Some("given"),
            Consent::Withdrawn => Some("withdrawn"),
        };
        Ok(ToSqlOutput::Borrowed(code.map_or(ValueRef::Null, ValueRef::from)))
    }
}

impl FromSql for Column<Consent> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str_or_null()? {
            None => Ok(Self(Consent::None)),
            Some("given") => Ok(Self(Consent::Given)),
            Some("withdrawn") => Ok(Self(Consent::Withdrawn)),
            Some(_) => Err(FromSqlError::InvalidType),
        }
    }
}

/// A column that holds one of our names.
pub(super) fn name<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let unreadable = |_| rusqlite::Error::InvalidColumnName(column.to_owned());
    row.get_ref(column)?.as_str()?.parse().map_err(unreadable)
}

/// The columns `consent`, `restricted` and `version`, which are all absent where nothing is on record.
pub(super) fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let Some(version) = row.get("version")? else {
        return Ok(Standing::default());
    };
    let Column(consent) = row.get("consent")?;
    Ok(Standing { consent, restricted: row.get("restricted")?, version })
}

/// The column of this name, as one of the words of the house.
pub(super) fn word<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    Column<T>: FromSql,
{
    row.get(column).map(|Column(word)| word)
}

/// The same, where it may be absent.
pub(super) fn word_or_null<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    Column<T>: FromSql,
{
    Ok(row.get::<_, Option<Column<T>>>(column)?.map(|Column(word)| word))
}
