"""What a mail says, before it is text or HTML. Every text in here is clean: one line, that drives no terminal."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """Something to know of a source, to be read as one line: ``since Sat 18 Jan 2025, 03:07 CET``."""

    label: str
    value: str


class Command(NamedTuple):
    """A line for a shell, to be copied as it is."""

    what: str
    """What it is good for: ``quiet for a day``."""
    line: str


class Entry(NamedTuple):
    """One record as it is shown."""

    before: str
    """When, how bad and by whom, up to where the message begins; empty if the user's own layout has said it."""
    lines: tuple[str, ...]
    """The message; at least one line."""
    detail: tuple[str, ...]
    """The traceback."""
    failed: bool
    """It is what failed the source."""


class Gap(NamedTuple):
    """Here something is left out."""

    hidden: int
    """How many records; 0 if another gap of the same log counts them."""


class Log(NamedTuple):
    """Some records under a heading."""

    heading: str
    items: tuple[Entry | Gap, ...]
    is_whole: bool = True
    """Whether all of it is shown."""


class Section(NamedTuple):
    """One thing that the mail tells of."""

    kind: str
    """``NEW``, …, ``DIGEST``, ``REFUSED``."""
    name: str
    """Whose section it is."""
    said: str
    """What happened, to be put after the name."""
    facts: tuple[Fact, ...] = ()
    recent: tuple[int | None, ...] = ()
    """The last verdicts, oldest first; as :meth:`.News.recent` gives them."""
    logs: tuple[Log, ...] = ()
    commands: tuple[Command, ...] = ()


class Letter(NamedTuple):
    """One mail."""

    subject: str
    overview: tuple[Section, ...]
    """What comes, if that is more than can be seen at once."""
    sections: tuple[Section, ...]
    others: tuple[tuple[str, str], ...]
    """(name, what happened) of flips that are named alone."""
    unnamed: int
    """How many flips are not even named."""
    gathered: Section | None
    refused: Section | None
    attached: str
    """The name of the attached log; empty if there is none."""
    sender: str
    commands: tuple[Command, ...]
    """What concerns the whole job."""


LEGEND = "oldest first"
WORDS = ("ok", "failed", "not seen")
"""What the three signs of recent runs mean, in the order of :func:`sign`."""


def sign(verdict: int | None) -> int:
    """Which sign stands for a verdict: 0 for OK, 1 for FAILED, 2 for NOT SEEN."""
    return 2 if verdict is None else int(verdict != 0)


def left_out(gap: Gap, attached: str) -> str:
    """What stands where something is left out."""
    if not gap.hidden:
        return "…"
    where = f"in the attached {attached}" if attached else "which the command below shows"
    return f"… {gap.hidden} more, {where} …"
