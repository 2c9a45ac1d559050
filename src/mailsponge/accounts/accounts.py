"""Who lives here: domains, users, aliases, and where an address leads.

A name is looked up as it is; else, if it has a plus, by what stands before it (``me+news`` is for ``me``); else among
the users of this machine, where a domain is theirs, too; else it is for whom its domain's catch-all names. All that the
configuration says is worked out once, when it is read; a look-up is a few dictionary reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from mailsponge.accounts import names
from mailsponge.accounts.deliver import IN_A_MAILBOX, USER, Deliver, Kind
from mailsponge.accounts.expansion import Expansion
from mailsponge.accounts.found import Absent, Found, Onward
from mailsponge.accounts.leads import Leads, Lives, from_system
from mailsponge.accounts.names import Where
from mailsponge.accounts.system import Residents
from mailsponge.errors import AddressError, ConfigError
from mailsponge.mail.address import Address, parse


class Accounts:
    """Domains, users, aliases and catch-alls. Immutable once made; only who is a user of this machine may change."""

    __slots__ = (
        "_by_name",
        "_catch_all",
        "_deliver",
        "_domains",
        "_hostname",
        "_locals",
        "_residents",
        "changing",
        "domains",
        "first",
        "users",
    )

    def __init__(
        self,
        domains: Iterable[str],
        users: Sequence[str],
        aliases: Mapping[str, Sequence[str]] | None = None,
        catch_all: Mapping[str, str] | None = None,
        *,
        deliver: Mapping[str, Deliver] | None = None,
        system: Mapping[str, Deliver] | None = None,
        is_system_user: Callable[[str], bool] = lambda name: False,
        hostname: str = "",
        where: Where = names.dotted,
    ) -> None:
        """Take the names as the configuration has them; ``where(table, key, …)`` says for a message where one stands.

        ``catch_all`` has for a domain the user or the alias who gets what is for nobody else there. ``deliver`` has for
        a user how their mail is delivered, if not into a mailbox of the post office. ``system`` has the domains where
        users of this machine are recipients, and how it is delivered for them, ``{user}`` standing for the name;
        ``is_system_user`` says of a name in lower case whether it is one. ``hostname`` is what this server calls
        itself: reports come from there, and what programs send, so whoever answers finds the first domain.

        Raises ConfigError for a name that cannot be, and for an alias, a forward or a catch-all that leads nowhere or
        in a circle.
        """
        self.users = tuple(users)
        if not users:
            raise ConfigError("nobody lives here: name at least one user, such as [users.me]")
        spelled = {name: names.spellings(names.domain(name, where, "domains")) for name in domains}
        self.domains = tuple(spelled)
        """As the configuration names them."""
        ours = {form for forms in spelled.values() for form in forms}
        self._hostname = "" if hostname.lower() in ours else hostname.lower()
        self._domains = frozenset(["", self._hostname, *ours])
        self.first = names.domain(self.domains[0], where, "domains")
        """The first of them, in the spelling that a parsed address has."""
        ways = {
            form: _for_many(way, name, where)
            for name, way in (system or {}).items()
            for form in spelled[name]
        }
        self._residents = Residents(ways, is_system_user)
        self.changing = bool(self._residents.ways)
        """The same address may lead somewhere else in a minute: users of this machine come and go."""
        own = deliver or {}
        self._deliver = {user: own.get(user, IN_A_MAILBOX) for user in self.users}
        expansion = Expansion(self._deliver, aliases or {}, self._domains, self._residents, where)
        self._by_name = expansion.every()
        self._locals = {user: names.checked(user, where("users", user)) for user in self.users}
        self._catch_all = {
            form: _caught(expansion, name, target, where)
            for name, target in (catch_all or {}).items()
            for form in spelled[name]
        }

    def is_ours(self, domain: str) -> bool:
        """Whether mail for the domain, as a parsed address spells it, stays here; so it does without one."""
        return domain in self._domains

    def at_home(self, address: Address) -> Address:
        """The same address at the first domain, unless it is at one that the configuration names."""
        named = address.domain in self._domains and address.domain != self._hostname
        return address if named else Address(address.local, self.first)

    def find(self, address: Address) -> Found | Absent:
        """Where mail to the address goes, or why nowhere. The bare ``<postmaster>`` (no domain) is always found."""
        local, domain = address
        if domain not in self._domains:
            return Absent.NOT_OUR_DOMAIN
        if domain == self._hostname:
            domain = self.first
        leads = self._by_name.get(names.folded(local)) or self._less_exactly(local, domain)
        return Absent.NO_SUCH_USER if leads is None else self._found(leads, domain or self.first)

    def deliver(self, user: str, domain: str) -> Deliver | None:
        """How mail to a user at a domain of ours is delivered, both as `find` spells them; None: nobody of that name
        lives here any more.
        """
        return self._deliver.get(user) or self._residents.way(user, domain)

    def login_name(self, login: str) -> str:
        """The one spelling of a name that somebody logs in with: ``me`` for ``ME`` and for ``me@`` a domain of ours.

        Works alike for those who live here and those who do not, so that it tells nobody who does.
        """
        try:
            local, domain = parse(login if "@" in login else f"{login}@localhost", smtputf8=True)
        except AddressError:
            return names.folded(login)
        ours = "@" not in login or domain in self._domains
        return names.folded(local) if ours else f"{names.folded(local)}@{domain}"

    def names_of(self, user: str) -> tuple[str, ...]:
        """The names whose mail comes to a user, among others or alone; the user's own is the first."""
        theirs = [name for name, leads in self._by_name.items() if user in leads.people]
        return tuple(sorted(theirs, key=lambda name: name != names.folded(user)))

    def _less_exactly(self, local: str, domain: str) -> Leads | None:
        base, plus, detail = local.partition("+")
        folded = names.folded(base)
        if plus and folded in self._by_name:
            return self._by_name[folded].with_detail(folded, detail, domain)
        return from_system(self._residents, local, domain) or self._catch_all.get(domain)

    def _found(self, leads: Leads, domain: str) -> Found:
        mailboxes: dict[str, None] = {}
        onward: dict[Onward, None] = {}
        for end in leads.ends:
            if isinstance(end, Address):
                onward[Onward(end, "")] = None
            elif self._kind(end, domain) is Kind.MAILBOX:
                mailboxes[end.user] = None
            else:
                onward[self._to_user(end, domain)] = None
        return Found(tuple(mailboxes), leads.how, tuple(onward), leads.people)

    def _kind(self, end: Lives, domain: str) -> Kind | None:
        deliver = self.deliver(end.user, end.domain or domain)
        return None if deliver is None else deliver.kind

    def _to_user(self, end: Lives, domain: str) -> Onward:
        local = self._locals.get(end.user, end.user)
        return Onward(
            Address(f"{local}+{end.detail}" if end.detail else local, end.domain or domain), end.user
        )


def _for_many(way: Deliver, domain: str, where: Where) -> Deliver:
    """How mail is delivered for system users, who each need a place of their own. Raises ConfigError."""
    place = where("domains", domain, "deliver")
    if way.kind is Kind.FORWARD:
        raise ConfigError(
            f"{place} cannot forward for many: name those who want that as users, each with a forward"
        )
    if way.kind in (Kind.MAILDIR, Kind.MBOX) and USER not in way.target and not way.target.startswith("~"):
        raise ConfigError(f"{place} is one place for all of them: have {USER} stand in it for the name")
    return way


def _caught(expansion: Expansion, domain: str, target: str, where: Where) -> Leads:
    place = where("domains", domain, "catch_all")
    leads = expansion.target(target, place)
    if leads is None:
        raise ConfigError(
            f"{place} leads to {target!r}, who does not live here: name a user or an alias there is"
        )
    if isinstance(leads.ends[0], Address) and not leads.how:
        raise ConfigError(
            f"{place} leads to {target}, outside: make an alias that leads there, and name that one here"
        )
    return leads._replace(how=f"catch-all of {domain} leads to {leads.told}")
