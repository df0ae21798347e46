CREATE TABLE photo (
    -- 写真: one whose bytes are here, taken here or fetched from the hub. The note that names it stands in its own row.
    key      BLOB PRIMARY KEY,     -- keyed hash of the hash that names it
    patient  BLOB NOT NULL,
    own      INTEGER NOT NULL,     -- 1: taken here, and nobody else has it before the receipt
    sent     INTEGER NOT NULL,     -- bytes that the hub was heard to have
    received INTEGER,              -- hub time of the receipt, milliseconds; null until receipted
    sealed   BLOB NOT NULL         -- name and size
) STRICT, WITHOUT ROWID;
CREATE INDEX photo_unsent ON photo (key) WHERE own = 1 AND received IS NULL;

CREATE TABLE photo_piece (
    -- Its bytes, 64 KiB a row, each sealed by itself.
    key      BLOB PRIMARY KEY,     -- keyed hash of name and number
    photo    BLOB NOT NULL,
    n        INTEGER NOT NULL,     -- from 0
    patient  BLOB NOT NULL,
    sealed   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX photo_piece_of ON photo_piece (photo, n);
