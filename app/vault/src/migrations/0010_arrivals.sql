CREATE TABLE arrival (
    -- 到着: what the feed brought of documents and stands in none of them yet, in the order in which it came.
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    note     BLOB NOT NULL,
    patient  BLOB NOT NULL,
    sealed   BLOB NOT NULL
) STRICT;
CREATE INDEX arrival_of_note ON arrival (note);
