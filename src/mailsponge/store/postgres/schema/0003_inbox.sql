-- Where a message lies in its mailbox. Nothing here is looked at, and no index changes, while a message is accepted.
ALTER TABLE mailsponge_mail.entry
    ADD COLUMN folder text COLLATE "C" NOT NULL DEFAULT 'Inbox',
    ADD COLUMN starred boolean NOT NULL DEFAULT false,
    ADD COLUMN discarded_at double precision,  -- seconds since the epoch: in the Trash since then
    ADD COLUMN discarded_from text;            -- the folder it goes back to
CREATE INDEX entry_discarded ON mailsponge_mail.entry (discarded_at) WHERE discarded_at IS NOT NULL;

-- What follows is made out of messages and entries by whoever indexes them, and can be made again. Who changes something takes
-- the rows of `entry` first, in order, and those of `box` and `folder` last: so nobody waits for each other.

-- A mailbox that something was indexed for.
CREATE TABLE mailsponge_mail.box (
    number  integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY CHECK (number < 1048576),
    mailbox text    COLLATE "C" NOT NULL UNIQUE,
    version bigint  NOT NULL DEFAULT 0  -- goes up with each change that a list would show
) WITH (fillfactor = 50);

-- What a list shows of a message in a mailbox.
CREATE TABLE mailsponge_mail.head (
    id          bigint  PRIMARY KEY,  -- the message's id * 2^20 + the number of the mailbox
    box         integer NOT NULL,
    message     bigint  NOT NULL,
    folder      text    COLLATE "C" NOT NULL,  -- this, `seen` and `starred` as the entry has them
    seen        boolean NOT NULL,
    starred     boolean NOT NULL,
    thread      bigint  NOT NULL,     -- the id of a message
    arrived_at  double precision NOT NULL,
    size        bigint  NOT NULL,
    sender      text    NOT NULL,
    recipients  text    NOT NULL,
    subject     text    NOT NULL,
    snippet     text    NOT NULL,
    date        double precision,
    attachments integer NOT NULL
);
CREATE INDEX head_all ON mailsponge_mail.head (box, folder, arrived_at, message);
CREATE INDEX head_arrived ON mailsponge_mail.head (box, arrived_at, message);
CREATE INDEX head_unread ON mailsponge_mail.head (box, folder, arrived_at, message) WHERE NOT seen;
CREATE INDEX head_starred ON mailsponge_mail.head (box, folder, arrived_at, message) WHERE starred;
CREATE INDEX head_thread ON mailsponge_mail.head (box, thread, arrived_at, message);

-- What it is found by (words.py), with `in:` and the number of the mailbox. A table of its own: what is marked or moved is not
-- put into the index of words again.
CREATE TABLE mailsponge_mail.found (
    id    bigint   PRIMARY KEY,
    words tsvector NOT NULL
);
CREATE INDEX found_words ON mailsponge_mail.found USING gin (words);

-- Planned anew for each search: whether to go by the index depends on the words, and a plan for any words is none.
CREATE FUNCTION mailsponge_mail.matching(wanted tsquery, most bigint) RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT id FROM mailsponge_mail.found WHERE words @@ $1 LIMIT $2' USING wanted, most;
END $$;

-- Message-IDs that messages of a mailbox have, or name, as numbers that stand for them (threads.py).
CREATE TABLE mailsponge_mail.mention (
    box   integer NOT NULL,
    name  bigint  NOT NULL,
    head  bigint  NOT NULL,  -- who has it; where nobody does, who named it first
    owned boolean NOT NULL,
    PRIMARY KEY (box, name)
);
CREATE INDEX mention_head ON mailsponge_mail.mention (head);

CREATE TABLE mailsponge_mail.folder (
    box    integer NOT NULL,
    name   text    COLLATE "C" NOT NULL,
    count  integer NOT NULL,
    unseen integer NOT NULL,
    PRIMARY KEY (box, name)
) WITH (fillfactor = 50);

CREATE FUNCTION mailsponge_mail.entry_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE mailsponge_mail.head SET folder = NEW.folder, seen = NEW.seen, starred = NEW.starred
        WHERE id = (NEW.message << 20) + (SELECT number FROM mailsponge_mail.box WHERE mailbox = NEW.mailbox);
    RETURN NULL;
END $$;
CREATE TRIGGER entry_has_changed AFTER UPDATE OF folder, seen, starred ON mailsponge_mail.entry
    FOR EACH ROW EXECUTE FUNCTION mailsponge_mail.entry_has_changed();

CREATE FUNCTION mailsponge_mail.entry_is_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM mailsponge_mail.head
        WHERE id = (OLD.message << 20) + (SELECT number FROM mailsponge_mail.box WHERE mailbox = OLD.mailbox);
    RETURN NULL;
END $$;
CREATE TRIGGER entry_is_gone AFTER DELETE ON mailsponge_mail.entry
    FOR EACH ROW EXECUTE FUNCTION mailsponge_mail.entry_is_gone();

CREATE FUNCTION mailsponge_mail.head_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM mailsponge_mail.found WHERE id = OLD.id;
        DELETE FROM mailsponge_mail.mention WHERE head = OLD.id;
    END IF;
    IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR OLD.folder <> NEW.folder OR OLD.seen <> NEW.seen) THEN
        UPDATE mailsponge_mail.folder SET count = count - 1, unseen = unseen - (NOT OLD.seen)::integer
            WHERE box = OLD.box AND name = OLD.folder;
    END IF;
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD.folder <> NEW.folder OR OLD.seen <> NEW.seen) THEN
        INSERT INTO mailsponge_mail.folder AS known (box, name, count, unseen)
            VALUES (NEW.box, NEW.folder, 1, (NOT NEW.seen)::integer)
            ON CONFLICT (box, name) DO UPDATE SET count = known.count + 1, unseen = known.unseen + excluded.unseen;
    END IF;
    UPDATE mailsponge_mail.box SET version = version + 1
        WHERE number = CASE WHEN TG_OP = 'DELETE' THEN OLD.box ELSE NEW.box END;
    RETURN NULL;
END $$;
CREATE TRIGGER head_has_changed AFTER INSERT OR DELETE OR UPDATE OF folder, seen, starred, thread ON mailsponge_mail.head
    FOR EACH ROW EXECUTE FUNCTION mailsponge_mail.head_has_changed();
