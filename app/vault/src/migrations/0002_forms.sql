-- Other forms than the visit note are documents too: the board, 記録書Ⅰ, 計画書, 報告書. The number is the form's tag.
ALTER TABLE note ADD COLUMN form INTEGER NOT NULL DEFAULT 1;
CREATE INDEX note_of_form ON note (form, patient);
