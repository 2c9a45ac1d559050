-- Where a message lies in its mailbox. Nothing here is looked at, and no index changes, while a message is accepted.
ALTER TABLE entry ADD COLUMN folder TEXT NOT NULL DEFAULT 'Inbox';
ALTER TABLE entry ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN discarded_at REAL;    -- seconds since the epoch: in the Trash since then
ALTER TABLE entry ADD COLUMN discarded_from TEXT;  -- the folder it goes back to

CREATE INDEX entry_discarded ON entry (discarded_at) WHERE discarded_at IS NOT NULL;

-- What follows is made out of messages and entries by whoever indexes them, and can be made again.

-- A mailbox that something was indexed for.
CREATE TABLE box (
    number  INTEGER PRIMARY KEY CHECK (number < 1048576),
    mailbox TEXT    NOT NULL UNIQUE,
    version INTEGER NOT NULL DEFAULT 0  -- goes up with each change that a list would show
) STRICT;

-- What a list shows of a message in a mailbox.
CREATE TABLE head (
    id          INTEGER PRIMARY KEY,  -- the message's id * 2^20 + the number of the mailbox
    box         INTEGER NOT NULL,
    message     INTEGER NOT NULL,
    folder      TEXT    NOT NULL,     -- this, `seen` and `starred` as the entry has them
    seen        INTEGER NOT NULL,
    starred     INTEGER NOT NULL,
    thread      INTEGER NOT NULL,     -- the id of a message
    arrived_at  REAL    NOT NULL,
    size        INTEGER NOT NULL,
    sender      TEXT    NOT NULL,
    recipients  TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    snippet     TEXT    NOT NULL,
    date        REAL,
    attachments INTEGER NOT NULL
) STRICT;

CREATE INDEX head_all ON head (box, folder, arrived_at, message);
CREATE INDEX head_unread ON head (box, folder, arrived_at, message) WHERE seen = 0;
CREATE INDEX head_starred ON head (box, folder, arrived_at, message) WHERE starred = 1;
CREATE INDEX head_thread ON head (box, thread, arrived_at, message);

-- What it is found by (words.py), with `in:` and the number of the mailbox. The text itself is not kept a second time.
CREATE VIRTUAL TABLE found USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = "ascii tokenchars ':'"
);

-- Message-IDs that messages of a mailbox have, or name, as numbers that stand for them (threads.py).
CREATE TABLE mention (
    box   INTEGER NOT NULL,
    name  INTEGER NOT NULL,
    head  INTEGER NOT NULL,  -- who has it; where nobody does, who named it first
    owned INTEGER NOT NULL,
    PRIMARY KEY (box, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX mention_head ON mention (head);

CREATE TABLE folder (
    box    INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    count  INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    PRIMARY KEY (box, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER entry_has_changed AFTER UPDATE OF folder, seen, starred ON entry BEGIN
    UPDATE head SET folder = NEW.folder, seen = NEW.seen, starred = NEW.starred
    WHERE id = (NEW.message << 20) + (SELECT number FROM box WHERE mailbox = NEW.mailbox);
END;

CREATE TRIGGER entry_is_gone AFTER DELETE ON entry BEGIN
    DELETE FROM head WHERE id = (OLD.message << 20) + (SELECT number FROM box WHERE mailbox = OLD.mailbox);
END;

CREATE TRIGGER head_is_new AFTER INSERT ON head BEGIN
    INSERT INTO folder (box, name, count, unseen) VALUES (NEW.box, NEW.folder, 1, NOT NEW.seen)
        ON CONFLICT DO UPDATE SET count = count + 1, unseen = unseen + excluded.unseen;
    UPDATE box SET version = version + 1 WHERE number = NEW.box;
END;

CREATE TRIGGER head_is_gone AFTER DELETE ON head BEGIN
    DELETE FROM found WHERE rowid = OLD.id;
    DELETE FROM mention WHERE head = OLD.id;
    UPDATE folder SET count = count - 1, unseen = unseen - (NOT OLD.seen) WHERE box = OLD.box AND name = OLD.folder;
    UPDATE box SET version = version + 1 WHERE number = OLD.box;
END;

CREATE TRIGGER head_lies_elsewhere AFTER UPDATE OF folder, seen ON head
WHEN OLD.folder <> NEW.folder OR OLD.seen <> NEW.seen BEGIN
    UPDATE folder SET count = count - 1, unseen = unseen - (NOT OLD.seen) WHERE box = OLD.box AND name = OLD.folder;
    INSERT INTO folder (box, name, count, unseen) VALUES (NEW.box, NEW.folder, 1, NOT NEW.seen)
        ON CONFLICT DO UPDATE SET count = count + 1, unseen = unseen + excluded.unseen;
END;

CREATE TRIGGER head_has_changed AFTER UPDATE OF folder, seen, starred, thread ON head BEGIN
    UPDATE box SET version = version + 1 WHERE number = NEW.box;
END;
