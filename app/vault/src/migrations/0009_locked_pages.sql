CREATE TABLE locked_page (
    -- What came while the vault was locked: pages of the feed, in their order, each sealed to a key that only the open vault
    -- holds. Row 0 is no page: where the open vault stood in the feed, a number and hashes.
    n    INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
