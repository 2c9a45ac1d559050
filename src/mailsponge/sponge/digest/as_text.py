"""The letter as plain text: for any mail reader, a terminal, or a pager on a serial line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mailsponge import clean
from mailsponge.sponge.digest.letter import (
    LEGEND,
    WORDS,
    Command,
    Entry,
    Gap,
    Letter,
    Log,
    Section,
    left_out,
    sign,
)

_SIGNS: Final = ("+", "X", ".")
"""OK, FAILED, NOT SEEN. ASCII: what else there is, some reader at night shows as a question mark."""
_KIND: Final = max(map(len, ("RECOVERED", "FLAPPING")))


def text(letter: Letter) -> str:
    """All that the letter says. Its lines may be long; a reader wraps them."""
    parts = [_overview(letter.overview)] if letter.overview else []
    explained = False
    for section in letter.sections:
        parts.append("\n".join(_section(section, letter.attached, explained)))
        explained = explained or bool(section.recent)
    if letter.others:
        parts.append("\n".join(_others(letter)))
    parts += ["\n".join(_section(s, letter.attached)) for s in (letter.gathered, letter.refused) if s]
    commands = (f"{command.what}: {command.line}\n" for command in letter.commands)
    parts.append(f"-- \n{letter.sender}\n{''.join(commands)}")
    return clean.block("\n\n".join(parts))


def _overview(sections: Iterable[Section]) -> str:
    return "\n".join(["In short:", *(f"    {s.kind:{_KIND}}  {s.name} {s.said}" for s in sections)])


def _others(letter: Letter) -> Iterator[str]:
    yield "And:"
    for name, said in letter.others:
        yield f"  {name} {said}"
    if letter.unnamed:
        yield f"  … and {letter.unnamed} more{f', in the attached {letter.attached}' if letter.attached else ''}"


def _section(section: Section, attached: str, explained: bool = True) -> Iterator[str]:
    yield f"{section.kind}  {section.name} {section.said}"
    for fact in section.facts:
        yield f"    {fact.label} {fact.value}"
    if section.recent:
        yield f"    recent runs: {_picture(section.recent)}"
        if not explained:
            yield f"                 {_legend()}"
    for log in section.logs:
        yield ""
        yield from _log(log, attached)
    if section.commands:
        yield ""
        yield from _commands(section.commands)


def _picture(verdicts: Iterable[int | None]) -> str:
    return " ".join(_SIGNS[sign(verdict)] for verdict in verdicts)


def _legend() -> str:
    signs = ", ".join(f"{sign} {word}" for sign, word in zip(_SIGNS, WORDS, strict=True))
    return f"({LEGEND}: {signs})"


def _log(log: Log, attached: str) -> Iterator[str]:
    yield f"    {log.heading}"
    if log.items:
        yield ""
    for item in log.items:
        if isinstance(item, Gap):
            yield f"    {left_out(item, attached)}"
        else:
            yield from _entry(item)


def _entry(entry: Entry) -> Iterator[str]:
    first, *rest = entry.lines
    yield f"    {entry.before}{first}"
    yield from (f"        {line}" for line in rest)
    yield from (f"      {line}" for line in entry.detail)


def _commands(commands: Sequence[Command]) -> Iterator[str]:
    wide = max(len(command.what) for command in commands)
    for command in commands:
        yield f"    {command.what + ':':{wide + 1}}  {command.line}"
