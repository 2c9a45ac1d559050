"""A job's settings: what its handler was told, kept with the ledger so that ``check`` decides as the program would.

Secrets are not among them: a password stays in the process that was given it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from mailsponge.errors import UsageError
from mailsponge.sponge import patience as grammar
from mailsponge.sponge.mask import Mask
from mailsponge.sponge.policy import DEFAULT_REMINDERS, Policy

LONGEST_TIMEOUT: Final = 86400.0
"""Seconds; a socket takes no endless one, and no program's end is to be held up for longer."""


@dataclass(frozen=True)
class Settings:
    """What decides for one job when to mail, to whom, and by which server."""

    job: str
    toaddrs: tuple[str, ...]
    fromaddr: str | None = None
    mailhost: str | None = None
    """A URL without a password, as :mod:`.mailhost` writes it; None is the default server."""
    subject: str | None = None
    timeout: float = 5.0
    """Seconds for handing over, all in all."""
    patience: str | dict[str, str] | None = None
    recover_after: int = 1
    remind: str = DEFAULT_REMINDERS
    common_cause: float = 0.8
    digest: str | None = None
    expect: str | None = None
    mask: tuple[str, ...] = ()
    """Regular expressions of what else is secret."""
    keep_records: str = "30 days"
    keep_runs: str = "400 days"
    """How long what was logged, and what came of it, is remembered."""
    policy: Policy = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.toaddrs:
            raise UsageError(f"job {self.job!r}: nobody to mail to: give toaddrs, or set MAILSPONGE_TO")
        if not isinstance(self.timeout, int | float) or not 0 < self.timeout <= LONGEST_TIMEOUT:
            raise UsageError(f"timeout {self.timeout!r}: seconds, more than 0 and a day at most")
        policy = Policy(
            self.patience, self.recover_after, self.remind, self.common_cause, self.digest, self.expect
        )
        object.__setattr__(self, "policy", policy)
        Mask(self.mask)
        for name in ("keep_records", "keep_runs"):
            try:
                grammar.duration(getattr(self, name))
            except UsageError as error:
                raise UsageError(f"{name}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """A dict of what JSON knows, for the journal and the ledger."""
        fields = asdict(self)
        del fields["policy"]
        return {**fields, "mask": list(self.mask)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Settings:
        """Read what :meth:`to_json` wrote; a field that a newer version added is passed over. Raises UsageError."""
        names = cls.__dataclass_fields__.keys() - {"policy"}
        try:
            known = {name: fields[name] for name in names if name in fields}
            lists = {"toaddrs": addresses(fields["toaddrs"]), "mask": tuple(fields.get("mask", ()))}
            return cls(**{**known, **lists})
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"the settings kept for a job cannot be read: {error!r}") from error


def addresses(toaddrs: str | Sequence[str]) -> tuple[str, ...]:
    """Addresses as SMTPHandler takes them: one text (commas part several), or a sequence. Raises UsageError."""
    several = toaddrs.split(",") if isinstance(toaddrs, str) else list(toaddrs)
    found = tuple(address.strip() for address in several if address.strip())
    for address in found:
        check_address(address)
    return found


def check_address(address: str) -> None:
    """Refuse what would break out of a header or an SMTP command. Raises UsageError."""
    if not address.isprintable() or any(c in address for c in "<>, ") or not address.strip("@"):
        raise UsageError(f"{address!r} is no mail address: write it as me@example.org")
