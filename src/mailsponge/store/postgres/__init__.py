"""The shared store: PostgreSQL, through which several servers have one queue and the same mailboxes.

`store.py` puts it together. `connection.py` opens a session, `faults.py` says what went wrong, `schema.py` makes the
tables; `node.py` is one server among the others, and what writes its batches; `batch.py` has their statements, `ids.py`
the numbers of messages; `reading.py`, `mailboxes.py` and `queue.py` are for everybody, `wakeups.py` carries word from
node to node. Nothing else in the store imports psycopg.
"""
