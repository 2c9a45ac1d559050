"""The program ``mailsponge``: hand over to the command line, or say what has to be installed for it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; it ends the process."""
    try:
        from mailsponge.cli import main as command_line
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("mailsponge: the command line needs its extra: pip install 'mailsponge[cli]'")
    command_line()


if __name__ == "__main__":
    main()
