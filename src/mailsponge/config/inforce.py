"""The settings in force, each with where its value comes from: what ``mailsponge config show`` shows."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, get_args

import msgspec

from mailsponge.config.lines import Source, dotted
from mailsponge.config.machine import Machine
from mailsponge.config.read import Loaded
from mailsponge.config.settings import About, Section

Path = tuple[str, ...]

MASK = "***"
"""Stands for a secret that is set."""

_OF_THE_MACHINE = ("hostname", "data", "users")
"""What :class:`Machine` says; of users, only the name."""


class Origin(StrEnum):
    """What kind of place a value comes from."""

    COMMAND_LINE = "command line"
    FILE = "file"
    ENVIRONMENT = "environment"
    MACHINE = "machine"
    DEFAULT = "default"


class InForce(NamedTuple):
    """One setting, or the head of a table of them."""

    path: Path
    value: object
    """As the configuration has it, a secret that is set as :data:`MASK`; None where nothing is set, and for a table."""
    origin: Origin
    place: str
    """The file and the line, or the variable; ``""`` where the origin says it all."""
    about: About | Section | None
    """None for a name in a table of names, of which the table has said it."""
    is_table: bool

    @property
    def key(self) -> str:
        """``limits.message_size``, as TOML would have it."""
        return dotted(self.path)

    @property
    def name(self) -> str:
        """``message_size``: the key within its table."""
        return dotted(self.path[-1:])


def in_force(loaded: Loaded, machine: Machine, overridden: Collection[str] = ()) -> Iterator[InForce]:
    """Every setting in the order of a file, single ones before tables; ``overridden`` are the keys that the command
    line has decided.
    """
    return _Listing(loaded.source, machine, overridden).of(loaded.config, ())


class _Listing:
    """Goes through a configuration, with what says where each value is from."""

    def __init__(self, source: Source, machine: Machine, overridden: Collection[str]) -> None:
        self._source = source
        self._said = tomllib.loads(source.text)
        self._machine = machine
        self._overridden = overridden

    def of(self, struct: msgspec.Struct, path: Path) -> Iterator[InForce]:
        """The settings of a table, and of the tables in it."""
        fields = [(field.name, _about(field.type)) for field in msgspec.structs.fields(struct)]
        for name, about in sorted(fields, key=lambda field: isinstance(field[1], Section)):
            value = getattr(struct, name)
            here = (*path, name)
            if isinstance(about, About):
                yield self._single(here, value, about)
            else:
                yield self._table(here, about)
                is_struct = isinstance(value, msgspec.Struct)
                yield from self.of(value, here) if is_struct else self._names(value, here)

    def _names(self, named: Mapping[str, object], path: Path) -> Iterator[InForce]:
        """A table whose keys the user chooses."""
        for name, value in named.items():
            here = (*path, name)
            if isinstance(value, msgspec.Struct):
                yield self._table(here, None)
                yield from self.of(value, here)
            else:
                yield self._single(here, value, None)

    def _table(self, path: Path, about: Section | None) -> InForce:
        return InForce(path, None, *self._from(path), about, is_table=True)

    def _single(self, path: Path, value: object, about: About | None) -> InForce:
        is_set = value is not None and value != ""
        shown = MASK if is_set and about is not None and about.secret else value if is_set else None
        return InForce(path, shown, *self._from(path), about, is_table=False)

    def _from(self, path: Path) -> tuple[Origin, str]:
        if dotted(path) in self._overridden:
            return Origin.COMMAND_LINE, ""
        if _is_in(self._said, path):
            return Origin.FILE, self._source.place(*path)
        if path == ("data",) and self._machine.data_from:
            return Origin.ENVIRONMENT, f"${self._machine.data_from}"
        if path[0] in _OF_THE_MACHINE and len(path) < 3:
            return Origin.MACHINE, ""
        return Origin.DEFAULT, ""


def _about(annotated: Any) -> About | Section:
    return next(note for note in get_args(annotated) if isinstance(note, About | Section))


def _is_in(table: object, path: Path) -> bool:
    for key in path:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True
