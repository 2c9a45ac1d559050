"""Run every comparison here, one after the other: ``make bench``. Ends with 0 only if each met its goal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

COMPARISONS = {
    "emit.py": "What a log record costs, beside the standard library's FileHandler",
    "squeeze.py": "The end of a run, beside sqlite3.executemany of the rows that come of it",
    "imports.py": "What importing mailsponge and starting sendmail cost, beside what they import",
    "exit.py": "How long a silent mail server holds up a program's end",
    "engine.py": "The SMTP engine alone: no socket, no disk",
    "client_engine.py": "The client's side of the engine: no socket, either",
    "relay.py": "Handing messages over to smtp-sink: the relay alone",
    "store.py": "The store alone: messages into a mailbox, synced",
    "inbox.py": "A mailbox of 100,000 messages: a page of it, and finding something",
    "dashboard.py": "The first page of the dashboard with 10,000 sources",
    "inbox_page.py": "The same mailbox in a browser: what its pages cost, in the store and in rendering",
    "memory.py": "What a large message, an endless line and idle connections cost in memory",
    "relay_against_postfix.py": "Mail through to another server, beside Postfix",
    "dead_hosts.py": "What mail for dead hosts costs the mail for living ones",
    "against_postfix.py": "Mail into a mailbox over SMTP, beside Postfix into a Maildir",
}


def main() -> int:
    failed = []
    for script, title in COMPARISONS.items():
        print(f"\n{title} (bench/{script})", flush=True)
        if subprocess.run([sys.executable, HERE / script], check=False).returncode != 0:
            failed.append(script)
    if failed:
        print(f"\nNot met or not measured: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
