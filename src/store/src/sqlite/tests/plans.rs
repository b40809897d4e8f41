//! Latency does not grow with the age of the store.

use clearance::words::State;
use rusqlite::{Connection, StatementStatus};

use super::super::{commands, connection, operator, queries, schema, transfer};
use super::Folder;
use crate::views::{PAGE_ROWS_SEEN_MAX, TransferFilter};

/// So many transfers that have ended, of which the newest is the last, and then ten that wait.
fn store_of_age(ended: u64) -> (Folder, Connection) {
    let folder = Folder::new();
    let mut connection = connection::writing(&folder.path()).unwrap();
    schema::migrate(&mut connection).unwrap();
    let fill = "
        WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)";
    let range = (i64::try_from(ended).unwrap(), i64::try_from(ended).unwrap() + 10);
    let transaction = connection.transaction().unwrap();
    for (from, to, state, turn) in [(0, range.0, "delivered", None), (range.0, range.1, "accepted", Some(1))]
    {
        if from == to {
            continue;
        }
        transaction
            .execute(
                &format!(
                    "{fill} INSERT INTO entry (idx, leaf, hash) SELECT i, zeroblob(9), zeroblob(32) FROM n"
                ),
                (from, to),
            )
            .unwrap();
        transaction
            .execute(
                &format!(
                    "{fill} INSERT INTO transfer (entry, id, client, destination, purpose, subject, ordering,
                         accepted_at, not_after, state, state_since, turn, due_at)
                     SELECT i, CAST(printf('%016d', i) AS BLOB), 'ehr', 'employer', 'p', randomblob(32), randomblob(32),
                         i, i, ?3, i, ?4, ?4 FROM n"
                ),
                (from, to, state, turn),
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    (folder, connection)
}

/// The instructions of SQLite's machine that the query takes.
fn steps(connection: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> i32 {
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query(values).unwrap();
    while rows.next().unwrap().is_some() {}
    drop(rows);
    statement.get_status(StatementStatus::VmStep)
}

fn plan(connection: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let lines = statement.query_map(values, |row| row.get::<_, String>(3)).unwrap();
    lines.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[test]
fn a_hundred_thousand_ended_transfers_slow_nothing_down() {
    let (_young_folder, young) = store_of_age(0);
    let (_old_folder, old) = store_of_age(100_000);
    let hot: [(&str, &[&dyn rusqlite::ToSql]); 8] = [
        (operator::WAITING, &[&"employer", &rusqlite::types::Null, &-1, &100]),
        (queries::DUE, &[&"employer", &1_000_000, &100]),
        (queries::OVERDUE, &[&"employer", &1_000_000, &100]),
        (queries::NEXT_DUE, &[&"employer"]),
        (queries::STATUS, &[&1_000_000]),
        (queries::UNDELIVERED_DAYS, &[]),
        (transfer::UNDER_WAY, &[]),
        (commands::CALL_FOR, &[&"employer", &0, &"away", &100]),
    ];
    for (sql, values) in hot {
        let (before, after) = (steps(&young, sql, values), steps(&old, sql, values));
        assert!(after <= before * 11 / 10, "{before} steps became {after}: {sql}");
    }
}

#[test]
fn a_page_looks_at_so_many_rows_and_no_more_and_leads_on() {
    let (_folder, old) = store_of_age(10_000);
    let none_fits = TransferFilter {
        client: Some("ehr".parse().unwrap()),
        destination: Some("image-bank".parse().unwrap()),
        ..TransferFilter::default()
    };
    let first = queries::page(&old, &none_fits, 100).unwrap();
    assert_eq!((first.transfers.len(), first.next), (0, Some(10_010 - PAGE_ROWS_SEEN_MAX as u64)));
    // Those that have not been delivered are found at once, however many have been.
    let waiting = TransferFilter { state: Some(State::Accepted), destination: None, ..none_fits };
    let found = queries::page(&old, &waiting, 100).unwrap();
    assert_eq!((found.transfers.len(), found.next), (10, None));
}

#[test]
fn no_statement_is_planned_anew_for_other_values() {
    let (_folder, connection) = store_of_age(10);
    let hot: [(&str, [&[&dyn rusqlite::ToSql]; 2]); 5] = [
        (queries::DUE, [&[&"employer", &1, &1], &[&"portal", &2, &2]]),
        (queries::OVERDUE, [&[&"employer", &1, &1], &[&"portal", &2, &2]]),
        (queries::NEXT_DUE, [&[&"employer"], &[&"portal"]]),
        (queries::STATUS, [&[&1], &[&2]]),
        (commands::CALL_FOR, [&[&"employer", &0, &"away", &1], &[&"portal", &1, &"gone", &2]]),
    ];
    for (sql, runs) in hot {
        let mut statement = connection.prepare(sql).unwrap();
        for values in runs {
            let mut rows = statement.query(values).unwrap();
            while rows.next().unwrap().is_some() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
}

#[test]
fn no_query_sorts_or_scans_what_grows() {
    let (_folder, connection) = store_of_age(10);
    let due = plan(&connection, queries::DUE, &[&"employer", &1, &1]);
    assert!(due.contains("USING INDEX transfer_due (destination=? AND due_at<?)"), "{due}");
    assert!(!due.contains("TEMP B-TREE") && !due.contains("SCAN"), "{due}");
    let overdue = plan(&connection, queries::OVERDUE, &[&"employer", &1, &1]);
    assert!(overdue.contains("USING INDEX transfer_behind (destination=? AND not_after<?)"), "{overdue}");
    assert!(!overdue.contains("TEMP B-TREE") && !overdue.contains("SCAN"), "{overdue}");
    let status = plan(&connection, queries::STATUS, &[&1]);
    assert!(status.contains("USING COVERING INDEX transfer_queue"), "{status}");
    assert!(status.contains("USING COVERING INDEX transfer_due"), "{status}");
    assert!(status.contains("USING INDEX transfer_by_state (state=?)"), "{status}");
    let by_client = "SELECT * FROM transfer WHERE client = ? AND entry < ? ORDER BY entry DESC LIMIT ?";
    let by_client = plan(&connection, by_client, &[&"ehr", &9, &1]);
    assert!(by_client.contains("transfer_by_client (client=? AND entry<?)"), "{by_client}");
    assert!(!by_client.contains("TEMP B-TREE"), "{by_client}");
}
