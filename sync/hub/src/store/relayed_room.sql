-- Relayed: at which state of the document a held copy was last looked at. While that stands, there is nothing new to see.
ALTER TABLE capsule ADD COLUMN looked BLOB;
-- How much waits.
CREATE INDEX capsule_relayed ON capsule (station, doc, device) WHERE maker IS NOT NULL AND state IN ('held', 'unreadable');
