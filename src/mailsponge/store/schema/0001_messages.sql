-- A message that was accepted. Its row comes in the one transaction that accepts it: without a row there is no message.
CREATE TABLE message (
    id           INTEGER PRIMARY KEY,
    arrived_at   REAL    NOT NULL,   -- seconds since the epoch
    size         INTEGER NOT NULL,   -- bytes of content: all parts and the tail
    reverse_path TEXT,               -- JSON ["local part", "domain"]; NULL is the null reverse-path
    recipients   TEXT    NOT NULL,   -- JSON [["local part", "domain"], ...], in the order of the envelope
    eight_bit    INTEGER NOT NULL,
    smtputf8     INTEGER NOT NULL,
    peer         TEXT    NOT NULL,
    helo         TEXT    NOT NULL,
    reasons      TEXT    NOT NULL,   -- JSON ["why", ...], one a recipient
    mailboxes    TEXT    NOT NULL,   -- JSON ["mailbox", ...]: where accepting put it
    parts        INTEGER NOT NULL,   -- how many rows of `part` come before the tail
    tail         BLOB    NOT NULL    -- the end of the content; of a small message, all of it
) STRICT;

-- A large message, but for its tail. Written while it arrives, so a part without a message is one that is on its way, or an
-- orphan.
CREATE TABLE part (
    message INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    content BLOB    NOT NULL,
    PRIMARY KEY (message, number)
) STRICT;

-- A message in a mailbox.
CREATE TABLE entry (
    mailbox TEXT    NOT NULL,
    message INTEGER NOT NULL,
    seen    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, message)
) STRICT, WITHOUT ROWID;

-- The highest id that was ever drawn and may have left no row behind. An id in somebody's log never means two messages.
CREATE TABLE drawn (highest INTEGER NOT NULL) STRICT;
INSERT INTO drawn VALUES (0);

CREATE TRIGGER message_was_here AFTER DELETE ON message BEGIN
    UPDATE drawn SET highest = OLD.id WHERE highest < OLD.id;
END;

CREATE TRIGGER part_was_here AFTER DELETE ON part BEGIN
    UPDATE drawn SET highest = OLD.message WHERE highest < OLD.message;
END;
