"""What keeps failing, since when, and which mails came of it: the jobs of the user that the server runs as.

    watching ── ledgers, read when they have changed ──▶ board ── what is shown of it ──▶ pages ──▶ templates/dashboard
                                                         charts, replaying ────────────┘

board.py, charts.py and the picture in replaying.py are pure; watching.py and changing.py touch ledgers.
"""
