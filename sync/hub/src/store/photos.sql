CREATE TABLE photo (
    -- 創部写真. The bytes stand in the folder `photos`, under the tag as name, piece by piece sealed by the master key.
    tag         BLOB PRIMARY KEY,      -- keyed hash of station and content hash
    station     TEXT NOT NULL,
    device      BLOB NOT NULL,         -- who began it
    size        INTEGER NOT NULL,
    had         INTEGER NOT NULL,      -- bytes of it on the disk
    received_at INTEGER                -- null until it is whole and what its name says
) STRICT;
CREATE TABLE photo_of_note (
    -- Which notes name which photo: who may have it.
    tag BLOB NOT NULL,
    doc BLOB NOT NULL,
    PRIMARY KEY (tag, doc)
) STRICT, WITHOUT ROWID;
