CREATE TABLE search_segment (
    -- What a search reads: the folded texts of a patient's documents, sealed with the patient's key. Made out of the documents,
    -- and made again whenever one of them has changed.
    n           INTEGER PRIMARY KEY,
    shelf       INTEGER NOT NULL,  -- 0: the station's documents, 1: disclosed records
    compartment BLOB NOT NULL,
    patient     BLOB NOT NULL,
    version     BLOB NOT NULL,     -- random, new with every sealing: whether a copy in memory is still this one
    edition     INTEGER NOT NULL,  -- of the fold and of what of a document is searched: an older one is made again
    sealed      BLOB NOT NULL,
    UNIQUE (shelf, patient)
) STRICT;

CREATE TABLE search_stale (
    -- Documents that changed since their patient's segment was made. A search reads them first, so that it misses nothing.
    shelf    INTEGER NOT NULL,
    patient  BLOB NOT NULL,
    key      BLOB NOT NULL,        -- the document's; zeros: all of the patient's
    PRIMARY KEY (shelf, patient, key)
) STRICT, WITHOUT ROWID;

-- Marked by the database itself, so that no way of changing a document can forget it. Not with OR IGNORE: inside a trigger the
-- policy of the statement that fired it counts, and an upsert's is to fail.
CREATE TRIGGER search_note_new AFTER INSERT ON note BEGIN
    INSERT INTO search_stale SELECT 0, NEW.patient, NEW.key
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 0 AND patient = NEW.patient AND key = NEW.key);
END;
CREATE TRIGGER search_note_changed AFTER UPDATE ON note BEGIN
    INSERT INTO search_stale SELECT 0, NEW.patient, NEW.key
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 0 AND patient = NEW.patient AND key = NEW.key);
END;
CREATE TRIGGER search_change_new AFTER INSERT ON note_change BEGIN
    INSERT INTO search_stale SELECT 0, NEW.patient, NEW.note
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 0 AND patient = NEW.patient AND key = NEW.note);
END;
CREATE TRIGGER search_confirmation_new AFTER INSERT ON confirmation BEGIN
    INSERT INTO search_stale SELECT 0, NEW.patient, NEW.note
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 0 AND patient = NEW.patient AND key = NEW.note);
END;
CREATE TRIGGER search_confirmation_changed AFTER UPDATE ON confirmation BEGIN
    INSERT INTO search_stale SELECT 0, NEW.patient, NEW.note
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 0 AND patient = NEW.patient AND key = NEW.note);
END;
-- Kind 4: a disclosed record.
CREATE TRIGGER search_record_new AFTER INSERT ON item WHEN NEW.kind = 4 BEGIN
    INSERT INTO search_stale SELECT 1, NEW.patient, NEW.key
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 1 AND patient = NEW.patient AND key = NEW.key);
END;
CREATE TRIGGER search_record_changed AFTER UPDATE ON item WHEN NEW.kind = 4 BEGIN
    INSERT INTO search_stale SELECT 1, NEW.patient, NEW.key
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 1 AND patient = NEW.patient AND key = NEW.key);
END;
-- A withdrawal takes the segment along in its own transaction; what stays of other facilities is read again.
CREATE TRIGGER search_record_gone AFTER DELETE ON item WHEN OLD.kind = 4 BEGIN
    DELETE FROM search_segment WHERE shelf = 1 AND patient = OLD.patient;
    INSERT INTO search_stale SELECT 1, OLD.patient, zeroblob(16)
        WHERE NOT EXISTS (SELECT 1 FROM search_stale WHERE shelf = 1 AND patient = OLD.patient AND key = zeroblob(16));
END;
-- Whoever erases a key erases what was made with it.
CREATE TRIGGER search_patient_erased AFTER DELETE ON patient_key BEGIN
    DELETE FROM search_segment WHERE compartment = OLD.compartment AND patient = OLD.patient;
END;
CREATE TRIGGER search_compartment_erased AFTER DELETE ON compartment BEGIN
    DELETE FROM search_segment WHERE compartment = OLD.tag;
END;

-- What stands in the vault before there was a search.
INSERT OR IGNORE INTO search_stale SELECT 0, patient, key FROM note;
INSERT OR IGNORE INTO search_stale SELECT 1, patient, key FROM item WHERE kind = 4;
