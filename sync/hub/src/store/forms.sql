-- Other forms than the visit note are documents too. The number is the form's tag (record::Form).
ALTER TABLE note ADD COLUMN form INTEGER NOT NULL DEFAULT 1;
-- Acts about confirmed notes (kind 15) are few and read with the note.
CREATE INDEX entry_act ON entry (doc, id) WHERE kind = 15;
