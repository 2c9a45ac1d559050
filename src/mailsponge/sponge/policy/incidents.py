"""What a source's states on whatever hosts come to: one incident a source, however many hosts it fails on."""

from __future__ import annotations

from mailsponge.sponge.model import OK, Incident, SourceState, Status
from mailsponge.sponge.policy.states import Effect, Moved


def moved(incident: Incident, host: str, after: Moved, verdict: int | None, now: float) -> Incident:
    """The incident after one host's state has moved, by a verdict or (None) by not being seen for too long."""
    state = after.state
    hosts = incident._replace(
        failing=_with(incident.failing, host, state.status is Status.HARD),
        recovering=_with(incident.recovering, host, state.status is Status.RECOVERING),
        soft=_with(incident.soft, host, state.status is Status.SOFT),
        flapping=_with(incident.flapping, host, state.flapping),
    )
    if after.effect is Effect.OPENS:
        if incident.is_over and incident.told_at is not None:
            hosts = hosts._replace(anew_since=state.since)
        else:
            hosts = hosts._replace(since=_earlier(incident.since, state.since))
    if verdict:
        return _failed(hosts, after, verdict)
    if hosts.is_over and not incident.is_over:
        hosts = hosts._replace(ended_at=now)
    return settled(hosts._replace(is_gone=hosts.is_over and after.effect is Effect.VANISHES))


def _with(hosts: tuple[str, ...], host: str, is_one: bool) -> tuple[str, ...]:
    if (host in hosts) == is_one:
        return hosts
    return tuple(sorted((*hosts, host))) if is_one else tuple(other for other in hosts if other != host)


def _failed(incident: Incident, after: Moved, level: int) -> Incident:
    state: SourceState = after.state
    outgrown = incident.acknowledged is not None and level > incident.acknowledged
    matters = state.status is Status.HARD
    return incident._replace(
        level=max(incident.level, level),
        runs_failed=state.runs_failed,
        failed_run=state.failed_run,
        failed_since_mail=incident.failed_since_mail or matters,
        ended_at=incident.ended_at if incident.is_over else None,
        is_gone=incident.is_gone and incident.is_over,
        said=after.said if matters else incident.said,
        reason=after.why if matters else incident.reason,
        acknowledged=None if outgrown else incident.acknowledged,
        acknowledged_because="" if outgrown else incident.acknowledged_because,
        is_worse=incident.is_worse or (outgrown and incident.told_at is not None),
    )


def begun_anew(incident: Incident) -> Incident:
    """The incident that began after the one that was told; the same, if there is none."""
    if incident.anew_since is None:
        return incident
    forgotten = incident._replace(told_at=None, mailed_at=None, thread=None, anew_since=None)
    return forgotten._replace(since=incident.anew_since, failed_since_mail=False, is_worse=False)


def settled(incident: Incident) -> Incident:
    """The incident without what is over: an acknowledgement lasts until recovery, and what was told is told once."""
    if not incident.is_over or incident.soft:
        return incident
    if incident.told_at is None and not incident.flapping and not incident.flapping_told:
        return Incident()
    return incident._replace(
        acknowledged=None,
        acknowledged_because="",
        is_worse=False,
        level=incident.level if incident.flapping else OK,
    )


def without(incident: Incident, host: str) -> Incident:
    """The incident without a host that is no more. If that was the last one in trouble, nothing is left to be said."""
    left = incident._replace(
        failing=_with(incident.failing, host, False),
        recovering=_with(incident.recovering, host, False),
        soft=_with(incident.soft, host, False),
        flapping=_with(incident.flapping, host, False),
    )
    if left == incident or not left.is_over:
        return left
    return Incident(
        soft=left.soft, flapping=left.flapping, flapping_told=bool(left.flapping) and left.flapping_told
    )


def _earlier(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)
