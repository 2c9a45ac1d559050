"""Mail, jobs and the queue in a browser: pages that are made here, and need no JavaScript to be read.

    browser ──> serving (uvicorn, limits) ──> security/guard (Host, session, CSRF, headers) ──> app ──> a room's page
                                                                                           store, ledgers ──┘

office.py is what pages are given; pages.py renders; each room (mail, jobs, queue) has files and routes of its own.
"""
