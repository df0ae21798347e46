-- 1: a file beside the vault counts wrong PINs; one that was taken away since then is noticed.
ALTER TABLE header ADD COLUMN guarded INTEGER NOT NULL DEFAULT 0;
-- Wrong PINs after which the keys go; the station's policy.
ALTER TABLE header ADD COLUMN wipe_after INTEGER NOT NULL DEFAULT 10;

CREATE TABLE capsule (
    -- 封印済みの控え: what was written, sealed to the hub in the transaction that wrote it. No key here opens them, a wipe keeps them.
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    note     BLOB NOT NULL,
    entry    INTEGER,              -- the entry that carries the same; null while no entry does
    received INTEGER,              -- hub time at which the hub had the copy itself, milliseconds
    enc      BLOB NOT NULL,        -- HPKE encapsulation, one an unlock
    sealed   BLOB NOT NULL
) STRICT;
CREATE INDEX capsule_of_entry ON capsule (entry);
CREATE INDEX capsule_of_note ON capsule (note) WHERE entry IS NULL;

CREATE TABLE locked (
    -- What works without the PIN: where the hub is and the key of the line to it, sealed by the device secret. One row.
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    sealed   BLOB NOT NULL
) STRICT;
