"""What keeps failing, since when, and which mails came of it: the jobs of the user that the server runs as.

    watching ── ledgers, read when they have changed ──▶ board ── what is shown of it ──▶ pages ──▶ templates/dashboard
    replaying ── a history, decided on anew ──▶ timeline, charts ── pictures ───────────────┘

board.py, charts.py and timeline.py are pure; watching.py reads ledgers, and changing.py is all that writes to one.
"""

from mailsponge.web.dashboard.pages import routes

__all__ = ["routes"]
