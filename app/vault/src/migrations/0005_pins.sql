-- What the PIN under duress opens, sealed by it. Where none is set: as many random bytes, so that nobody sees whether one is.
ALTER TABLE header ADD COLUMN duress BLOB NOT NULL DEFAULT x'';
-- The vault key, wrapped for the finger or the face. Empty where that is off.
ALTER TABLE header ADD COLUMN biometric BLOB NOT NULL DEFAULT x'';
-- How often the file that counts wrong PINs was taken away or altered since the right one.
ALTER TABLE header ADD COLUMN tampered INTEGER NOT NULL DEFAULT 0;
-- Keyed hash of this row by the device's secret: a damaged row is told from a wrong PIN, and an altered limit is noticed.
ALTER TABLE header ADD COLUMN told BLOB NOT NULL DEFAULT x'';
