"""What there is to tell of an incident: what is true, compared with what its reader was last told, unless it is muted.

Nothing is told when something happens, and lost if it is muted then; each time, the two are compared anew:

    is it true that …                    and was the reader told?       then tell
    it flaps                             no                             FLAPPING
    it flaps no more                     that it flaps                  STEADY, or GONE
    it fails, and patience is over       no                             NEW
    it is over                           that it fails                  RECOVERED, or GONE
    it fails worse than acknowledged     that it fails                  STILL, at once
    it fails, and has since the mail     long enough ago                STILL

A silence mutes all of them; an acknowledgement too, until recovery or a higher level; flapping those from NEW on. What
is still true when the muting ends is told then.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from mailsponge.sponge import patience as grammar
from mailsponge.sponge.model import JOB_ITSELF, Flip, Incident, Kind, Silence, level_name
from mailsponge.sponge.policy.incidents import begun_anew, settled
from mailsponge.sponge.policy.rules import Policy
from mailsponge.sponge.policy.states import in_a_row

LATE: Final = 1.25
"""A run is missed when the last one began this many times as long ago as the next was expected."""

_EVER: Final = float("inf")


class Told(NamedTuple):
    """An incident after it was looked at, what there is to tell of it, and, if that is muted, why."""

    incident: Incident
    flip: Flip | None = None
    muted: str = ""


def tell(
    policy: Policy, source: str, incident: Incident, silences: Sequence[Silence], now: float, host: str = ""
) -> Told:
    """Compare what is true of a source with what was told of it, after something happened on a host."""
    if muted := _muted(source, incident, silences, now):
        return Told(incident, None, muted)
    incident = _not_told_in_the_future(incident, now)
    # A host that flaps says nothing of one that fails run after run.
    fails_steadily = not set(incident.failing) <= set(incident.flapping)
    if incident.flapping and not incident.flapping_told and policy.ever_tells(incident.level):
        return _flapping(source, incident, now)
    if incident.flapping and not fails_steadily:
        return Told(incident, None, "flapping")
    if incident.flapping_told and not incident.flapping:
        return _steady(source, incident, now, host)
    if incident.failing and (incident.told_at is None or incident.anew_since is not None):
        return _new(source, begun_anew(incident), now)
    if incident.is_over and incident.told_at is not None:
        return _over(source, incident, now)
    if incident.failing and incident.is_worse:
        return _worse(source, incident, now)
    if incident.failing and now >= _reminder_at(policy, incident):
        return _still(source, incident, now)
    return Told(incident)


def _not_told_in_the_future(incident: Incident, now: float) -> Incident:
    """A clock that was set back must not put off reminders until it has caught up with itself."""
    if incident.told_at is None or incident.told_at <= now:
        return incident
    return incident._replace(told_at=now, mailed_at=now)


def silence_of(source: str, silences: Sequence[Silence], now: float) -> Silence | None:
    """The silence that a source is under, the one that ends last; None if it is under none."""
    under = [s for s in silences if s.since <= now < s.until and _matches(source, s.pattern)]
    return max(under, key=lambda silence: silence.until, default=None)


def _matches(source: str, pattern: str) -> bool:
    return source == pattern or fnmatchcase(source, pattern)


def _muted(source: str, incident: Incident, silences: Sequence[Silence], now: float) -> str:
    if silence := silence_of(source, silences, now):
        return f"silenced ({silence.because})" if silence.because else "silenced"
    if incident.acknowledged is None:
        return ""
    because = incident.acknowledged_because
    return f"acknowledged ({because})" if because else "acknowledged"


def _flapping(source: str, incident: Incident, now: float) -> Told:
    said = "is flapping: now it fails, now it works"
    reason = (
        "its verdict changed in more than 30 % of the last runs, as Icinga reckons; told once until that ends"
    )
    flip = _flip(Kind.FLAPPING, source, incident, now, said, reason)
    return Told(incident._replace(flapping_told=True), flip)


def _steady(source: str, incident: Incident, now: float, host: str) -> Told:
    """The end of flapping names the state, which then counts as told: also one that patience would have borne."""
    reason = "its verdict has changed in no more than 25 % of the last runs"
    calm = begun_anew(incident)._replace(flapping_told=False)
    if host in calm.soft:
        if calm.is_over and calm.told_at is not None:
            calm = begun_anew(calm._replace(anew_since=now))
        soft = tuple(other for other in calm.soft if other != host)
        calm = calm._replace(failing=tuple(sorted({*calm.failing, host})), soft=soft)
    kind, said = _named(calm)
    flip = _flip(kind, source, calm, now, said, reason)
    if calm.is_over:
        return Told(settled(calm._replace(told_at=None)), flip)
    told_at = now if calm.told_at is None else calm.told_at
    return Told(calm._replace(told_at=told_at, mailed_at=now, failed_since_mail=False, is_worse=False), flip)


def _named(calm: Incident) -> tuple[Kind, str]:
    if calm.failing:
        return Kind.STEADY, f"is steady again: it fails, {in_a_row(calm.runs_failed)}"
    if calm.recovering:
        return Kind.STEADY, "is steady again: it works, though not yet for long enough"
    if calm.is_gone:
        return Kind.GONE, _gone(calm)
    return Kind.STEADY, "is steady again: it works"


def _new(source: str, incident: Incident, now: float) -> Told:
    flip = _flip(Kind.NEW, source, incident, now, incident.said, incident.reason)
    return Told(incident._replace(told_at=now, mailed_at=now, failed_since_mail=False, is_worse=False), flip)


def _over(source: str, incident: Incident, now: float) -> Told:
    ended = now if incident.ended_at is None else incident.ended_at
    lasted = grammar.length(max(ended - (ended if incident.since is None else incident.since), 0.0))
    kind, said, reason = Kind.RECOVERED, f"works again after {lasted}", "good again: told, as the failure was"
    if incident.is_gone:
        kind, said = Kind.GONE, _gone(incident)
        reason = "it was in trouble, and was not named in 10 finished runs over 7 days: not told again"
    flip = _flip(kind, source, incident, now, said, reason)._replace(ended_at=ended)
    over = incident._replace(told_at=None, mailed_at=None, failed_since_mail=False, thread=None, since=None)
    return Told(settled(over._replace(ended_at=None, is_gone=False, anew_since=None)), flip)


def _gone(incident: Incident) -> str:
    return "was gone for a while: no run named it" if incident.soft else "is gone: no run names it any more"


def _worse(source: str, incident: Incident, now: float) -> Told:
    level = level_name(incident.level)
    reason = f"it was acknowledged while it failed at a lower level; now it has failed at {level}"
    flip = _flip(Kind.STILL, source, incident, now, f"has become worse: it fails at {level}", reason)
    return Told(incident._replace(mailed_at=now, failed_since_mail=False, is_worse=False), flip)


def _still(source: str, incident: Incident, now: float) -> Told:
    lasting = grammar.length(max(now - (now if incident.since is None else incident.since), 0.0))
    reason = f"{in_a_row(incident.runs_failed)}; reminded after {lasting}"
    flip = _flip(Kind.STILL, source, incident, now, f"still fails, for {lasting} now", reason)
    return Told(incident._replace(mailed_at=now, failed_since_mail=False), flip)


def _flip(kind: Kind, source: str, incident: Incident, now: float, said: str, reason: str) -> Flip:
    since = now if incident.since is None else incident.since
    hosts = tuple(host for host in incident.hosts if host)
    return Flip(kind, source, now, since, said, incident.failed_run, incident.thread, reason, hosts)


# What time alone brings, and when


def _reminder_at(policy: Policy, incident: Incident) -> float:
    """When what was told and stays is told again; never, if it has not failed since."""
    if not policy.reminders or incident.told_at is None or incident.mailed_at is None:
        return _EVER
    if not incident.failed_since_mail:
        return _EVER
    return incident.told_at + _next_step(policy.reminders, incident.mailed_at - incident.told_at)


def _next_step(steps: tuple[float, ...], last: float) -> float:
    """The first step after ``last``, both in seconds since the first mail; the last step repeats for ever."""
    for step in steps:
        if step > last:
            return step
    return (last // steps[-1] + 1) * steps[-1]


def due_at(policy: Policy, source: str, incident: Incident, silences: Sequence[Silence], now: float) -> float:
    """When time alone next brings something of an incident; never (infinity), if nothing but a run can."""
    if silence := silence_of(source, silences, now):
        return silence.until
    if incident.acknowledged is not None or set(incident.failing) <= set(incident.flapping):
        return _EVER
    return _reminder_at(policy, incident)


def missed(
    policy: Policy, last: float | None, told_for: float | None, silences: Sequence[Silence], now: float
) -> Flip | None:
    """Whether to tell that no run has begun for too long. ``last`` began the last one; None if there never was one.

    ``told_for`` is the run after which that was told already. Whether a run is alive is for the caller to know.
    """
    if (
        last is None
        or last == told_for
        or now < missed_at(policy, last)
        or silence_of(JOB_ITSELF, silences, now)
    ):
        return None
    assert policy.expected is not None
    said = f"has not run for {grammar.length(now - last)}"
    reason = f"a run was expected every {grammar.length(policy.expected)}; told once until the next"
    return Flip(Kind.MISSED, JOB_ITSELF, now, last, said, None, None, reason)


def missed_at(policy: Policy, last: float) -> float:
    """When a run counts as missed after one that began at ``last``; never (infinity) if none is expected."""
    return _EVER if policy.expected is None else last + LATE * policy.expected
