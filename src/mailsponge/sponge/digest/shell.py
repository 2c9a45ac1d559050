"""Commands to copy: a POSIX shell takes each word for what it is, whatever a name holds, and runs nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mailsponge.sponge.digest.letter import Command
from mailsponge.sponge.model import JOB_ITSELF, Mail

_LONGEST: Final = 1000
"""Characters of a word; nobody copies more, and a word that was cut would name something else."""
_PATTERN: Final = re.compile(r"([*?\[])")


def word(text: str) -> str | None:
    """The text as one word of a shell; None if it cannot be typed.

    What does not print is written in octal, byte by byte, within ``$'…'`` (POSIX 2024; bash, zsh, ksh, busybox). An
    older shell takes that for a longer name: no quote stands inside that it could end at.
    """
    if text and all(c.isascii() and (c.isalnum() or c in "-_./") for c in text):
        quoted = text
    elif text.isprintable():
        quoted = "'" + text.replace("'", "'\\''") + "'"
    else:
        try:
            quoted = "$'" + "".join(map(_octal, text)) + "'"
        except UnicodeEncodeError:
            return None
    return quoted if len(quoted) <= _LONGEST and "\0" not in text else None


def _octal(letter: str) -> str:
    if letter.isprintable() and letter not in "'\\":
        return letter
    return "".join(f"\\{byte:03o}" for byte in letter.encode("utf-8", "surrogateescape"))


def of_failing(job: str, source: str) -> list[Command]:
    """What to do about a source that fails; nothing if its name, or its job's, cannot be typed."""
    return _typable(
        ("see its whole log", line("show", _named(job, source))),
        ("quiet until it works", line("ack", (job, source))),
        ("quiet for a day", line("silence", (job, _exactly(source)), " --for '1 day'")),
    )


def of_well(job: str, source: str) -> list[Command]:
    """What to look at once a source is well again."""
    return _typable(("see how it went", line("history", _named(job, source))))


def of_gone(job: str, source: str) -> list[Command]:
    """What to do about a source that is no more."""
    return _typable(("forget it, if it is no more", line("forget", (job, source))))


def of_missed(job: str) -> list[Command]:
    """What to do about a job that does not run."""
    return _typable(
        ("see its last runs", line("history", (job,))),
        ("quiet for a day", line("silence", (job,), " --for '1 day'")),
    )


def of_job(job: str, is_much: bool) -> list[Command]:
    """What to do about the whole job; if its name cannot be typed, all jobs are shown."""
    status = line("status", (job,)) or "mailsponge status"
    silence = line("silence", (job,), " --for '1 day'") if is_much else None
    return _typable(("See how all its sources stand", status), ("All of it quiet for a day", silence))


def of_refused(mails: Sequence[Mail]) -> list[Command]:
    """What to do about mails that were refused."""
    see = [("see what it said", line("outbox show", (mail.id,))) for mail in mails]
    return _typable(*see, ("try again, once that is mended", "mailsponge outbox send"))


def _typable(*commands: tuple[str, str | None]) -> list[Command]:
    return [Command(what, line) for what, line in commands if line is not None]


def _named(job: str, source: str) -> tuple[str, ...]:
    return (job,) if source == JOB_ITSELF else (job, source)


def _exactly(source: str) -> str:
    """A pattern that matches this name and no other."""
    return _PATTERN.sub(r"[\1]", source)


def line(command: str, words: tuple[str, ...], options: str = "") -> str | None:
    """A command of mailsponge's with these words; None if one of them cannot be typed."""
    quoted = [word(each) for each in words]
    known = [each for each in quoted if each is not None]
    if len(known) < len(quoted):
        return None
    # A name that looks like an option stands behind all options.
    if any(each.startswith("-") for each in words):
        return " ".join([f"mailsponge {command}{options} --", *known])
    return " ".join([f"mailsponge {command}", *known]) + options
