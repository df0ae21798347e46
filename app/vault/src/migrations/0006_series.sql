-- Entries of series that were left (a fork, a hub that lost what is gone here): what became of them, without their bodies.
CREATE TABLE entry_past (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    note     BLOB NOT NULL,
    received INTEGER NOT NULL       -- hub time of the receipt, milliseconds
) STRICT;
CREATE INDEX entry_past_of_note ON entry_past (note);
