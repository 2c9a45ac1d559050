"""The second duty of the process that keeps root's rights: a process for each letter, which becomes its recipient.

    server (nobody)                parent (root)               agent (the recipient)
    order, letter, socket ───────> fork ─────────────────────> leaves root's rights, for good
                                   waits, kills the late       delivers
    outcome <────────────────────────────────────────────────── says what it came to

The parent takes nothing from the server but whose letter it is: where it goes, and which program is started, stands in
what the configuration said at the start. It looks at no letter, and waits for no disk, no lock and no name service: all
of that is the agent's affair, and an agent that hangs is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, NoReturn

import msgspec

from mailsponge import clean, clock
from mailsponge.courier.faults import deferred, outcome_of
from mailsponge.courier.order import Order
from mailsponge.courier.pipe import TIME_LIMIT
from mailsponge.courier.ways import Ways
from mailsponge.mail.outcome import Outcome
from mailsponge.server.privileges import Account, leave_root

DELIVER: Final = b"deliver "
ANSWER_LIMIT: Final = 16_384
AT_ONCE: Final = 100
"""Agents at the same time: more than the server ever asks for."""
PATIENCE: Final = 5.0
"""Seconds that they have to end when the server is gone."""
LATE: Final = TIME_LIMIT + 60
"""Seconds after which an agent is killed. Programs are killed before, by their agent."""

PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that the parent passes on to the server."""
_WHY_LENGTH: Final = 3000
_LOOK_EVERY: Final = 0.02
_MOST_DESCRIPTORS: Final = 1_048_576

_order = msgspec.json.Decoder(Order).decode
_encode = msgspec.json.encode


class _Agent(NamedTuple):
    """A letter that is being delivered."""

    answer: int
    """The parent's copy of where the outcome is told, for when the agent cannot."""
    late_at: float


class Agents:
    """The agents that are at work."""

    def __init__(self, ways: Ways, monotonic: clock.Clock = clock.monotonic) -> None:
        self._ways = ways
        self._monotonic = monotonic
        self._working: dict[int, _Agent] = {}

    @property
    def patience(self) -> float | None:
        """Seconds until there is somebody to be killed; None: nobody is at work."""
        first = min((agent.late_at for agent in self._working.values()), default=None)
        return None if first is None else max(first - self._monotonic(), 0.0)

    def start(self, request: bytes, descriptors: Sequence[int]) -> None:
        """Have a letter delivered; the descriptors, a letter and where its outcome is told, are closed here."""
        with contextlib.ExitStack() as closing:
            for descriptor in descriptors:
                closing.callback(os.close, descriptor)
            if len(descriptors) != 2:
                return
            letter, answer = descriptors
            if len(self._working) >= AT_ONCE:
                _tell(answer, deferred(f"{AT_ONCE} letters are being delivered at the same time already"))
                return
            with _no_signals():
                process = os.fork()
                if process == 0:
                    _become_agent(self._ways, request.removeprefix(DELIVER), letter, answer)
            self._working[process] = _Agent(os.dup(answer), self._monotonic() + LATE)

    def look_after(self) -> None:
        """See to those that have ended, and kill those that are late."""
        now = self._monotonic()
        for process, agent in list(self._working.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                self._bury(process, status)
            elif agent.late_at <= now:
                os.kill(process, signal.SIGKILL)

    def end(self) -> None:
        """The server is gone, and nobody waits for them any more. They notice, and end, with their programs."""
        end = clock.Deadline(PATIENCE, self._monotonic)
        while self._working and end.left():
            self.look_after()
            time.sleep(_LOOK_EVERY)
        for process in list(self._working):
            os.kill(process, signal.SIGKILL)
            self._bury(process, os.waitpid(process, 0)[1])

    def _bury(self, process: int, status: int) -> None:
        agent = self._working.pop(process)
        if status:
            code = os.waitstatus_to_exitcode(status)
            _tell(agent.answer, deferred(f"the process that delivered it ended without a word ({code})"))
        os.close(agent.answer)


def _become_agent(ways: Ways, request: bytes, letter: int, answer: int) -> NoReturn:
    """Deliver, say what it came to, and end: nothing of the parent's is gone back to."""
    status = 1
    try:
        letter, answer = _alone_with(letter, answer)
        _tell(answer, _outcome(ways, request, letter, answer))
        status = 0
    finally:
        os._exit(status)


def _outcome(ways: Ways, request: bytes, letter: int, answer: int) -> Outcome:
    try:
        return _delivered(ways, _order(request), letter, answer)
    except OSError as error:
        return outcome_of(error, "the process that delivers it")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told: nothing else would tell of it
        return deferred(f"something went wrong in the process that delivers it: {error!r}")


def _delivered(ways: Ways, order: Order, letter: int, answer: int) -> Outcome:
    found = ways.find(order)
    if isinstance(found, Outcome):  # the server has found a way, by what the configuration says now
        return deferred(
            f"{order.user}'s mail went another way when the server was started: start it anew", "4.3.5"
        )
    way, person = found
    if person is None or person.uid == 0:
        return deferred(f"{order.user} is no user of this machine whom mail could be delivered as", "4.3.5")
    if not stat.S_ISREG(os.fstat(letter).st_mode):
        return deferred("the letter is no file: start the server anew")
    leave_root(Account(person.name, person.uid, way.group(person)))
    os.lseek(letter, 0, os.SEEK_SET)
    return way.deliver(order, person, letter, answer)


def _alone_with(letter: int, answer: int) -> tuple[int, int]:
    """Keep nothing of the parent's: no descriptor but these two, no terminal, and none of its signals."""
    for number in (*PASSED_ON, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    letter, answer = (fcntl.fcntl(kept, fcntl.F_DUPFD_CLOEXEC, 3) for kept in (letter, answer))
    lower, higher = sorted((letter, answer))
    os.closerange(0, lower)
    os.closerange(lower + 1, higher)
    os.closerange(higher + 1, min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], _MOST_DESCRIPTORS))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(nothing + 1, 3):
        os.dup2(nothing, standard)
    return letter, answer


def _tell(answer: int, outcome: Outcome) -> None:
    """Say what it came to, if somebody still listens. Never blocks: whoever made the socket is not trusted."""
    said = _encode(outcome._replace(why=clean.shortened(outcome.why, _WHY_LENGTH)))
    with contextlib.suppress(OSError):
        to = socket.socket(fileno=answer)
        try:
            to.send(said, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        finally:
            to.detach()


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
