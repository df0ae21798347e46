-- Relayed: the device that made it, where another one brought it. A colleague's phone held it when the hub had been put back.
ALTER TABLE capsule ADD COLUMN maker BLOB;
-- Of several phones that bring the same one is kept.
CREATE INDEX capsule_of_change ON capsule (doc, hash);
