"""Recent runs as a row of coloured cells; each has a shape of its own for whoever does not see colours."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from mailsponge.sponge.model import OK

_GOOD = ("●", "green")
_BAD = ("✖", "bold red")
_UNSEEN = ("·", "dim")


def cells(verdicts: Iterable[int | None]) -> Text:
    """What some runs proved of a source, in the order given."""
    row = Text()
    for verdict in verdicts:
        row.append(*(_UNSEEN if verdict is None else _GOOD if verdict == OK else _BAD))
    return row


def legend() -> Text:
    """What the cells mean."""
    row = Text()
    for (sign, style), word in ((_GOOD, "ok"), (_BAD, "failed"), (_UNSEEN, "not seen")):
        row.append(sign, style)
        row.append(f" {word}   ", "dim")
    row.rstrip()
    return row
