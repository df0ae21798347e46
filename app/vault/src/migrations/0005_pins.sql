-- What the PIN under duress opens, sealed by it. Where none is set: as many random bytes, so that nobody sees whether one is.
ALTER TABLE header ADD COLUMN duress BLOB NOT NULL DEFAULT x'';
-- The vault key, wrapped for the finger or the face. Empty where that is off.
ALTER TABLE header ADD COLUMN biometric BLOB NOT NULL DEFAULT x'';
