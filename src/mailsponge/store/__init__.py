"""What the post office keeps: messages, who they were for, which mailboxes they lie in, and what is left to be done.

`protocol.py` says what a store is; `sqlite.py` is the embedded one, `postgres/` the shared one, `memory.py` a twin of
both for tests; `opening.py` chooses. The way of
a message: `incoming.py` takes its bytes, `jobs.py` says what has to be written for it, `writer.py` writes what
waits in one commit (`committing.py`); `footprint.py` and `commits.py` count. If it has to go on, `due.py` finds and
claims it, `queue_jobs.py` and `settling.py` keep what became of it, and `tidying.py` removes what nobody needs then.
`mailboxes.py` and `beside.py` read and put right, from the server's process or from any other; `listing.py` and
`headings.py` make a line of a list, `story.py` and `course.py` tell a message's story.
"""
