-- Entries of series that were left (a fork, a hub that lost what is gone here): what became of them, without their bodies.
CREATE TABLE entry_past (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    note     BLOB NOT NULL,
    received INTEGER NOT NULL       -- hub time of the receipt, milliseconds
) STRICT;
CREATE INDEX entry_past_of_note ON entry_past (note);

-- What a sync asks every time costs what changed, not what is held.
CREATE INDEX note_dirty ON note (key) WHERE dirty = 1;
CREATE INDEX entry_unreceived ON entry (seq) WHERE received IS NULL;
CREATE INDEX entry_judged ON entry (seq) WHERE verdict IS NOT NULL;
CREATE INDEX entry_here ON entry (seq) WHERE sealed IS NOT NULL;
