-- Every request asks which consents of its station are over, and for the shortest lease among them.
CREATE INDEX consent_of_viewing ON consent (viewing, patient);
