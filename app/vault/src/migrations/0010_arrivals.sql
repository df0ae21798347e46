CREATE TABLE arrival (
    -- 到着: what the feed brought of documents and stands in none of them yet, in the order in which it came.
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    note     BLOB NOT NULL,
    patient  BLOB NOT NULL,
    tries    INTEGER NOT NULL DEFAULT 0,  -- unlocks at which it was the first: one that ends the app does so no fifth time
    sealed   BLOB NOT NULL
) STRICT;
CREATE INDEX arrival_of_note ON arrival (note);
