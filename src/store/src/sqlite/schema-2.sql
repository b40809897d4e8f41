-- Version 2: what a destination says is wrong with a transfer that it refuses, item by item, as a JSON array; codes and places only.
ALTER TABLE transfer ADD COLUMN faults TEXT;
