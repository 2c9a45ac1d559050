"""What the ledger is in PostgreSQL, one step after the other. A step that was released is never changed: add another.

One database holds many jobs, so every table has a column ``job``: the name of the job's directory. Texts that anybody
may have made as long as he liked are indexed by their beginning: an index takes no more than 2.7 kB of a row. That
nothing is there twice is seen to by the lock that each transaction takes.
"""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE mailsponge.version (version integer NOT NULL);

    -- What is remembered of a job as a whole: its settings, and a few small things. The values are JSON.
    CREATE TABLE mailsponge.setting (
        job text, name text, value text NOT NULL, PRIMARY KEY (job, name)
    );

    -- Runs of all hosts. seq is the order in which they were folded; number their order on their host.
    CREATE TABLE mailsponge.run (
        job text, id text, seq bigint GENERATED ALWAYS AS IDENTITY,
        number bigint NOT NULL, host text NOT NULL,
        began_at double precision NOT NULL, ended_at double precision NOT NULL, ending text NOT NULL,
        records bigint NOT NULL, folded_at double precision NOT NULL, note text NOT NULL,
        logged boolean NOT NULL,   -- its records are still there
        PRIMARY KEY (job, id)
    );
    CREATE INDEX run_seq ON mailsponge.run (job, seq);
    CREATE INDEX run_began_at ON mailsponge.run (job, began_at);
    CREATE INDEX run_number ON mailsponge.run (job, host, number);
    CREATE INDEX run_logged ON mailsponge.run (job, seq) WHERE logged;

    -- What a run proved of a source (level), and showed of it (the others).
    CREATE TABLE mailsponge.verdict (
        job text NOT NULL, run text NOT NULL, source text NOT NULL, level bigint,
        highest bigint, lowest bigint, raised boolean, entered boolean, broken_off boolean
    );
    CREATE INDEX verdict_run ON mailsponge.verdict (job, run, left(source, 200));

    CREATE TABLE mailsponge.record (
        job text NOT NULL, run text NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, source text NOT NULL,
        at double precision NOT NULL, level bigint NOT NULL, logger text NOT NULL, text text NOT NULL,
        detail text NOT NULL, laid_out boolean NOT NULL
    );
    CREATE INDEX record_run ON mailsponge.record (job, run);

    -- How a source stands on a host, and what is wrong with it on all of them together. JSON.
    CREATE TABLE mailsponge.source (
        job text NOT NULL, host text NOT NULL, name text NOT NULL, state text NOT NULL
    ) WITH (fillfactor = 70);
    CREATE INDEX source_name ON mailsponge.source (job, host, left(name, 200));
    CREATE TABLE mailsponge.incident (
        job text NOT NULL, name text NOT NULL, incident text NOT NULL
    ) WITH (fillfactor = 70);
    CREATE INDEX incident_name ON mailsponge.incident (job, left(name, 200));

    CREATE TABLE mailsponge.silence (
        job text NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, pattern text NOT NULL,
        since double precision NOT NULL, until double precision NOT NULL, because text NOT NULL
    );
    CREATE INDEX silence_job ON mailsponge.silence (job);

    CREATE TABLE mailsponge.outbox (
        job text NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, message_id text NOT NULL,
        created_at double precision NOT NULL, subject text NOT NULL, fromaddr text NOT NULL, toaddrs text NOT NULL,
        content bytea NOT NULL, status text NOT NULL, attempts bigint NOT NULL,
        last_attempt_at double precision, last_reply text NOT NULL
    );
    CREATE INDEX outbox_status ON mailsponge.outbox (job, status);
    """,
)

TABLES: Final = ("setting", "run", "verdict", "record", "source", "incident", "silence", "outbox")
"""Each has a column ``job``."""
