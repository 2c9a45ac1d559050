"""The command line of sendmail(1), as Postfix reads it: what is asked for, and what is taken and means nothing here.

No module of the standard library reads these: options may stand together (``-ti``), their arguments stick to them or
follow, ``-q`` takes one only if it sticks, and the first recipient ends them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

HELP = """\
usage: mailsponge-sendmail [-t] [-i] [-f SENDER] [-F NAME] [-v] [--] [RECIPIENT...] < message
       mailsponge-sendmail -bs | -bv RECIPIENT... | -bp [--json] | -q | -qI ID | -qR DOMAIN

  -t            read the recipients from the message's To, Cc and Bcc
  -i, -oi       a line with a lone dot does not end the message
  -f SENDER     the sender, to whom failures are reported ("" or "<>": to nobody)
  -F NAME       the sender's name, for a From header that is missing
  -N WHEN       report: never, or any of success,failure,delay
  -R WHAT       a report holds the message (full) or its header (hdrs)
  -V ENVID      what reports call this message
  -v            say what is done
  -bs           speak SMTP on standard input and output
  -bv           say whether the recipients would be taken, and send nothing
  -bp, mailq    list the queue; --json for scripts, --data DIR or --config FILE for one that is elsewhere
  -q            try at once all that waits; -qI ID one message, -qR DOMAIN what is for a domain
  -bi, -I       nothing: aliases are read from the configuration

Without a server the message waits in its pickup directory, and the status is 0 all the same.
"""

_TAKE_ONE = frozenset("ABCFLNORVXbefhopr")
"""Options with an argument, which may stick to them."""
_TAKE_NONE = frozenset("GIUcimntv")


class Misused(Exception):
    """The command line cannot be; the message says what can."""


class Flags:
    """What was asked for."""

    mode = "send"
    """send, smtp, verify, queue, flush, aliases or help."""
    sender: str | None = None
    """As it was written; None: whoever starts the program."""
    name: str | None = None
    """The sender's full name."""
    recipients: Sequence[str] = ()
    """As they were written."""
    from_header = False
    """-t: more recipients stand in the message's header."""
    dot_is_data = False
    """-i: a line with a lone dot is one like any other."""
    gateway = False
    """-G: the message comes from elsewhere, and is not ours to complete."""
    eight_bit = False
    """-B 8BITMIME: said to be so, whatever the content."""
    smtputf8: bool | None = None
    """-O smtputf8=: yes or no; None: if the message needs it."""
    notify = ""
    """-N, as RCPT has it: ``NEVER``, or ``SUCCESS,DELAY``."""
    ret = ""
    """-R, as MAIL has it: ``FULL`` or ``HDRS``."""
    envid = ""
    verbose = False
    flush = ""
    """What of the queue is flushed: empty for all, ``I17`` a message, ``Rexample.org`` what is for a domain."""
    json = False
    data = ""
    """The data directory that was named, or empty."""
    config = ""
    """The configuration that was named, or empty."""


def parse(argv: Sequence[str]) -> Flags:
    """Read a command line, the program's name first: it may be called mailq and newaliases too. Raises Misused."""
    flags = Flags()
    flags.mode = {"mailq": "queue", "newaliases": "aliases"}.get(os.path.basename(argv[0]), "send")
    words = _Words(argv[1:])
    for option, value in words.options():
        _note(flags, option, value)
    flags.recipients = words.left
    _check(flags)
    return flags


class _Words:
    """Takes options off the front of a command line, and leaves what is none."""

    def __init__(self, words: Sequence[str]) -> None:
        self.left = list(words)

    def options(self) -> Iterator[tuple[str, str]]:
        """Each option with its argument, or with ``""``."""
        while self.left and self.left[0].startswith("-") and self.left[0] != "-":
            word = self.left.pop(0)
            if word == "--":
                return
            yield from self._long(word) if word.startswith("--") else self._short(word[1:])

    def _long(self, word: str) -> Iterator[tuple[str, str]]:
        option, equals, value = word.partition("=")
        if option in ("--data", "--config"):
            yield option, value if equals else self._next(option)
        elif option in ("--json", "--help") and not equals:
            yield option, ""
        else:
            raise Misused(f"{option} is no option; --help shows those there are")

    def _short(self, letters: str) -> Iterator[tuple[str, str]]:
        while letters:
            option, letters = f"-{letters[0]}", letters[1:]
            if option == "-q":  # its argument sticks, or there is none; one of -qI and -qR may follow
                argument = letters if letters not in ("I", "R", "S") else letters + self._next(f"-q{letters}")
                yield option, argument
                return
            if option[1] in _TAKE_ONE:
                yield option, letters or self._next(option)
                return
            if option[1] not in _TAKE_NONE and option != "-j":
                raise Misused(f"{option} is no option; --help shows those there are")
            yield option, ""

    def _next(self, option: str) -> str:
        if not self.left:
            raise Misused(f"{option} needs an argument after it")
        return self.left.pop(0)


