"""Who may log in, and how they prove who they are: SASL (RFC 4422) as SMTP uses it (RFC 4954), without the sockets.

    bytes ──> an exchange (plain.py, login.py, scram.py) ──> Challenge ──> bytes …
                  │ asks directory.py for a candidate
                  └──> Granted, Denied, or CheckPassword ──> check.py, in a thread ──> Granted, Denied or Later

mechanisms.py says which are offered, and begins an exchange. Around each stands what guesses.py decides: ``begin``
before it, and ``failed`` or ``ended`` after it. replies.py has what the client is told.

verifiers.py has what a user's ``password`` in the configuration can be, hashing.py makes one and compares; saslprep.py
makes two ways of typing a password one; decoys.py is what those are compared with who do not live here, so that nobody
learns who does; secret.py keeps what decoys are made from.
"""
