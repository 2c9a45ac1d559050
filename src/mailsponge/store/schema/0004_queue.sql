-- What the envelope says beside addresses, for the few messages that say it; and what is left to be done when the message is
-- accepted. Both stay NULL for ordinary local mail.
ALTER TABLE message ADD COLUMN wishes TEXT;      -- JSON: the rest of the envelope, from its wishes on
ALTER TABLE message ADD COLUMN deliveries TEXT;  -- JSON [[recipient, ["local part", "domain"], "user", "next hop"], ...]

-- From now on, `parts` is -1 where the content was removed; `tail` then holds the Message-ID header alone.

-- A delivery. It waits while `next_attempt_at` is set; afterwards its row tells how it ended. The ids of one message follow
-- each other (course.py), so those of a message are found without an index, and new ones are all written in one place.
CREATE TABLE delivery (
    id              INTEGER PRIMARY KEY,          -- the message's id * 2^20 + its place in `deliveries`
    recipient       INTEGER NOT NULL,             -- which of the envelope's recipients it is for
    address         TEXT    NOT NULL,             -- JSON ["local part", "domain"]
    user            TEXT    NOT NULL,
    next_hop        TEXT    NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at REAL,                         -- seconds since the epoch; NULL: it has come to its end
    held            INTEGER NOT NULL DEFAULT 0,
    warned          INTEGER NOT NULL DEFAULT 0,   -- the sender was told of the delay
    result          TEXT,                         -- of the last attempt, or 'withdrawn'; NULL before the first
    status          TEXT,
    why             TEXT,
    reply           TEXT,
    by              TEXT,
    at              REAL                          -- when that was
) STRICT;

-- What waits, by the way it goes and the time when it is tried. Nothing else has a place here, so it is as small as the queue.
CREATE INDEX delivery_waits ON delivery (next_hop, held, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- To accept a message is to queue what is left to be done: one statement, as 0002 has it for mailboxes.
CREATE TRIGGER message_is_queued AFTER INSERT ON message WHEN NEW.deliveries IS NOT NULL BEGIN
    INSERT INTO delivery (id, recipient, address, user, next_hop, next_attempt_at)
        SELECT (NEW.id << 20) + key, value ->> 0, value -> 1, value ->> 2, value ->> 3, NEW.arrived_at
        FROM json_each(NEW.deliveries);
END;

-- Messages that have nothing left to be done, for whoever tidies up. What it says is looked at again then.
CREATE TABLE ended (
    stage   TEXT    NOT NULL,  -- 'sent': all have come to their end; 'withdrawn': so have they, but by a person's will; 'told':
                               -- the content was removed, the story is left
    at      REAL    NOT NULL,  -- since when
    message INTEGER NOT NULL,
    PRIMARY KEY (stage, at, message)
) STRICT, WITHOUT ROWID;

-- Whether one still waits is asked from the last one on: of many, the first ones end first.
CREATE TRIGGER delivery_has_ended AFTER UPDATE OF next_attempt_at ON delivery
WHEN NEW.next_attempt_at IS NULL AND (
    SELECT 1 FROM delivery WHERE id BETWEEN NEW.id >> 20 << 20 AND NEW.id | 0xFFFFF AND next_attempt_at IS NOT NULL
    ORDER BY id DESC LIMIT 1
) IS NULL BEGIN
    INSERT OR IGNORE INTO ended (stage, at, message) SELECT
        iif(EXISTS (
            SELECT 1 FROM delivery WHERE id BETWEEN NEW.id >> 20 << 20 AND NEW.id | 0xFFFFF AND result = 'withdrawn'
        ), 'withdrawn', 'sent'), NEW.at, NEW.id >> 20;
END;

-- Next hops that nothing gets through to.
CREATE TABLE hop (
    name     TEXT    PRIMARY KEY,
    until    REAL    NOT NULL,  -- seconds since the epoch: when it is tried again
    failures INTEGER NOT NULL,
    why      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- How often somebody has changed the queue from another process than the server's, which looks at this.
CREATE TABLE called (times INTEGER NOT NULL) STRICT;
INSERT INTO called VALUES (0);
