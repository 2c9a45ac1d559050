"""Where a name leads: its ends, who may call it theirs, and how people are told."""

from __future__ import annotations

from typing import NamedTuple

from mailsponge.accounts import names
from mailsponge.accounts.system import Residents
from mailsponge.mail.address import Address


class Lives(NamedTuple):
    """A way ends with someone who lives here."""

    user: str
    detail: str = ""
    """What follows the plus."""
    domain: str = ""
    """At which domain they are written to; empty: at the one where the mail was."""

    def __str__(self) -> str:
        return f"{self.user}+{self.detail}" if self.detail else self.user


End = Lives | Address
"""With someone who lives here, or with an address elsewhere."""


class Leads(NamedTuple):
    """Where a name leads."""

    ends: tuple[End, ...]
    """Each once, at least one."""
    people: frozenset[str]
    """Users at the ends, and those on the way who have their mail forwarded."""
    how: str
    """For people."""

    @classmethod
    def to_user(cls, name: str) -> Leads:
        """To somebody whose mail ends with them."""
        return cls((Lives(name),), frozenset({name}), f"user {name}")

    @property
    def told(self) -> str:
        """The ends, for people."""
        return names.listed(self.ends)

    def at(self, domain: str) -> Leads:
        """The same for a name that was written with a domain of ours, or (empty) with none."""
        return self._replace(ends=tuple(_end_at(domain, end) for end in self.ends)) if domain else self

    def with_detail(self, base: str, detail: str, domain: str) -> Leads:
        """The same for the name, ``base`` when folded, with a plus and what follows it: that is for the user of that
        name to see, and for nobody behind an alias.
        """
        ends = tuple(
            Lives(end.user, detail, domain)
            if isinstance(end, Lives) and names.folded(end.user) == base
            else end
            for end in self.ends
        )
        if len(ends) == 1 and ends != self.ends:
            return Leads(ends, self.people, f"plus address of {self.told}")
        return Leads(ends, self.people, f"plus address of {base}, which leads to {self.told}")


def from_system(residents: Residents, local: str, domain: str) -> Leads | None:
    """Where a name leads by the word of the system alone."""
    base, _, detail = local.partition("+")
    name = names.folded(base)
    at = residents.domain_of(name, domain)
    if not at:
        return None
    how = f"plus address of system user {name}" if detail else f"system user {name}"
    return Leads((Lives(name, detail, at),), frozenset({name}), how)


def wherever(end: End) -> End:
    """The end, so that it is the same at each domain of ours."""
    return end if isinstance(end, Address) else end._replace(domain="")


def _end_at(domain: str, end: End) -> End:
    return end if isinstance(end, Address) or end.domain else end._replace(domain=domain)
