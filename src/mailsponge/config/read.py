"""A file becomes a :class:`Config`, or an error that says where, what, and what instead."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from mailsponge.accounts.deliver import Deliver
from mailsponge.auth.verifiers import Verifiers
from mailsponge.config.hops import Hop, Resolver
from mailsponge.config.lines import Source, dotted
from mailsponge.config.machine import Machine, is_hostname
from mailsponge.config.settings import About, Config, Domain, Section, Targets, User
from mailsponge.config.units import Duration, Endpoint, Place, Size
from mailsponge.data_place import DataPlace
from mailsponge.errors import ConfigError

S = TypeVar("S", bound=msgspec.Struct)


class Loaded(NamedTuple):
    """A configuration and the text it came from, for messages about what only shows later."""

    config: Config
    source: Source


def load(path: Path | None, machine: Machine) -> Loaded:
    """Read a configuration file; None is the configuration of a machine where nothing was said.

    Raises ConfigError, also when the file cannot be read.
    """
    if path is None:
        return parse(Source("the default configuration"), machine)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: the configuration cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: the configuration is not UTF-8 (byte {error.start}): save it as UTF-8"
        ) from error
    return parse(Source(str(path), text), machine)


def parse(source: Source, machine: Machine) -> Loaded:
    """Read a configuration's text. Raises ConfigError with file, line, and a suggestion."""
    try:
        table = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source.name}: not TOML: {error}") from error
    nothing = Config(hostname=machine.hostname, data=machine.data, domains={}, users={})
    config = _struct(nothing, table, (), source)
    _check_hostname(config, source)
    return Loaded(_complete(config, machine), source)


def _complete(config: Config, machine: Machine) -> Config:
    """Fill in what depends on another setting or on the machine."""
    ours = (config.hostname, "localhost", "[127.0.0.1]", "[IPv6:::1]")
    return msgspec.structs.replace(
        config,
        domains=config.domains or dict.fromkeys(ours, Domain()),
        users=config.users or {machine.user: User()},
    )


def _check_hostname(config: Config, source: Source) -> None:
    if not is_hostname(config.hostname):
        raise ConfigError(
            f"{source.at('hostname')}: it takes letters, digits, hyphens and dots: mail.example.org"
        )


def _struct(base: S, table: object, path: tuple[str, ...], source: Source) -> S:
    """``base`` with what the table says put in. Every key must be one of its fields."""
    if not isinstance(table, dict):
        raise ConfigError(f"{source.at(*path)} is a table: write [{dotted(path)}] and its settings below")
    fields = {field.name: field.type for field in msgspec.structs.fields(base)}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{source.at(*path, key)} is not a setting. {_suggestion(key, fields)}")
    values = {
        key: _value(fields[key], getattr(base, key), value, (*path, key), source)
        for key, value in table.items()
    }
    return msgspec.structs.replace(base, **values)


def _value(annotated: Any, default: object, value: object, path: tuple[str, ...], source: Source) -> object:
    """One field's value: a table of settings, a table of names, or a single value."""
    kind, about, bounds = _apart(annotated)
    if get_origin(kind) is dict:
        return _names(get_args(kind)[1], about, value, path, source)
    if isinstance(default, msgspec.Struct):
        return _struct(default, value, path, source)
    return _single(Annotated[kind, bounds] if bounds else kind, about, value, path, source)


def _apart(annotated: Any) -> tuple[Any, Any, msgspec.Meta | None]:
    """A field's bare type, what is known about it, and its bounds."""
    kind, *notes = get_args(annotated)
    about = next(note for note in notes if isinstance(note, About | Section))
    return kind, about, next((note for note in notes if isinstance(note, msgspec.Meta)), None)


def _names(
    kind: Any, section: Section, table: object, path: tuple[str, ...], source: Source
) -> dict[str, object]:
    """A table whose keys the user chooses: domains, users, aliases, routes."""
    if not isinstance(table, dict):
        raise ConfigError(f"{source.at(*path)} is a table: write [{dotted(path)}] and the names below")
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {name: _struct(kind(), value, (*path, name), source) for name, value in table.items()}
    about = About(section.takes, why="", left_out="")
    return {name: _single(kind, about, value, (*path, name), source) for name, value in table.items()}


def _single(kind: Any, about: About, value: object, path: tuple[str, ...], source: Source) -> object:
    try:
        return msgspec.convert(value, kind, dec_hook=_read)
    except msgspec.ValidationError as error:
        because = f" ({error.__cause__})" if error.__cause__ else ""
        secret = about.secret or kind is DataPlace  # there may be a password in it
        shown = "that" if secret else _shown(value)
        raise ConfigError(f"{source.at(*path)} cannot be {shown}: it takes {about.takes}{because}") from error


def _shown(value: object) -> str:
    """The value for a message. What stands before the @ of a URL may be a password that should not have been there."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    scheme, is_url, rest = text.partition("://")
    return f"{scheme}://…@{rest.rpartition('@')[2]}" if is_url and "@" in rest else text


def _read(kind: type, value: object) -> object:
    """Read a value of a type of our own: the hook that msgspec calls."""
    reader: Callable[[object], object] = _READERS[kind]
    return reader(value)


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a path is written as text")
    if "://" in value:
        raise ValueError("only a file or a directory can be, nothing on another machine")
    return Path(value).expanduser()


def _targets(value: object) -> Targets:
    return Targets(msgspec.convert([value] if isinstance(value, str) else value, list[str]))


def _verifiers(value: object) -> Verifiers:
    return Verifiers.parse(msgspec.convert([value] if isinstance(value, str) else value, list[str]))


_READERS = {
    Size: Size.parse,
    Duration: Duration.parse,
    Endpoint: Endpoint.parse,
    Place: Place.parse,
    Deliver: Deliver.parse,
    Hop: Hop.parse,
    Resolver: Resolver.parse,
    Path: _path,
    DataPlace: DataPlace.parse,
    Targets: _targets,
    Verifiers: _verifiers,
}


def _suggestion(key: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]}?"
    return f"What can be set here: {', '.join(names)}" if names else "Nothing can be set here"
