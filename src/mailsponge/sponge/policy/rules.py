"""What a user chooses of how to decide: patience, digest, reminders and the rest, checked when it is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailsponge.errors import UsageError
from mailsponge.sponge import patience as grammar
from mailsponge.sponge.model import ERROR, LEVELS
from mailsponge.sponge.patience import Limit
from mailsponge.sponge.policy.gathering import Gate
from mailsponge.sponge.policy.gathering import parse as parse_gate

DEFAULT_PATIENCE: Final[Mapping[str, str]] = {"ERROR": "3 runs", "CRITICAL": "now"}
DEFAULT_REMINDERS: Final = "1 day, 3 days, 7 days"


@dataclass(frozen=True)
class Policy:
    """What decides when to mail.

    Args:
        patience: how long a failure may last unsaid; a text for every level, or one a level. See :mod:`.patience`.
        recover_after: how many OK runs in a row make a failure that was told recovered.
        remind: when a failure that stays is told again, reckoned from the first mail; the last step repeats.
        common_cause: the share of so far healthy sources whose failing in one run is taken for one failure of the job
            (0 < share ≤ 1).
        digest: when everything gathered is mailed, told or not: ``"20 records"``, ``"20 ERROR records"`` or a duration
            reckoned from the oldest; None: never.
        expect: how often the job should run, a duration; a run that is late by a quarter of it is told as missed.

    Raises UsageError (a ValueError) that names the field and shows what could stand there.
    """

    patience: str | Mapping[str, str] | None = None
    recover_after: int = 1
    remind: str = DEFAULT_REMINDERS
    common_cause: float = 0.8
    digest: str | None = None
    expect: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_limits", _limits(self.patience))
        object.__setattr__(self, "_reminders", _reminders(self.remind))
        object.__setattr__(self, "_gate", parse_gate(self.digest) if self.digest is not None else None)
        object.__setattr__(self, "_expected", _expected(self.expect))
        if not isinstance(self.recover_after, int) or self.recover_after < 1:
            raise UsageError(f"recover_after {self.recover_after!r}: a whole number of runs, 1 or more")
        if not isinstance(self.common_cause, int | float) or not 0 < self.common_cause <= 1:
            raise UsageError(f"common_cause {self.common_cause!r}: a share above 0 and up to 1, such as 0.8")

    @property
    def limits(self) -> dict[int, Limit]:
        """The patience of each level, lowest level first."""
        limits: dict[int, Limit] = self._limits  # type: ignore[attr-defined]
        return limits

    @property
    def reminders(self) -> tuple[float, ...]:
        """Seconds after the first mail at which a failure that stays is told again; the last distance repeats."""
        reminders: tuple[float, ...] = self._reminders  # type: ignore[attr-defined]
        return reminders

    @property
    def gate(self) -> Gate | None:
        """When a digest is due; None if there are none."""
        gate: Gate | None = self._gate  # type: ignore[attr-defined]
        return gate

    @property
    def expected(self) -> float | None:
        """Seconds from the beginning of one run to that of the next; None if nobody expects any."""
        expected: float | None = self._expected  # type: ignore[attr-defined]
        return expected

    @property
    def fail_level(self) -> int:
        """The level from which on a record fails its source: the lowest that has a patience."""
        return min(self.limits)

    @property
    def window(self) -> int:
        """How many verdicts of each source are kept: as many as the patience looks back on."""
        return max(map(grammar.longest_window, self.limits.values()))

    def ever_tells(self, level: int) -> bool:
        """Whether a failure at that level can ever end the patience: ``"never"`` mutes all but digest and MISSED."""
        return any(not grammar.never_ends(limit) for at, limit in self.limits.items() if at <= level)


def _limits(patience: str | Mapping[str, str] | None) -> dict[int, Limit]:
    if patience is None:
        patience = DEFAULT_PATIENCE
    if isinstance(patience, str):
        return {ERROR: grammar.parse(patience)}
    if not isinstance(patience, Mapping) or not patience:
        raise UsageError(f"patience {patience!r}: a text, or a text for each level; {grammar.GRAMMAR}")
    return dict(sorted((_level(name), grammar.parse(text)) for name, text in patience.items()))


def _level(name: str) -> int:
    level = LEVELS.get(str(name).upper())
    if level is None:
        raise UsageError(f"patience for {name!r}: the levels are {', '.join(LEVELS)}")
    return level


def _reminders(text: str) -> tuple[float, ...]:
    if not isinstance(text, str):
        raise UsageError(f'remind {text!r} is not a text: say "{DEFAULT_REMINDERS}", or "never"')
    if text.strip().lower() == "never":
        return ()
    try:
        steps = tuple(grammar.duration(step) for step in text.split(","))
    except UsageError as error:
        raise UsageError(f"remind {text!r}: {error}") from error
    if any(later <= earlier for earlier, later in zip((0.0, *steps), steps, strict=False)):
        raise UsageError(
            f'remind {text!r}: each step is later than the one before, as in "{DEFAULT_REMINDERS}"'
        )
    return steps


def _expected(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = grammar.duration(text)
    except UsageError as error:
        raise UsageError(f"expect: {error}") from error
    if seconds <= 0:
        raise UsageError(
            f'expect {text!r}: no job runs without a pause; say how often it should, as in "1 day"'
        )
    return seconds
