"""Who lives here: domains, users, aliases, and the mailboxes an address leads to.

A name is looked up as it is; else, if it has a plus, by what stands before it (``me+news`` is for ``me``); else it is
for whom its domain's catch-all names. Everything is worked out once, when the configuration is read; a look-up is a few
dictionary reads. Names are compared without regard to case: RFC 5321 (section 2.4) lets each host decide, and nobody
wants Me and me to be two people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple
from unicodedata import normalize

from mailsponge.errors import AddressError, ConfigError
from mailsponge.mail.address import Address, parse

ALWAYS_THERE = ("postmaster", "root", "abuse")
"""Names that always lead to someone: RFC 5321 (4.5.1) and RFC 2142 ask for two of them, cron writes to the third."""


Where = Callable[..., str]
"""Says where a setting stands, given the parts of its key: ``where("aliases", "team")``."""


class Found(NamedTuple):
    """An address of someone who lives here."""

    mailboxes: tuple[str, ...]
    """Distinct names of mailboxes, at least one."""
    how: str
    """How the address leads there, for people: ``user me``, ``alias team leads to me and you``, ``plus address of me``,
    ``catch-all of example.org leads to me``."""


class Absent(Enum):
    """Why an address leads nowhere."""

    NO_SUCH_USER = "nobody of that name lives here"
    NOT_OUR_DOMAIN = "that domain is not ours"


def _dotted(*path: str) -> str:
    return ".".join(path)


class Accounts:
    """Domains, users, aliases and catch-alls. Immutable once made."""

    __slots__ = ("_by_name", "_catch_all", "_domains", "domains", "users")

    def __init__(
        self,
        domains: Iterable[str],
        users: Sequence[str],
        aliases: Mapping[str, Sequence[str]] | None = None,
        catch_all: Mapping[str, str] | None = None,
        *,
        where: Where = _dotted,
    ) -> None:
        """Take the names as the configuration has them; ``where(table, key, …)`` says for a message where one stands.

        ``catch_all`` has for a domain the user or the alias who gets what is for nobody else there. Raises ConfigError
        for a name that cannot be, and for an alias or a catch-all that leads nowhere, outside, or in a circle.
        """
        self.users = tuple(users)
        spelled = {name: _spellings(_domain(name, where)) for name in domains}
        self.domains = tuple(spelled)
        """As the configuration names them."""
        self._domains = frozenset(["", *(form for forms in spelled.values() for form in forms)])
        self._by_name = _directory(self.users, dict(aliases or {}), self._domains, where)
        self._catch_all = {
            form: self._caught(name, target, where)
            for name, target in (catch_all or {}).items()
            for form in spelled[name]
        }

    def mailboxes_for(self, address: Address) -> Found | Absent:
        """Where mail to the address goes, or why nowhere. The bare ``<postmaster>`` (no domain) is always found."""
        local, domain = address
        if domain not in self._domains:
            return Absent.NOT_OUR_DOMAIN
        name = _folded(local)
        found = self._by_name.get(name)
        if found is None and "+" in name:
            found = self._plus(name)
        if found is None:
            found = self._catch_all.get(domain)
        return Absent.NO_SUCH_USER if found is None else found

    def login_name(self, login: str) -> str:
        """The one spelling of a name that somebody logs in with: ``me`` for ``ME`` and for ``me@`` a domain of ours.

        Works alike for those who live here and those who do not, so that it tells nobody who does.
        """
        try:
            local, domain = parse(login if "@" in login else f"{login}@localhost", smtputf8=True)
        except AddressError:
            return _folded(login)
        ours = "@" not in login or domain in self._domains
        return _folded(local) if ours else f"{_folded(local)}@{domain}"

    def names_of(self, user: str) -> tuple[str, ...]:
        """The names whose mail comes to a user, among others or alone; the user's own is the first."""
        names = [name for name, found in self._by_name.items() if user in found.mailboxes]
        return tuple(sorted(names, key=lambda name: name != _folded(user)))

    def _plus(self, name: str) -> Found | None:
        base = name.partition("+")[0]
        found = self._by_name.get(base)
        if found is None:
            return None
        if [_folded(mailbox) for mailbox in found.mailboxes] == [base]:
            return Found(found.mailboxes, f"plus address of {found.mailboxes[0]}")
        return Found(found.mailboxes, f"plus address of {base}, which leads to {_listed(found.mailboxes)}")

    def _caught(self, domain: str, target: str, where: Where) -> Found:
        place = where("domains", domain, "catch_all")
        found = self._by_name.get(_local(target, place, self._domains))
        if found is None:
            raise ConfigError(
                f"{place} leads to {target!r}, who does not live here: name a user or an alias there is"
            )
        return Found(found.mailboxes, f"catch-all of {domain} leads to {_listed(found.mailboxes)}")


