CREATE TABLE header (
    -- How the vault key is wrapped. One row. Nothing here is secret without PIN and device secret.
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    format   INTEGER NOT NULL,  -- format of every sealed body in this file
    vault    BLOB NOT NULL,     -- 16 random bytes: which vault this is
    salt     BLOB NOT NULL,     -- of Argon2id
    kib      INTEGER NOT NULL,  -- Argon2id memory
    passes   INTEGER NOT NULL,  -- Argon2id iterations
    wrapped  BLOB NOT NULL      -- the vault key, sealed by PIN and device secret
) STRICT;

CREATE TABLE compartment (
    -- station, or disclosed per network. The key is sealed by the vault key.
    tag      BLOB PRIMARY KEY,
    wrapped  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE patient_key (
    -- One key per patient and compartment, sealed by the compartment key. Deleting the row erases the patient.
    compartment BLOB NOT NULL,
    patient     BLOB NOT NULL,
    wrapped     BLOB NOT NULL,
    PRIMARY KEY (compartment, patient)
) STRICT, WITHOUT ROWID;

CREATE TABLE item (
    -- What came from the hub and is only read here: patients, records, visits, orders, people, keys.
    kind        INTEGER NOT NULL,  -- protocol::Kind
    key         BLOB NOT NULL,     -- keyed hash of the document id
    compartment BLOB NOT NULL,
    patient     BLOB NOT NULL,     -- keyed hash; of nobody for the network's own words
    source      BLOB NOT NULL,     -- keyed hash of the disclosing facility, so that a withdrawal finds its rows
    sealed      BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_of_patient ON item (patient, kind);

CREATE TABLE note (
    -- A visit note: its light row for lists, and its document compacted. Later changes stand in note_change.
    key      BLOB PRIMARY KEY,     -- keyed hash of the document id
    patient  BLOB NOT NULL,
    dirty    INTEGER NOT NULL,     -- 1: own changes that stand in no entry yet
    sent     INTEGER NOT NULL,     -- position of the last own change that stands in an entry
    row      BLOB NOT NULL,        -- sealed NoteRow
    document BLOB NOT NULL         -- sealed compacted document; empty until first compacted
) STRICT, WITHOUT ROWID;
CREATE INDEX note_of_patient ON note (patient);

CREATE TABLE note_change (
    -- One change each, in the order written, until compacted into note.document.
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    note     BLOB NOT NULL,
    patient  BLOB NOT NULL,
    sealed   BLOB NOT NULL
) STRICT;
CREATE INDEX note_change_of_note ON note_change (note);

CREATE TABLE confirmation (
    -- Signed confirmations, our own and colleagues'. More than one of a note = competing.
    note     BLOB NOT NULL,
    hash     BLOB NOT NULL,        -- keyed hash of the confirmed text's hash
    patient  BLOB NOT NULL,
    at       INTEGER,              -- hub time of receipt, milliseconds; null until receipted
    sealed   BLOB NOT NULL,
    PRIMARY KEY (note, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    -- Typed text that stands in no change yet (at most 300 ms old). Made into a change at the next unlock if the app died.
    note     BLOB NOT NULL,
    field    BLOB NOT NULL,
    patient  BLOB NOT NULL,
    sealed   BLOB NOT NULL,
    PRIMARY KEY (note, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    -- The outbox: numbered without gaps, frozen before the first offer. The body goes when the hub's copy is durable, the row stays.
    seq      INTEGER PRIMARY KEY,
    note     BLOB NOT NULL,
    patient  BLOB NOT NULL,
    received INTEGER,              -- hub time of the receipt, milliseconds; null until receipted
    verdict  TEXT,                 -- held or rejected, with the hub's code
    sealed   BLOB                  -- the entry; null once durable at the hub
) STRICT;
CREATE INDEX entry_of_note ON entry (note);

CREATE TABLE receipt (
    -- Hub-signed receipts, as they came.
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    sealed   BLOB NOT NULL
) STRICT;

CREATE TABLE state (
    -- Small things with one value: identity, series and cursor, lease, history of syncs.
    name     TEXT PRIMARY KEY,
    sealed   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
