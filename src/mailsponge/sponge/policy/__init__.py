"""The policy: when to mail. Pure: (what is remembered, what a run showed, now) -> (what is remembered, flips).

    what a run showed ──verdicts──▶ FAILED, OK ──states──▶ a source's state ──incidents──▶ trouble ──telling──▶ flips

It touches no clock, no disk and no database. One file a step, and the steps in order in :mod:`.deciding`:

    rules       what a user chooses: patience, digest, reminders, …
    verdicts    what a run proves of each source, and when that is one common cause
    states      the table of transitions: OK, SOFT, HARD, RECOVERING
    flapping    now good, now bad: Icinga's measure
    incidents   what many hosts' states come to for one source
    telling     what of that is told, and what mutes it: silence, acknowledgement, flapping
    gathering   the digest: when so much was logged that all of it is mailed
    deciding    one run, or the time that passed: the steps in their order
"""

from mailsponge.sponge.policy.deciding import (
    acknowledge,
    decide,
    missed,
    next_due,
    tick,
    told_in,
    unacknowledged,
)
from mailsponge.sponge.policy.incidents import without
from mailsponge.sponge.policy.rules import DEFAULT_PATIENCE, DEFAULT_REMINDERS, Policy

__all__ = [
    "DEFAULT_PATIENCE",
    "DEFAULT_REMINDERS",
    "Policy",
    "acknowledge",
    "decide",
    "missed",
    "next_due",
    "tick",
    "told_in",
    "unacknowledged",
    "without",
]
