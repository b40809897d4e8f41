-- Version 1. Times are microseconds since 1970 in UTC; names and states are written as the ledger writes them.

-- The ledger. `hash` stands beside `leaf` so that an alteration is named exactly.
CREATE TABLE entry (
    idx  INTEGER PRIMARY KEY,
    leaf BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    ends INTEGER REFERENCES entry (idx)  -- of a final outcome: the disclosure of its transfer
) STRICT;

-- Exactly one final outcome, whatever the rows of the outbox say.
CREATE UNIQUE INDEX entry_ends ON entry (ends) WHERE ends IS NOT NULL;

CREATE TRIGGER entry_is_not_altered BEFORE UPDATE ON entry
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- The right edge of the tree over `entry`, in the commit of the entries.
CREATE TABLE frontier (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    bytes BLOB NOT NULL
) STRICT;

INSERT INTO frontier (one, bytes) VALUES (1, zeroblob(8));

CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    root BLOB NOT NULL CHECK (length(root) = 32),
    note TEXT NOT NULL
) STRICT;

-- The outbox and the client's view of it. A transfer's number is the index of its disclosure: both have one order.
CREATE TABLE transfer (
    entry             INTEGER PRIMARY KEY REFERENCES entry (idx),
    id                BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    client            TEXT NOT NULL,
    destination       TEXT NOT NULL,
    purpose           TEXT NOT NULL,
    subject           BLOB NOT NULL CHECK (length(subject) = 32),
    ordering          BLOB NOT NULL CHECK (length(ordering) = 32),
    accepted_at       INTEGER NOT NULL,
    not_after         INTEGER NOT NULL,
    state             TEXT NOT NULL,
    state_since       INTEGER NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    perhaps_delivered INTEGER NOT NULL DEFAULT 0,
    turn              INTEGER,  -- 1: the first of its ordering key; 0: behind another; NULL: ended
    due_at            INTEGER,  -- when to try next; while an attempt is under way, `lease_until`; NULL: parked or ended
    lease_until       INTEGER,  -- an attempt is under way, and until then nobody else begins one
    code              TEXT,
    reference         TEXT
) STRICT;

CREATE INDEX transfer_due ON transfer (destination, due_at, entry) WHERE turn = 1;
CREATE INDEX transfer_behind ON transfer (destination, not_after, entry) WHERE turn = 0;
CREATE INDEX transfer_queue ON transfer (destination, ordering, entry, turn) WHERE turn IS NOT NULL;
CREATE INDEX transfer_by_state ON transfer (state, entry) WHERE state <> 'delivered';
CREATE INDEX transfer_by_client ON transfer (client, entry);
CREATE INDEX transfer_by_subject ON transfer (subject, entry);

-- What will leave, sealed: written once, erased with the final state.
CREATE TABLE body (
    transfer INTEGER PRIMARY KEY REFERENCES transfer (entry),
    day      INTEGER NOT NULL,
    key      BLOB NOT NULL,
    digest   BLOB NOT NULL CHECK (length(digest) = 32),
    body     BLOB NOT NULL
) STRICT;

CREATE INDEX body_day ON body (day);

CREATE TRIGGER body_is_not_altered BEFORE UPDATE ON body
BEGIN SELECT raise(ABORT, 'a body is written once'); END;

-- What lies beside the tree, encrypted: salts, reason, professional.
CREATE TABLE aside (
    transfer INTEGER NOT NULL REFERENCES transfer (entry),
    entry    INTEGER NOT NULL REFERENCES entry (idx),
    sealed   BLOB NOT NULL,
    PRIMARY KEY (transfer, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    transfer   INTEGER PRIMARY KEY REFERENCES transfer (entry),
    client     TEXT NOT NULL,
    key        BLOB NOT NULL CHECK (length(key) = 32),
    content    BLOB NOT NULL CHECK (length(content) = 32),
    answer     BLOB NOT NULL,
    expires_at INTEGER,  -- NULL until the transfer has ended
    UNIQUE (client, key)
) STRICT;

CREATE INDEX idempotency_expiry ON idempotency (expires_at) WHERE expires_at IS NOT NULL;

-- Each consent and restriction by its id, and what follows from all of them.
CREATE TABLE matter (
    subject     BLOB NOT NULL CHECK (length(subject) = 32),
    destination TEXT NOT NULL,
    matter      TEXT NOT NULL,
    id          TEXT NOT NULL,
    change      TEXT NOT NULL,
    PRIMARY KEY (subject, destination, matter, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE standing (
    subject     BLOB NOT NULL CHECK (length(subject) = 32),
    destination TEXT NOT NULL,
    consent     TEXT CHECK (consent IN ('given', 'withdrawn')),
    restricted  INTEGER NOT NULL CHECK (restricted IN (0, 1)),
    version     INTEGER NOT NULL,
    PRIMARY KEY (subject, destination)
) STRICT, WITHOUT ROWID;
