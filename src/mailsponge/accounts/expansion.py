"""Where names lead: aliases, and users who have their mail forwarded to someone here, are followed to their ends.

That is done once, when the configuration is read, with what was gone through on the way, to find circles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from mailsponge.accounts import names
from mailsponge.accounts.deliver import Deliver, Kind
from mailsponge.accounts.leads import End, Leads, from_system, wherever
from mailsponge.accounts.names import Where
from mailsponge.accounts.system import Residents
from mailsponge.errors import ConfigError

ALWAYS_THERE: Final = ("postmaster", "root", "abuse")
"""Names that always lead to someone: RFC 5321 (4.5.1) and RFC 2142 ask for two of them, cron writes to the third."""
REPORTER: Final = "mailer-daemon"
"""Who reports about undelivered mail are from. Whoever answers one means the postmaster."""

MOST_ENDS: Final = 10_000
"""That one alias may lead to. More is a mailing list, and wants a program that knows about these."""
LONGEST_WAY: Final = 100
"""Aliases that lead from one to the next."""


class _Name(NamedTuple):
    """A name that the configuration knows."""

    name: str
    """As it is written there."""
    place: str
    """Where it leads is written there."""
    targets: Sequence[str]
    """Empty for a user whose mail ends with them."""
    user: str = ""
    """The name again, if it is a user's."""
    how: str = ""
    """How it leads there."""
    keeps: bool = False
    """Among its targets is its own name, for the user of that name."""


class Expansion:
    """Every name that the configuration knows, and where it leads."""

    def __init__(
        self,
        users: Mapping[str, Deliver],
        aliases: Mapping[str, Sequence[str]],
        domains: Collection[str],
        residents: Residents,
        where: Where,
    ) -> None:
        """``domains`` are ours in all their spellings. Raises ConfigError for names that cannot be."""
        self._domains = domains
        self._residents = residents
        self._names: dict[str, _Name] = {}
        for user, deliver in users.items():
            self._add_user(user, deliver, where)
        for alias, targets in aliases.items():
            self._add_alias(alias, targets, where)
        self._add_always_there(next(iter(users)))
        self._done: dict[str, Leads] = {}

    def every(self) -> dict[str, Leads]:
        """Where every name leads, by its folded spelling. Raises ConfigError for one that leads nowhere, or in a
        circle.
        """
        return {name: self._leads(name, ()) for name in self._names}

    def target(self, text: str, place: str, way: tuple[str, ...] = ()) -> Leads | None:
        """Where an address or a name leads that stands at a ``place`` of the configuration, reached by a ``way`` of
        names; None: it is somebody who does not live here. Raises ConfigError.
        """
        address = names.target(text, place)
        local, domain = address
        if domain and domain not in self._domains:
            return Leads((address,), frozenset(), "")
        name = names.folded(local)
        if name in self._names:
            return self._leads(name, way).at(domain)
        base, plus, _ = name.partition("+")
        if plus and base in self._names:
            return self._leads(base, way).with_detail(base, local.partition("+")[2], domain)
        return from_system(self._residents, local, domain)

    def _add_user(self, user: str, deliver: Deliver, where: Where) -> None:
        place = where("users", user)
        folded = names.folded(names.checked(user, place))
        if folded in self._names:
            raise ConfigError(f"{place} is there twice: upper and lower case are the same")
        if deliver.kind is Kind.FORWARD and self._is_here(deliver.target, place):
            self._names[folded] = _Name(
                user, where("users", user, "deliver"), (deliver.target,), user, f"user {user}, forwarded to"
            )
        else:
            self._names[folded] = _Name(user, place, (), user)

    def _add_alias(self, alias: str, targets: Sequence[str], where: Where) -> None:
        place = where("aliases", alias)
        folded = names.folded(names.checked(alias, place))
        user = self._same_user(folded, targets, place)
        self._names[folded] = _Name(alias, place, targets, user, f"alias {alias} leads to", keeps=bool(user))
        if not targets:
            raise ConfigError(f"{place} leads to nobody: name at least one")

    def _same_user(self, folded: str, targets: Sequence[str], place: str) -> str:
        """The user whom an alias shares its name with: who keeps a copy of what goes to others; empty: nobody."""
        known = self._names.get(folded)
        if known is None:
            return ""
        if not known.user or known.keeps:
            raise ConfigError(f"{place} is there twice: upper and lower case are the same")
        if known.targets:
            raise ConfigError(f"{place} is a user too, whose mail is forwarded: take one of the two away")
        itself = [self._is_itself(folded, target, place) for target in targets]
        if not any(itself) or all(itself):
            raise ConfigError(
                f"{place} is a user too; choose another name for one of them, or let it lead to {known.user} and others"
            )
        return known.user

    def _is_itself(self, folded: str, target: str, place: str) -> bool:
        return self._is_here(target, place) and names.folded(names.target(target, place).local) == folded

    def _add_always_there(self, first: str) -> None:
        for name in ALWAYS_THERE:
            how = f"{name} always leads to someone, here to the first user,"
            self._names.setdefault(name, _Name(name, name, (first,), how=how))
        how = f"{REPORTER} leads to the postmaster,"
        self._names.setdefault(REPORTER, _Name(REPORTER, REPORTER, ("postmaster",), how=how))

    def _is_here(self, target: str, place: str) -> bool:
        domain = names.target(target, place).domain
        return not domain or domain in self._domains

    def _leads(self, name: str, way: tuple[str, ...]) -> Leads:
        if name not in self._done:
            self._done[name] = self._follow(name, way)
        return self._done[name]

    def _follow(self, name: str, way: tuple[str, ...]) -> Leads:
        known = self._names[name]
        if name in way:
            raise ConfigError(
                f"{known.place} goes in a circle: {' -> '.join((*way[way.index(name) :], name))}"
            )
        if len(way) == LONGEST_WAY:
            raise ConfigError(f"{known.place} is the end of a way of {LONGEST_WAY} aliases: make it shorter")
        if not known.targets:
            return Leads.to_user(known.user)
        ends: dict[End, End] = {}
        people = {known.user} if known.user else set()
        for found in self._targets(known, (*way, name)):
            people |= found.people
            for end in found.ends:
                ends.setdefault(wherever(end), end)
        if len(ends) > MOST_ENDS:
            raise ConfigError(
                f"{known.place} leads to {len(ends)} addresses, more than {MOST_ENDS}: a mailing list program does that"
            )
        leads = Leads(tuple(ends.values()), frozenset(people), "")
        return leads._replace(how=f"{known.how} {leads.told}")

    def _targets(self, known: _Name, way: tuple[str, ...]) -> Iterator[Leads]:
        for text in known.targets:
            if known.keeps and self._is_itself(way[-1], text, known.place):
                yield Leads.to_user(known.user)
                continue
            found = self.target(text, known.place, way)
            if found is None:
                raise ConfigError(
                    f"{known.place} leads to {text}, who does not live here: correct the name, or add the user"
                )
            yield found
