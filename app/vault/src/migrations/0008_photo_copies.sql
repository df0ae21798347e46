CREATE TABLE photo_copy (
    -- Which sealed copies hold a photo's pieces. No entry carries them: they go when the hub holds the photo durably, wiped or not.
    n        INTEGER PRIMARY KEY,  -- of the copy, in capsule
    photo    BLOB NOT NULL,        -- keyed hash of the hash that names it
    received INTEGER               -- hub time at which it had the photo, or this piece, milliseconds; null until receipted
) STRICT;
CREATE INDEX photo_copy_of ON photo_copy (photo);
