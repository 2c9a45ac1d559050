"""pipe: a program gets the message on its standard input, and its exit status says what became of it.

There is no shell: the words of the command stand in the configuration, and what a stranger chose can only be one whole
word of it, never an option. The program finds an environment that says who the mail is for, and nothing of the
server's. Its words, as far as they are kept, go into the report.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
from typing import Final, NamedTuple

from mailsponge import clean, clock
from mailsponge.courier import sysexits
from mailsponge.courier.faults import deferred, failed
from mailsponge.courier.faults import outcome_of as fault_of
from mailsponge.courier.order import Order, Person
from mailsponge.errors import UsageError
from mailsponge.mail.outcome import Outcome

TIME_LIMIT: Final = 600.0
"""Seconds that a program has for one message."""
KEPT: Final = 2000
"""Bytes of its words that are kept, the last ones; what it says before them is read and forgotten."""

SENDER: Final = "{sender}"
RECIPIENT: Final = "{recipient}"
DETAIL: Final = "{detail}"
PLACES: Final = (SENDER, RECIPIENT, DETAIL)
"""Words of a command that stand for something of the message."""
NO_SENDER: Final = "MAILER-DAEMON"
"""Stands for the null reverse-path, as with other mail servers."""

_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
_LOOK_EVERY: Final = 0.25
"""Seconds after which it is noticed that a program has ended whose child still holds its standard output."""
_ANY_PLACE = re.compile(r"\{[a-z]*+\}").findall


class Pipe(NamedTuple):
    """A way to deliver. Make one with `checked`."""

    command: tuple[str, ...]
    time_limit: float = TIME_LIMIT

    @classmethod
    def checked(cls, words: tuple[str, ...], time_limit: float = TIME_LIMIT) -> Pipe:
        """A command's words; the first is a path. Raises UsageError where something cannot stand in its place."""
        for word in words:
            if word not in PLACES and _ANY_PLACE(word):
                raise UsageError(
                    f"the command's word {word!r} cannot be: there are {', '.join(PLACES)}, each as a word by itself"
                )
        return cls(words, time_limit)

    def deliver(self, order: Order, person: Person, letter: int, gone: int) -> Outcome:
        """Run it. ``gone`` becomes readable when nobody waits for the outcome any more: then it is killed."""
        filled = _filled(self.command, order)
        if filled is None:
            return failed(
                f"{self.command[0]}: an address that begins with a hyphen could be taken for an option there: "
                'put "--" before it in the command, if the program knows that',
                "5.1.3",
            )
        home = person.home if os.path.isdir(person.home) else "/"
        try:
            process = subprocess.Popen(
                filled, stdin=letter, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home,
                env=_environment(order, person), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return fault_of(error, self.command[0])
        with process:
            return _Run(process, self.command[0], self.time_limit).outcome(gone)

    def group(self, person: Person) -> int:
        """Their own."""
        return person.gid


def _filled(command: tuple[str, ...], order: Order) -> list[str] | None:
    """The command for a message; None: an address would be taken for an option."""
    values = {SENDER: order.sender or NO_SENDER, RECIPIENT: order.recipient, DETAIL: order.detail}
    filled = []
    for word in command:
        value = values.get(word)
        if value is not None and value.startswith("-") and "--" not in filled:
            return None
        filled.append(word if value is None else value)
    return filled


def _environment(order: Order, person: Person) -> dict[str, str]:
    return {
        "PATH": _PATH, "SHELL": "/bin/sh", "LANG": "C.UTF-8",
        "HOME": person.home, "USER": person.name, "LOGNAME": person.name,
        "SENDER": order.sender or NO_SENDER, "RECIPIENT": order.recipient, "EXTENSION": order.detail,
    }  # fmt: skip


class _Run:
    """A program that is running."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, time_limit: float) -> None:
        assert process.stdout is not None
        self._process = process
        self._name = name
        self._limit = time_limit
        self._deadline = clock.Deadline(time_limit)
        self._output = process.stdout.fileno()
        self._said = bytearray()
        os.set_blocking(self._output, False)

    def outcome(self, gone: int) -> Outcome:
        """Wait for its end, and say what it came to."""
        if self._ended(gone):
            return sysexits.outcome_of(self._name, self._process.returncode, self._words())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        words = self._words()
        return deferred(
            f"{self._name} was killed: it had not ended after {self._limit:.0f} s{f': {words}' if words else ''}"
        )

    def _ended(self, gone: int) -> bool:
        """Hear what it says until it ends; False: it has not, and the time is over, or nobody waits for it."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        poll.register(gone, select.POLLIN)
        while left := self._deadline.left():
            ready = {descriptor for descriptor, _ in poll.poll(min(left, _LOOK_EVERY) * 1000)}
            if gone in ready:
                return False
            if self._output in ready and not self._hear():
                poll.unregister(self._output)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(min(left, _LOOK_EVERY))
            if self._process.poll() is not None:
                self._hear()
                return True
        return False

    def _hear(self) -> bool:
        """Take what it has said; False: it will say nothing more."""
        try:
            said = os.read(self._output, 65_536)
        except BlockingIOError:
            return True
        self._said += said
        del self._said[:-KEPT]
        return bool(said)

    def _words(self) -> str:
        """The last of what it said, in one line."""
        return clean.line(" ".join(self._said.decode(errors="replace").split()))
