CREATE TABLE certificate (
    -- Certificates of devices and when each is over. A device is its key: one that a restored database has forgotten is found by it.
    hash   BLOB PRIMARY KEY,           -- SHA-256 of the certificate
    device BLOB NOT NULL REFERENCES device (id),
    key    BLOB,                       -- SHA-256 of the public key; null until the device came by
    until  INTEGER NOT NULL            -- hub's clock, milliseconds
) STRICT;
CREATE INDEX certificate_of_key ON certificate (key);
-- What was given before ends in 2036.
INSERT INTO certificate (hash, device, until) SELECT certificate, id, 2082758400000 FROM device;
