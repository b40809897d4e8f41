-- Version 4. Which certificates clients have come with: what an administrator has to know before one is taken away.

CREATE TABLE client_certificate (
    certificate   BLOB PRIMARY KEY,   -- SHA-256
    key           BLOB NOT NULL,      -- SHA-256 of the SubjectPublicKeyInfo
    client        TEXT NOT NULL,
    not_after     INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
