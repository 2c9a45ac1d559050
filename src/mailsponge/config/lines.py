"""In which line of a TOML text a key stands. For messages alone: tomllib gives values, not places."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

Path = tuple[str, ...]


class Source(NamedTuple):
    """A configuration's text and its name, to say where something stands."""

    name: str
    text: str = ""

    def at(self, *path: str) -> str:
        """``file:line: limits.recipients``; without the line when the key is not in the text."""
        return f"{self.place(*path)}: {dotted(path)}"

    def place(self, *path: str) -> str:
        """``file:line``, of the key or of the nearest table around it; the file alone when neither is in the text."""
        lines = _lines(self.text)
        line = next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None)
        return f"{self.name}:{line}" if line else self.name


def dotted(path: Path) -> str:
    """The key as TOML would have it: ``domains."example.org"``."""
    return ".".join(_quoted(part) for part in path)


def _quoted(part: str) -> str:
    plain = part.isascii() and part.replace("-", "").replace("_", "").isalnum()
    return part if plain else f'"{"".join(map(_character, part))}"'


def _character(letter: str) -> str:
    """A character of a quoted key: TOML knows no other escapes than these for all that is not plain."""
    if letter.isascii() and letter.isprintable() and letter not in '"\\':
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


@lru_cache(maxsize=1)
def _lines(text: str) -> Mapping[Path, int]:
    """Each key path and the first line (from 1) that names it."""
    found: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        head = line.strip()
        if head.startswith("["):
            table = _keys(head.split("#")[0].strip().strip("[]")) or table
            _note(found, table, number)
        elif "=" in head:
            _note(found, table + _keys(head.split("=")[0]), number)
    return found


def _note(found: dict[Path, int], path: Path, number: int) -> None:
    for end in range(1, len(path) + 1):
        found.setdefault(path[:end], number)


def _keys(text: str) -> Path:
    """The parts of a dotted TOML key, read by TOML itself; () when it is none."""
    try:
        value: object = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(value, dict):
        key, value = next(iter(value.items()))
        path.append(key)
    return tuple(path)
