CREATE TABLE capsule (
    -- Sealed copies that devices sent without their PIN. The body is opened and sealed again by our own key; one that does not open is kept as it came.
    id          INTEGER PRIMARY KEY,
    device      BLOB NOT NULL,
    series      BLOB NOT NULL,
    n           INTEGER NOT NULL,
    sealed_hash BLOB NOT NULL,         -- what the receipt names
    received_at INTEGER NOT NULL,
    station     TEXT NOT NULL,
    doc         BLOB,                  -- null: does not open
    patient     TEXT,
    kind        INTEGER,
    hash        BLOB,                  -- of the change or the statement
    made_at     INTEGER,
    state       TEXT NOT NULL,         -- held, known, accepted, returned, unreadable
    sealed      BLOB NOT NULL,
    UNIQUE (device, series, n, sealed_hash)
) STRICT;
CREATE INDEX capsule_held ON capsule (doc, device) WHERE state = 'held';
-- When the manager ordered the device's keys to go.
ALTER TABLE device ADD COLUMN wiped_at INTEGER;
-- The id that a planned visit's note derives from it: nobody else's document may take it.
ALTER TABLE visit ADD COLUMN note BLOB;
CREATE INDEX visit_of_note ON visit (note);
