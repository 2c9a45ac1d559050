"""Who may log in, and under which names. Worked out once, when the configuration is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mailsponge.accounts import Accounts, Where
from mailsponge.auth import saslprep
from mailsponge.auth.decoys import decoy
from mailsponge.auth.verifiers import Verifiers
from mailsponge.errors import ConfigError, UsageError


class Candidate(NamedTuple):
    """Who somebody claims to be who logs in."""

    user: str | None
    """As the configuration names them. None: nobody of that name can log in, and the verifiers are made up."""
    verifiers: Verifiers


class Directory:
    """Those who have a password. Immutable once made."""

    __slots__ = ("_accounts", "_models", "_people", "_secret", "empty", "scram")

    def __init__(
        self,
        accounts: Accounts,
        passwords: Mapping[str, Verifiers],
        secret: bytes,
        *,
        where: Where = "{}.{}".format,
    ) -> None:
        """Take the passwords by the users' names as the configuration has them; decoys are made from the ``secret``.

        Raises ConfigError for a name that cannot be logged in with.
        """
        self._accounts = accounts
        self._secret = secret
        self._people: dict[str, Candidate] = {}
        for user, verifiers in passwords.items():
            name = self._login_name(user, where)
            if name in self._people:
                raise ConfigError(
                    f"{where('users', user)} logs in under the same name as {self._people[name].user}: "
                    "programs write both alike (RFC 4013); choose another name for one of them"
                )
            self._people[name] = Candidate(user, verifiers)
        self._models = [verifiers for _, verifiers in self._people.values()]
        self.empty = not self._models
        """Nobody can log in."""
        self.scram = not self.empty and all(verifiers.scram for verifiers in self._models)
        """Everybody who can log in can do so with SCRAM. Only then is it offered: an unknown name gets a salt, too, and
        a user without one would stand out."""

    def find(self, name: str) -> Candidate:
        """Whoever logs in under that name, prepared (RFC 4013): ``me``, or ``me@`` a domain of ours. There is always
        somebody to compare with. Not for an empty directory, which offers nothing.
        """
        login = self._accounts.login_name(name)
        # Made whether it is needed or not, so that the time it takes tells nothing.
        nobody = Candidate(None, decoy(self._secret, login, self._models))
        return self._people.get(login, nobody)

    def _login_name(self, user: str, where: Where) -> str:
        try:
            return self._accounts.login_name(saslprep.stored(user))
        except UsageError as error:
            raise ConfigError(
                f"{where('users', user)} has a password and a name that no program can log in with: {error}"
            ) from None
