-- A photo's pieces among the sealed copies; their hash is the photo's tag.
CREATE INDEX capsule_held_hash ON capsule (hash, device) WHERE state = 'held';
