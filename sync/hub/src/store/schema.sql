CREATE TABLE meta (
    -- The hub's own few values: epoch, name, url.
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE facility (
    -- 施設・事業所
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    disclosing INTEGER NOT NULL
) STRICT;

CREATE TABLE staff (
    -- 職員
    id       TEXT PRIMARY KEY,
    facility TEXT NOT NULL REFERENCES facility (id),
    name     TEXT NOT NULL,
    role     TEXT NOT NULL
) STRICT;

CREATE TABLE patient (
    -- 利用者. The body (record::Patient) is sealed.
    id     TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE local_id (
    -- 患者番号 of a facility → patient, by keyed hash.
    facility TEXT NOT NULL REFERENCES facility (id),
    tag      BLOB NOT NULL,
    patient  TEXT NOT NULL REFERENCES patient (id),
    PRIMARY KEY (facility, tag)
) STRICT;

CREATE TABLE record (
    -- 開示情報. One row an item; n grows with every change, so that pages can follow it.
    doc      BLOB PRIMARY KEY,
    n        INTEGER NOT NULL UNIQUE,
    patient  TEXT NOT NULL REFERENCES patient (id),
    facility TEXT NOT NULL REFERENCES facility (id),
    class    TEXT NOT NULL,
    as_of    INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    sealed   BLOB NOT NULL
) STRICT;
CREATE INDEX record_of_patient ON record (patient, n);

CREATE TABLE quarantine (
    -- What could not be read: where and why. The file stays where it was.
    facility TEXT NOT NULL,
    path     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (facility, path)
) STRICT;

CREATE TABLE care (
    -- Which station cares for which patient: made by consent or order. The version counts changes of consent.
    station TEXT NOT NULL REFERENCES facility (id),
    patient TEXT NOT NULL REFERENCES patient (id),
    version INTEGER NOT NULL,
    PRIMARY KEY (station, patient)
) STRICT;

CREATE TABLE consent (
    -- 同意
    patient       TEXT NOT NULL REFERENCES patient (id),
    disclosing    TEXT NOT NULL REFERENCES facility (id),
    viewing       TEXT NOT NULL REFERENCES facility (id),
    classes       TEXT NOT NULL,   -- comma separated
    offline_hours INTEGER,         -- null = no copy on a phone
    until         TEXT,
    withdrawn_at  INTEGER,
    lapse_told    INTEGER NOT NULL DEFAULT 0,  -- 1: the station has heard that the last day has passed
    PRIMARY KEY (patient, disclosing, viewing)
) STRICT;

CREATE TABLE visit (
    -- 訪問の予定
    id      BLOB PRIMARY KEY,
    patient TEXT NOT NULL REFERENCES patient (id),
    station TEXT NOT NULL REFERENCES facility (id),
    staff   TEXT NOT NULL REFERENCES staff (id),
    date    TEXT NOT NULL,
    start   TEXT NOT NULL,
    minutes INTEGER NOT NULL
) STRICT;

CREATE TABLE nursing_order (
    -- 訪問看護指示書
    id       BLOB PRIMARY KEY,
    patient  TEXT NOT NULL REFERENCES patient (id),
    facility TEXT NOT NULL REFERENCES facility (id),
    station  TEXT NOT NULL REFERENCES facility (id),
    "from"   TEXT NOT NULL,
    until    TEXT NOT NULL,
    special  INTEGER NOT NULL
) STRICT;

CREATE TABLE invite (
    -- One-time enrolment codes, by keyed hash.
    tag        BLOB PRIMARY KEY,
    staff      TEXT NOT NULL REFERENCES staff (id),
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

CREATE TABLE device (
    -- Enrolled devices. Append-only: keys stay as long as the records that they signed.
    id          BLOB PRIMARY KEY,
    staff       TEXT NOT NULL REFERENCES staff (id),
    station     TEXT NOT NULL REFERENCES facility (id),
    certificate BLOB NOT NULL UNIQUE,  -- SHA-256 of its certificate
    signing_key BLOB NOT NULL,
    enrolled_at INTEGER NOT NULL,
    revoked_at  INTEGER,
    seen_at     INTEGER
) STRICT;

CREATE TABLE entry (
    -- What devices sent, as it came. Appended and receipted first, checked after.
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    device      BLOB NOT NULL REFERENCES device (id),
    series      BLOB NOT NULL,
    seq         INTEGER NOT NULL,
    station     TEXT NOT NULL,
    doc         BLOB NOT NULL,
    patient     TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    enc         INTEGER NOT NULL,
    hash        BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    state       TEXT NOT NULL,         -- received, passed, waiting, held, rejected
    code        TEXT,
    sealed      BLOB NOT NULL,
    UNIQUE (device, series, seq)
) STRICT;
CREATE INDEX entry_received ON entry (received_at);
CREATE INDEX entry_not_passed ON entry (device, series, seq) WHERE state IN ('held', 'waiting', 'rejected');
CREATE INDEX entry_unchecked ON entry (doc, id) WHERE state IN ('received', 'waiting');

CREATE TABLE note (
    -- Materialised notes: document and reading, both sealed.
    doc        BLOB PRIMARY KEY,
    station    TEXT NOT NULL,
    patient    TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    document   BLOB NOT NULL,
    view       BLOB NOT NULL
) STRICT;

CREATE TABLE confirmation (
    -- 確定, in the order of receipt: the first of a note stands, others compete.
    entry  INTEGER PRIMARY KEY REFERENCES entry (id),
    doc    BLOB NOT NULL,
    device BLOB NOT NULL,
    staff  TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX confirmation_of_note ON confirmation (doc, entry);

CREATE TABLE feed (
    -- One ordered feed per station. The body stands in the row (small things), or in record or entry.
    station TEXT NOT NULL,
    n       INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    doc     BLOB NOT NULL,
    patient TEXT,
    device  BLOB,                      -- who sent it: not told what it told us
    entry   INTEGER REFERENCES entry (id),
    body    BLOB,
    chain   BLOB NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (station, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    -- Who did what to whose data, chained by hashes. Append-only.
    n       INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,             -- device:… staff:… or admin
    action  TEXT NOT NULL,
    patient TEXT,
    object  TEXT,
    hash    BLOB NOT NULL
) STRICT;
