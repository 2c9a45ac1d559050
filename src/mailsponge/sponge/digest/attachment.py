"""The whole log, compressed, for when a mail can show only a part of it. Bounded in size, whatever was logged."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from mailsponge import clean, clock
from mailsponge.sponge.digest import words
from mailsponge.sponge.model import JOB_ITSELF, Excerpt, Record, level_name

FILE_NAME: Final = "log.txt.gz"

MOST_OF_A_TEXT: Final = 1_000_000
"""Characters of each end of one text: a record can be as large as memory, and a program's end is not to wait for it."""
MOST_RECORDS: Final = 20_000
"""Records of each end of one source's log; a run that logs more has logged it all in the ledger."""
_MOST_BYTES: Final = 5_000_000
_MOST_CHARACTERS: Final = 50_000_000
"""How large it becomes: compressed, and before."""
_MARGIN: Final = 300_000
"""Bytes that the compressor may still hold back, and the last note."""
_PIECE: Final = 65_536
_CUT: Final = (
    "\n… cut here: this is as much as a mail can carry; all of it is in the ledger, see mailsponge show\n"
)
_GZIP: Final = 31
"""zlib's word for the gzip format; it writes no name and no time, so that the same log gives the same bytes."""


def compressed(texts: Iterable[str], most_bytes: int = _MOST_BYTES, most: int = _MOST_CHARACTERS) -> bytes:
    """The texts one after the other as a gzip file, read as they come, and cut where they would become too much."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    packed = bytearray()
    for piece in _pieces(texts):
        packed += packer.compress(piece.encode("utf-8", "backslashreplace"))
        most -= len(piece)
        if most < 0 or len(packed) > most_bytes - _MARGIN:
            packed += packer.compress(_CUT.encode())
            break
    return bytes(packed + packer.flush())


def _pieces(texts: Iterable[str]) -> Iterator[str]:
    """The same in pieces that are neither very small nor very large."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= _PIECE:
            joined = "".join(waiting)
            yield from (joined[at : at + _PIECE] for at in range(0, size, _PIECE))
            waiting, size = [], 0
    yield "".join(waiting)


def heading(text: str) -> str:
    """A line above what follows."""
    return f"\n=== {text} ===\n\n"


def excerpt(log: Excerpt) -> Iterator[str]:
    """A source's log in one run."""
    yield from map(line, log.first)
    if log.hidden:
        yield f"\n… {words.counted(log.hidden, 'record')} left out here; see mailsponge show …\n\n"
    yield from map(line, log.last)


def line(record: Record) -> str:
    """One record, as good as whole: its moment, level, logger, source and message, and the traceback below."""
    before = ""
    if not record.laid_out:
        moment = clock.local(record.at).isoformat(" ", "milliseconds")
        before = f"{moment} {level_name(record.level)} {clean.line(record.logger)}: "
    if record.source != JOB_ITSELF:
        before += f"[{clean.line(record.source)}] "
    text = words.cleaned(record.text, MOST_OF_A_TEXT).rstrip("\n").replace("\n", "\n    ")
    if record.detail:
        text += "\n    " + words.cleaned(record.detail, MOST_OF_A_TEXT).rstrip("\n").replace("\n", "\n    ")
    return f"{before}{text}\n"
