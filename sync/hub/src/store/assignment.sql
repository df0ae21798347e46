CREATE TABLE assignment (
    -- 担当: who has whom. A row is ended, never changed: the history of who assigned and who took back.
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    station  TEXT NOT NULL REFERENCES facility (id),
    patient  TEXT NOT NULL REFERENCES patient (id),
    staff    TEXT NOT NULL REFERENCES staff (id),
    until    TEXT,                     -- last day, inclusive
    begun_at INTEGER NOT NULL,
    begun_by TEXT NOT NULL,            -- as in audit.who
    ended_at INTEGER,
    ended_by TEXT
) STRICT;
CREATE INDEX assignment_of_staff ON assignment (staff, patient);
CREATE INDEX assignment_of_station ON assignment (station);
CREATE TABLE standing (
    -- What a person was last told of a patient. No row: all of the patient, and nothing had to be said.
    station TEXT NOT NULL,
    staff   TEXT NOT NULL,
    patient TEXT NOT NULL,
    extent  TEXT NOT NULL,
    n       INTEGER NOT NULL,          -- where in the station's feed it was said
    PRIMARY KEY (station, staff, patient)
) STRICT, WITHOUT ROWID;
-- To whom alone a row of the feed is told; null: to all of the station.
ALTER TABLE feed ADD COLUMN staff TEXT;
CREATE INDEX feed_of_patient ON feed (station, patient, n);
-- The feed's number at which a document began: orders a patient's notes for ever, whatever is written in them later.
ALTER TABLE note ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
UPDATE note SET begun = told.n
    FROM (SELECT station, doc, min(n) AS n FROM feed WHERE entry IS NOT NULL GROUP BY station, doc) AS told
    WHERE told.station = note.station AND told.doc = note.doc;
CREATE INDEX note_of_patient ON note (station, patient, form, begun);
CREATE INDEX visit_of_staff ON visit (staff, patient, date);
CREATE INDEX order_of_patient ON nursing_order (patient, station);
-- 1: written before its writer heard that she no longer has the patient in full, and arrived after.
ALTER TABLE entry ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entry_late ON entry (doc) WHERE late = 1;
