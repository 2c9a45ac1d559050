"""Reads the aliases of other mail servers (aliases(5), ``/etc/aliases``), and says of what it cannot take what to do.

    postmaster: root                    # begins with a name and a colon;
    team: me, you@example.net,          # a line that begins with a space
        they@example.net                # goes on with the one above
    "odd name": "|/usr/bin/vacation me", /var/mail/archive, :include:/etc/lists/all

Lists, nested names and addresses elsewhere become aliases. Programs and files belong to users here, who have a way of
delivering; so for these it says which user to make.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mailsponge.accounts import names
from mailsponge.accounts.deliver import Deliver
from mailsponge.errors import AddressError, ConfigError
from mailsponge.mail.address import Address, parse

NOWHERE: Final = "/dev/null"


class Untaken(NamedTuple):
    """Something that cannot be an alias here."""

    line: int
    """From 1: where its entry begins."""
    what: str
    """What it is, as it stands there."""
    why: str
    """What to do instead."""
    user: str = ""
    """The name of a user to make instead; empty: none would help."""
    deliver: str = ""
    """How that user's mail is to be delivered."""


class Read(NamedTuple):
    """What a file of aliases comes to."""

    aliases: dict[str, list[str]]
    """In the order of the file."""
    untaken: list[Untaken]


def read(text: str) -> Read:
    """Read a whole file. Nothing is an error: what cannot be taken is told. Takes time in proportion to the text."""
    found = Read({}, [])
    seen: set[str] = set()
    for number, entry in _entries(text):
        name, targets = _apart(entry)
        if not name or targets is None:
            found.untaken.append(Untaken(number, entry, "it is no entry: write name: address, address"))
        elif names.folded(name) in seen:
            found.untaken.append(Untaken(number, name, "it is there twice; what the first entry says counts"))
        else:
            seen.add(names.folded(name))
            _take(found, number, name, targets)
    return found


def _take(found: Read, number: int, written: str, targets: list[str]) -> None:
    name = _name(written)
    if name is None:
        why = "it cannot be the name of an alias, which is what stands before the @ of an address"
        found.untaken.append(Untaken(number, written, why))
        return
    taken: dict[str, None] = {}
    for target in targets:
        untaken = _untaken(number, name, target, alone=len(targets) == 1)
        if untaken is None:
            taken[_unquoted(target).removeprefix("\\")] = None
        else:
            found.untaken.append(untaken)
    if [names.folded(target) for target in taken] == [names.folded(name)]:
        found.untaken.append(
            Untaken(number, name, "it leads to itself alone, as a user of that name does by being one")
        )
    elif taken:
        found.aliases[name] = list(taken)
    elif not targets:
        found.untaken.append(Untaken(number, name, "it leads to nobody: name at least one"))


def _name(written: str) -> str | None:
    """The name of an alias as a configuration has it, quoted where it has to be; None: it cannot be one."""
    try:
        local = names.checked(written, written)
    except ConfigError:
        return None
    return str(Address(local, "localhost")).rpartition("@")[0]


def _untaken(number: int, name: str, target: str, *, alone: bool) -> Untaken | None:
    """Why a target cannot be one of an alias here; None: it can. ``alone``: the entry has no other."""
    bare = _unquoted(target)
    if bare.startswith("|"):
        way, why = f"pipe:{_unquoted(bare[1:].strip())}", "a program is started for a user"
    elif bare == NOWHERE:
        way, why = "pipe:/bin/true", "mail is thrown away by a program that does nothing with it"
    elif bare.startswith("/"):
        way = f"maildir:{bare.rstrip('/')}" if bare.endswith("/") else f"mbox:{bare}"
        why = "a file is written for a user"
    else:
        return _no_address(number, target, bare)
    try:
        deliver = Deliver.parse(way)
    except ValueError as error:
        return Untaken(number, target, f"{why}, and this one cannot be: {error}")
    if alone:
        return Untaken(number, target, f"{why}; instead of the alias, have", name, str(deliver))
    return Untaken(
        number,
        target,
        f"{why}; have one, and add the name to the list",
        f"{name}-{deliver.kind}",
        str(deliver),
    )


def _no_address(number: int, target: str, bare: str) -> Untaken | None:
    if bare.startswith(":include:"):
        file = bare.removeprefix(":include:")
        return Untaken(
            number, target, f"files are not read along: write the addresses in {file} into the list"
        )
    if bare.startswith(":"):
        return Untaken(number, target, "it is no address: leave it out")
    local = bare.removeprefix("\\")
    try:
        parse(local if "@" in local else f"{local}@localhost", smtputf8=True)
    except AddressError as error:
        return Untaken(number, target, f"it is no address: {error}")
    return None


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines, each with the number of its first: comments left out, those that begin with a space joined."""
    first, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if line[0] in " \t" and parts:
            parts.append(words)
            continue
        if parts:
            yield first, " ".join(parts)
        first, parts = number, [words]
    if parts:
        yield first, " ".join(parts)


def _apart(entry: str) -> tuple[str, list[str] | None]:
    """The name, and the targets; None without a colon between them."""
    pieces = list(_pieces(entry, ":", 1))
    if len(pieces) < 2:
        return pieces[0], None
    return pieces[0], [target for target in _pieces(pieces[1], ",") if target]


def _pieces(text: str, mark: str, most: int = -1) -> Iterator[str]:
    """The text cut at each mark that stands in no quotes, at most so many times."""
    quoted, escaped, begin = False, False, 0
    for at, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\" and quoted:
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == mark and not quoted and most != 0:
            most -= 1
            yield text[begin:at].strip()
            begin = at + 1
    yield text[begin:].strip()


def _unquoted(text: str) -> str:
    """A target without the quotes around all of it, and an address without what stands around its ``<>``."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"')
    if text.endswith(">") and "<" in text:
        return text[text.rindex("<") + 1 : -1].strip()
    return text
