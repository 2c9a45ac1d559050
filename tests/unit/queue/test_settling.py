"""Rules of how outcomes are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kit.queue_house import FAILED, Call
from mailsponge.mail.address import parse
from mailsponge.mail.envelope import Envelope
from mailsponge.queue.settling import MOST_WAITING, REPORT_WEIGHT, Settling
from mailsponge.store.protocol import Acceptance, Done, Report, Settlement

REPORT = Report(
    Acceptance(Envelope(None, (parse("me@example.org"),)), (), 0.0, "", "", ("",)), b"Subject: x\r\n\r\n"
)


class Slow:
    """A store that takes its time."""

    def __init__(self) -> None:
        self.done: list[Done] = []

    def settle(self, settlements: Sequence[Settlement], reports: Sequence[Report], done: Done) -> None:
        self.done.append(done)


def at_once(_seconds: float, then: Callable[[], None]) -> Call:
    then()
    return Call(then)


def test_no_more_reports_are_in_memory_than_they_weigh():
    store = Slow()
    settling = Settling(store, at_once, lambda: None)  # type: ignore[arg-type]
    reports = 0
    while not settling.is_jammed:
        settling.add([Settlement(reports, FAILED, 0.0, None)], [REPORT])
        reports += 1
    assert reports == MOST_WAITING // (REPORT_WEIGHT + 1) + 1

    store.done[0](None)
    assert not settling.is_jammed
