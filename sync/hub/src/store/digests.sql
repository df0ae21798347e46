CREATE TABLE note_version (
    -- Which version each document stands at, so that a phone's digest is compared without opening any.
    doc     BLOB PRIMARY KEY,
    station TEXT NOT NULL,
    patient TEXT NOT NULL,
    version BLOB                       -- SHA-256 over its heads; null: it cannot be read
) STRICT;
CREATE INDEX note_version_of_patient ON note_version (station, patient);
