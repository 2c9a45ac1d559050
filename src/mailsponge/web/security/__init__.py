"""Who is let in, and what is never let out: the parts that the guard (`web/guard.py`) stands before every page with.

hosts.py (is it us that is asked?), origin.py (is it our own page that asks?), sessions.py (who is it?), csrf.py (was
the form ours?), headers.py (what may a browser do with the answer?), links.py (one-time links),
onward.py (where to then?).
"""

from __future__ import annotations

from mailsponge.web.security.who import User, admins_only, form, who

__all__ = ["User", "admins_only", "form", "who"]
