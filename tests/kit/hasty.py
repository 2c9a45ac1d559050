"""``mailsponge serve`` that waits less long for its database, or for others, than one does outside of tests.

python hasty.py 1 30 serve --config FILE       claims are renewed every second, and run out after five
python hasty.py 60 1 serve --config FILE       a database that was lost in the middle of a commit is waited for
                                               a second
"""

from __future__ import annotations

import sys

from mailsponge.store import protocol
from mailsponge.store.postgres import node


def main() -> None:
    protocol.CLAIM_RENEWED, node.PATIENCE = map(float, sys.argv[1:3])  # type: ignore[misc]
    del sys.argv[1:3]
    # What goes by these is loaded only now.
    from mailsponge.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
