-- Version 2. Documents that stream through, sealed part by part.

-- Where they rest until the final state: here, or in the transfer's body outside the database.
CREATE TABLE parts (
    transfer INTEGER PRIMARY KEY REFERENCES transfer (entry),
    length   INTEGER NOT NULL,  -- of all of them, sealed
    sealed   BLOB               -- NULL: they lie in the transfer's body
) STRICT;

CREATE INDEX parts_in_body ON parts (transfer) WHERE sealed IS NULL;

CREATE TRIGGER parts_are_not_altered BEFORE UPDATE ON parts
BEGIN SELECT raise(ABORT, 'parts are written once'); END;

-- The parts that the destination has confirmed, of a transfer that has not ended.
CREATE TABLE part_done (
    transfer INTEGER NOT NULL REFERENCES transfer (entry),
    number   INTEGER NOT NULL,
    PRIMARY KEY (transfer, number)
) STRICT, WITHOUT ROWID;
