-- Version 5. What is read back.

-- Questions. A question's end is the entry whose `ends` is that of the question: `entry_ends` makes it one.
CREATE TABLE inquiry (
    entry       INTEGER PRIMARY KEY REFERENCES entry (idx),
    id          BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    destination TEXT NOT NULL,
    subject     BLOB NOT NULL CHECK (length(subject) = 32),
    aside       BLOB NOT NULL  -- beside the entry, encrypted: salts, parameters, reason, professional
) STRICT;

-- What lies beside the entry of a release, encrypted: its salts.
CREATE TABLE release_aside (
    entry  INTEGER PRIMARY KEY REFERENCES entry (idx),
    sealed BLOB NOT NULL
) STRICT;