def _folded(name: str) -> str:
    return name.lower() if name.isascii() else normalize("NFC", name).lower()


def _domain(name: str, where: Where) -> str:
    """The domain in the spelling that a parsed address has."""
    try:
        return parse(f"me@{name}", smtputf8=True).domain
    except ValueError:
        raise ConfigError(f"{where('domains', name)} is no domain: write one such as example.org") from None


def _spellings(domain: str) -> set[str]:
    """A domain with letters beyond ASCII may be written with them or in its ``xn--`` form (RFC 5891)."""
    try:
        other = domain.encode().decode("idna") if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return {domain}
    return {domain, other}


def _directory(
    users: tuple[str, ...], aliases: dict[str, Sequence[str]], domains: frozenset[str], where: Where
) -> dict[str, Found]:
    """Every name that is someone here, in its folded spelling, and where it leads."""
    if not users:
        raise ConfigError("nobody lives here: name at least one user, such as [users.me]")
    people = _people(users, where)
    for name in ALWAYS_THERE:
        if name not in people and not any(_folded(alias) == name for alias in aliases):
            people[name] = Found(
                (users[0],), f"{name} always leads to someone, here to {users[0]}, the first user"
            )
    expansion = _Expansion(
        people, {_folded(name): (name, to) for name, to in aliases.items()}, domains, where
    )
    return {**people, **{name: expansion.found(name) for name in expansion.aliases}}


def _people(users: tuple[str, ...], where: Where) -> dict[str, Found]:
    people: dict[str, Found] = {}
    for user in users:
        name = _folded(_name(user, where("users", user)))
        if name in people:
            raise ConfigError(f"{where('users', user)} is there twice: upper and lower case are the same")
        people[name] = Found((user,), f"user {user}")
    return people


def _name(text: str, place: str) -> str:
    """Check a user's or an alias's name: what may stand before the @."""
    try:
        return parse(f"{text}@localhost", smtputf8=True).local
    except ValueError:
        raise ConfigError(f"{place} cannot be a name: it is what stands before the @ of an address") from None


class _Expansion:
    """Follows aliases to the people at their ends, once, with what it went through to find circles."""

    def __init__(
        self,
        people: dict[str, Found],
        aliases: dict[str, tuple[str, Sequence[str]]],
        domains: frozenset[str],
        where: Where,
    ) -> None:
        self.aliases = aliases
        self._people = people
        self._domains = domains
        self._where = where
        self._done: dict[str, list[str]] = {}
        for folded, (name, _) in aliases.items():
            _name(name, where("aliases", name))
            if folded in people:
                raise ConfigError(
                    f"{where('aliases', name)} is a user too; choose another name for one of them"
                )

    def found(self, alias: str) -> Found:
        """Where an alias leads. Raises ConfigError."""
        mailboxes = tuple(self._follow(alias, ()))
        return Found(mailboxes, f"alias {self.aliases[alias][0]} leads to {_listed(mailboxes)}")

    def _follow(self, alias: str, way: tuple[str, ...]) -> list[str]:
        if alias not in self._done:
            self._done[alias] = list(dict.fromkeys(self._expand(alias, way)))
        return self._done[alias]

    def _expand(self, alias: str, way: tuple[str, ...]) -> Iterator[str]:
        name, targets = self.aliases[alias]
        place = self._where("aliases", name)
        if alias in way:
            raise ConfigError(f"{place} goes in a circle: {' -> '.join((*way[way.index(alias) :], alias))}")
        if not targets:
            raise ConfigError(f"{place} leads to nobody: name at least one")
        for target in targets:
            yield from self._mailboxes(_local(target, place, self._domains), (*way, alias), place)

    def _mailboxes(self, target: str, way: tuple[str, ...], place: str) -> Sequence[str]:
        if target in self._people:
            return self._people[target].mailboxes
        if target in self.aliases:
            return self._follow(target, way)
        raise ConfigError(
            f"{place} leads to {target}, who does not live here: correct the name, or add the user"
        )


def _local(target: str, place: str, domains: frozenset[str]) -> str:
    """The folded name of a target that may be written with one of our domains. Raises ConfigError."""
    if "@" not in target:
        return _folded(target)
    try:
        address = parse(target, smtputf8=True)
    except AddressError as error:
        raise ConfigError(f"{place} leads to no address: {error}") from None
    if address.domain in domains:
        return _folded(address.local)
    raise ConfigError(
        f"{place} leads to {target}, outside: mail cannot be sent on yet, only names of those who live here can be"
    )


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
