-- Relayed: what makes two copies the same, keyed: whose, about what, by whom, and every byte. A change's hash covers none of that.
ALTER TABLE capsule ADD COLUMN name BLOB;
CREATE INDEX capsule_name ON capsule (name) WHERE name IS NOT NULL;
