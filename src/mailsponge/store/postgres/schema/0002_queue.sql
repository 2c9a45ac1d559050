-- A delivery. It waits while `next_attempt_at` is set; afterwards its row tells how it ended. The ids of one message follow each
-- other (course.py), so those of a message are found without an index.
CREATE TABLE mailsponge_mail.delivery (
    id              bigint  PRIMARY KEY,      -- the message's id * 2^20 + its place in `deliveries`
    recipient       integer NOT NULL,         -- which of the envelope's recipients it is for
    address         text    NOT NULL,         -- JSON ["local part", "domain"]
    resident        text    NOT NULL,         -- the user whose mail it is; empty: it goes out
    next_hop        text    COLLATE "C" NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at double precision,         -- seconds since the epoch; NULL: it has come to its end
    held            boolean NOT NULL DEFAULT false,
    warned          boolean NOT NULL DEFAULT false,  -- the sender was told of the delay
    claimed_by      integer,                  -- the node that tries it now
    result          text,                     -- of the last attempt, or 'withdrawn'; NULL before the first
    status          text,
    why             text,
    reply           text,
    said_by         text,
    at              double precision          -- when that was
) WITH (
    fillfactor = 70,                          -- to claim is to change a row where it is: no index hears of it
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0
);

-- What waits, by the way it goes and the time when it is tried. As small as the queue.
CREATE INDEX delivery_waits ON mailsponge_mail.delivery (next_hop, held, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;

-- To accept a message is to queue what is left to be done, in the same statement.
CREATE FUNCTION mailsponge_mail.queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mailsponge_mail.delivery (id, recipient, address, resident, next_hop, next_attempt_at)
        SELECT (NEW.id << 20) + place - 1, (given ->> 0)::integer, given ->> 1, given ->> 2, given ->> 3, NEW.arrived_at
        FROM json_array_elements(NEW.deliveries::json) WITH ORDINALITY AS each (given, place);
    RETURN NULL;
END $$;
CREATE TRIGGER message_is_queued AFTER INSERT ON mailsponge_mail.message
    FOR EACH ROW WHEN (NEW.deliveries IS NOT NULL) EXECUTE FUNCTION mailsponge_mail.queue();

-- Messages of which a delivery has come to its end, for whoever tidies up: what is to be done with them is looked at then.
CREATE TABLE mailsponge_mail.ended (
    message bigint  PRIMARY KEY,
    told    boolean NOT NULL DEFAULT false,      -- the content was removed, the story is left
    at      double precision NOT NULL DEFAULT 0  -- not before this; of a story, when it ended
);
CREATE INDEX ended_at ON mailsponge_mail.ended (told, at);

-- Next hops that nothing gets through to.
CREATE TABLE mailsponge_mail.hop (
    name     text    COLLATE "C" PRIMARY KEY,
    until    double precision NOT NULL,  -- seconds since the epoch: when it is tried again
    failures integer NOT NULL,
    why      text    NOT NULL
);

-- Mail for a mailbox here that was not delivered by being accepted. Once: what lies there already stays as it is.
CREATE FUNCTION mailsponge_mail.put_into(message_id bigint, name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM mailsponge_mail.message WHERE id = message_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no message %', message_id USING ERRCODE = 'MS003';
    END IF;
    INSERT INTO mailsponge_mail.entry (mailbox, message) VALUES (name, message_id) ON CONFLICT DO NOTHING;
END $$;
