-- Version 6. What operators do. Each act is an entry of the ledger, in the commit of its effect.

-- Destinations to which nothing is sent until an operator says so.
CREATE TABLE paused (
    destination TEXT PRIMARY KEY,
    since       INTEGER NOT NULL,
    who         TEXT NOT NULL,
    reason      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The acts on a transfer.
CREATE TABLE act (
    transfer INTEGER NOT NULL REFERENCES transfer (entry),
    entry    INTEGER NOT NULL REFERENCES entry (idx),
    PRIMARY KEY (transfer, entry)
) STRICT, WITHOUT ROWID;
