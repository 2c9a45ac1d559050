-- A server that keeps its mail here. Each start is a row of its own: its id is in whatever it holds.
CREATE TABLE mailsponge_mail.node (
    id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text    COLLATE "C" NOT NULL,      -- the machine's
    heard_of_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL,              -- by the database's clock: it is taken for dead if it has not been heard of by then
    dead  boolean NOT NULL DEFAULT false,
    batch bigint  NOT NULL DEFAULT 0         -- the last of its batches that was committed
) WITH (fillfactor = 50);                    -- each batch changes its node's row: room for that beside it

-- Every batch of a node begins with this. A node that the others took for dead is told, and nothing of the batch is kept.
CREATE FUNCTION mailsponge_mail.heard_of(node_id integer, number bigint, seconds double precision) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE mailsponge_mail.node SET batch = number, heard_of_at = clock_timestamp(),
            until = clock_timestamp() + seconds * interval '1 second'
        WHERE id = node_id AND NOT dead;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'node % was taken for dead', node_id USING ERRCODE = 'MS001';
    END IF;
END $$;

-- Ids are drawn in blocks, each by one node: nextval is the first of a thousand.
CREATE SEQUENCE mailsponge_mail.message_id AS bigint INCREMENT BY 1000 MINVALUE 1;

-- A message that was accepted. Its row comes in the one transaction that accepts it: without a row there is no message.
CREATE TABLE mailsponge_mail.message (
    id           bigint  PRIMARY KEY,
    arrived_at   double precision NOT NULL CHECK (arrived_at < 'infinity'),   -- seconds since the epoch
    size         bigint  NOT NULL,   -- bytes of content: all parts and the tail
    reverse_path text,               -- JSON ["local part", "domain"]; NULL is the null reverse-path
    recipients   text    NOT NULL,   -- JSON [["local part", "domain"], ...], in the order of the envelope
    eight_bit    boolean NOT NULL,
    smtputf8     boolean NOT NULL,
    peer         text    NOT NULL,
    helo         text    NOT NULL,
    reasons      text    NOT NULL,   -- JSON ["why", ...], one a recipient
    mailboxes    text    NOT NULL,   -- JSON ["mailbox", ...]: where accepting put it
    parts        integer NOT NULL,   -- how many rows of `part` come before the tail; -1 where the content was removed
    tail         bytea   NOT NULL,   -- the end of the content; of a small message, all of it; of a removed one, its Message-ID
    steps        text    NOT NULL,   -- JSON [[seconds since the epoch, "what", "why"], ...]: how it came to be accepted
    wishes       text,               -- JSON: the rest of the envelope, from its wishes on; NULL where nothing was wished
    deliveries   text                -- JSON [[recipient, ["local part", "domain"], "user", "next hop"], ...]; NULL: none
);

-- A large message, but for its tail. Written while it arrives.
CREATE TABLE mailsponge_mail.part (
    message bigint  NOT NULL,
    number  integer NOT NULL,
    content bytea   NOT NULL,
    PRIMARY KEY (message, number)
);

-- Not compressed: that costs the most of all, and the beginning of a content could not be read without the rest.
ALTER TABLE mailsponge_mail.message ALTER COLUMN tail SET STORAGE EXTERNAL;
ALTER TABLE mailsponge_mail.part ALTER COLUMN content SET STORAGE EXTERNAL;

-- A message that has parts already and is not accepted, with the node that it arrives at. The node's death makes it an orphan.
CREATE TABLE mailsponge_mail.arriving (
    message bigint  PRIMARY KEY,
    node    integer NOT NULL
);

-- A message in a mailbox.
CREATE TABLE mailsponge_mail.entry (
    mailbox text    COLLATE "C" NOT NULL,
    message bigint  NOT NULL,
    seen    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (mailbox, message)
);
CREATE INDEX entry_message ON mailsponge_mail.entry (message);

-- To accept a message is to deliver it: its row puts it into the mailboxes that it names, in the same statement.
CREATE FUNCTION mailsponge_mail.deliver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mailsponge_mail.entry (mailbox, message)
        SELECT mailbox, accepted.id FROM accepted, json_array_elements_text(accepted.mailboxes::json) AS mailbox;
    RETURN NULL;
END $$;
CREATE TRIGGER message_is_delivered AFTER INSERT ON mailsponge_mail.message
    REFERENCING NEW TABLE AS accepted FOR EACH STATEMENT EXECUTE FUNCTION mailsponge_mail.deliver();

-- Nothing is accepted without its parts, which somebody may have swept away, taking its node for dead.
CREATE FUNCTION mailsponge_mail.has_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM mailsponge_mail.arriving WHERE message = NEW.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the parts of message % are gone', NEW.id USING ERRCODE = 'MS002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER message_has_its_parts BEFORE INSERT ON mailsponge_mail.message
    FOR EACH ROW WHEN (NEW.parts > 0) EXECUTE FUNCTION mailsponge_mail.has_arrived();

-- What happened to a message afterwards, in the order of the ids. New kinds of events are new words in `what`.
CREATE TABLE mailsponge_mail.trace (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message bigint NOT NULL,
    at      double precision NOT NULL,   -- seconds since the epoch
    what    text   NOT NULL,             -- one word
    why     text   NOT NULL              -- for people
);
CREATE INDEX trace_message ON mailsponge_mail.trace (message);

-- What servers of one database have to have in common, such as the secret that decoys are made from.
CREATE TABLE mailsponge_mail.secret (
    name  text  PRIMARY KEY,
    value bytea NOT NULL
);
