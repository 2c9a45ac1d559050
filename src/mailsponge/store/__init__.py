"""What the post office keeps: messages, who they were for, and which mailboxes they lie in.

`protocol.py` says what a store is; `sqlite.py` is the embedded one, `postgres/` the shared one, `memory.py` a twin of
both for tests; `opening.py` chooses. The way of
a message: `incoming.py` takes its bytes, `jobs.py` says what has to be written for it, `writer.py` writes what
waits in one commit; `footprint.py` and `commits.py` count. `mailboxes.py` reads, from the server's process or from any
other; `listing.py` and `headings.py` make a line of a list, `story.py` tells a message's story.
"""
