-- How a message came to be accepted, as far as no other column says it: it comes with the row, in the same statement.
ALTER TABLE message ADD COLUMN steps TEXT NOT NULL DEFAULT '[]';  -- JSON [[seconds since the epoch, "what", "why"], ...]

-- What happened to it afterwards, in the order of the ids. New kinds of events are new words in `what`.
CREATE TABLE trace (
    id      INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    at      REAL    NOT NULL,   -- seconds since the epoch
    what    TEXT    NOT NULL,   -- one word
    why     TEXT    NOT NULL    -- for people
) STRICT;

CREATE INDEX trace_of_a_message ON trace (message);
