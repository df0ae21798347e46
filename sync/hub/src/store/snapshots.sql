CREATE TABLE snapshot (
    -- Documents that rested, each whole, in place of the bodies of the entries that it came in. Those keep device, series,
    -- seq and hash; that their body is empty says to look here.
    doc     BLOB PRIMARY KEY,
    n       INTEGER NOT NULL,          -- where in the station's feed it is told: at the last of those entries
    made_at INTEGER NOT NULL,          -- hub's clock, milliseconds
    sealed  BLOB NOT NULL
) STRICT;
-- A document's entries that passed, by kind.
CREATE INDEX entry_passed ON entry (doc, kind, id) WHERE state = 'passed';
-- Where an entry stands in its station's feed.
CREATE INDEX feed_of_entry ON feed (entry) WHERE entry IS NOT NULL;
