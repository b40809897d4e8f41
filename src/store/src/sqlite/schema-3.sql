-- Version 3. What a destination says is wrong with a transfer that it refuses, item by item: a JSON array of codes and places.

ALTER TABLE transfer ADD COLUMN faults TEXT;