def _note(flags: Flags, option: str, value: str) -> None:
    """Note what one option changes; nothing, for those that mean nothing here. Raises Misused."""
    if option in _SWITCHES:
        setattr(flags, _SWITCHES[option], True)
    elif option in _VALUES:
        setattr(flags, _VALUES[option], value)
    elif option in _READ:
        _READ[option](flags, value)


def _mode(flags: Flags, value: str) -> None:
    if value in ("h", "H"):  # Sendmail's own store of hosts' states
        return
    if value in ("d", "D", "l"):
        raise Misused(f"-b{value} starts a server: that is `mailsponge serve` here")
    if value not in _MODES:
        raise Misused(f"-b{value} is no mode; there are -bm, -bs, -bv, -bp and -bi")
    flags.mode = _MODES[value]


def _aliases(flags: Flags, value: str) -> None:
    flags.mode = "aliases"


def _help(flags: Flags, value: str) -> None:
    flags.mode = "help"


def _flush(flags: Flags, value: str) -> None:
    if value[:1] == "S":
        raise Misused("-qS is not to be had; -qI flushes one message, -qR what is for a domain, -q all")
    if value and value[:1] not in ("I", "R"):
        return  # how often a server looks into its queue, which is the server's own affair: -q30m, -q1h
    flags.mode, flags.flush = "flush", value


def _old_option(flags: Flags, value: str) -> None:
    if value == "i":
        flags.dot_is_data = True
    if value == "A":
        raise Misused("-oA needs the name of a file of aliases behind it")
    # All others mean nothing here: -oem, -odi, -o8; and -oA, for aliases are read from the configuration.


def _new_option(flags: Flags, value: str) -> None:
    name, _, setting = value.partition("=")
    if name.lower() != "smtputf8":
        return
    wishes = {"yes": True, "no": False, "autodetect": None}
    if setting.lower() not in wishes:
        raise Misused("-O smtputf8= takes yes, no or autodetect")
    flags.smtputf8 = wishes[setting.lower()]


def _body(flags: Flags, value: str) -> None:
    flags.eight_bit = _one_of("-B", value, "7BIT", "8BITMIME") == "8BITMIME"


def _notify(flags: Flags, value: str) -> None:
    wishes = [wish.strip().upper() for wish in value.split(",")]
    if wishes != ["NEVER"] and not set(wishes) <= {"SUCCESS", "FAILURE", "DELAY"}:
        raise Misused("-N takes never, or any of success,failure,delay")
    flags.notify = ",".join(dict.fromkeys(wishes))


def _ret(flags: Flags, value: str) -> None:
    flags.ret = _one_of("-R", value, "FULL", "HDRS")


def _envelope_id(flags: Flags, value: str) -> None:
    # RFC 3461 section 4.4: at most 100 characters, and printable.
    if not 0 < len(value) <= 100 or not (value.isascii() and value.isprintable()):
        raise Misused("-V takes a name of at most 100 printable ASCII characters")
    flags.envid = value


def _one_of(option: str, value: str, *known: str) -> str:
    if value.upper() not in known:
        raise Misused(f"{option} takes {' or '.join(word.lower() for word in known)}")
    return value.upper()


_MODES = {"m": "send", "s": "smtp", "v": "verify", "p": "queue", "i": "aliases"}

_SWITCHES = {
    "-t": "from_header",
    "-i": "dot_is_data",
    "-G": "gateway",
    "-v": "verbose",
    "-j": "json",
    "--json": "json",
}
_VALUES = {
    "-f": "sender",
    "-r": "sender",
    "-F": "name",
    "-C": "config",
    "--config": "config",
    "--data": "data",
}
_READ = {
    "-b": _mode,
    "-I": _aliases,
    "-q": _flush,
    "-o": _old_option,
    "-O": _new_option,
    "-B": _body,
    "-N": _notify,
    "-R": _ret,
    "-V": _envelope_id,
    "--help": _help,
}


def _check(flags: Flags) -> None:
    if flags.mode == "verify" and flags.from_header:
        raise Misused("-t and -bv do not go together: name the recipients to verify")
    if flags.mode in ("send", "verify") and not flags.recipients and not flags.from_header:
        raise Misused("to whom? Name recipients, or have them read from the message with -t")
