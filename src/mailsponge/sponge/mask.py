"""Secrets are masked: their value becomes ``***``, their name stays, so that a person still understands the line.

What is taken for a secret:

- what is assigned to a name that ends in password, passwd, passphrase, pwd, secret, token or a key (api_key,
  access_key, …): ``password=x``, ``"token": "x"``, ``?token=x&``, ``DB_PASSWORD='x y'``, ``--password x``;
- the value of Authorization, Proxy-Authorization, Cookie and Set-Cookie, to its end;
- the password in a URL, and a long user name without one, which is a token;
- what has the shape of a well-known token, a JWT or a private key.

What only talks of them is not: "password expired", "token: none found". A secret that is broken over several records
cannot be known, nor one that nothing marks as such; whoever logs those gives patterns of their own.

The time it takes is linear in the text, whatever that holds: words are looked for as plain bytes, an expression is
tried only where one was found, and the next is looked for behind what it took.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Final

from mailsponge.errors import UsageError

MASKED: Final = "***"

# Values. The last group of every expression here is the secret.

_OPENS: Final = r"""[bBuUrR]{0,2}(?P<escape>\\{0,7})(?P<quote>["'])"""
"""A quote as Python, JSON, and JSON within a text open one."""

_CLOSES: Final = r"(?P=escape)(?P=quote)(?!(?P=quote))"

_QUOTED: Final = rf"{_OPENS}%s((?={_CLOSES})|[^\n]*?(?=(?<!\\)(?<!(?P=quote)){_CLOSES}|\n|\Z))"
"""To the same quote, escaped as often; two in a row belong to the text. Unclosed, to the end of the line."""

_BARE: Final = r"""([^\s&;,"']*[^\s&;,"'\\])"""

_NOT_NOTHING: Final = r"""(?!(?:none|null|nil|undefined|true|false)(?:[\s&;,"')\]}]|\Z))"""
"""It helps to see that there is no secret."""

_NOT_PROSE: Final = (
    r"(?![ \t]+(?:not|no|is|was|has|must|may|should|cannot|too|missing|empty|invalid|expired|required|unset|unknown"
    r"|wrong|incorrect|denied|rejected|refused|failed|failure|changed|ok)\b)"
)
"""After a colon and a space, people talk."""

# Names, and what stands between them and their values

_KEYS: Final = (
    "api", "access", "secret", "private", "signing", "encryption", "account", "auth", "license", "master",
)  # fmt: skip

_NAMES: Final = {
    b"pass": r"pass(?:word|wd|phrase|(?<![a-z]pass)(?=[ \t]?=))",
    b"pwd": r"pwd",
    b"secret": r"secret",
    b"token": r"(?<!unexpected )token",
    b"key": rf"(?:{'|'.join(f'(?<={word})|(?<={word}[_-])' for word in _KEYS)})key",
}

_ASSIGNED: Final = (
    r"""(?:[_-]?\d{1,3})?(?:\\{0,7}["'])?\]?[ \t]*+"""
    rf"(?:={{1,3}}>?|:=|:(?!:){_NOT_PROSE}|%3[ad])[ \t]*+"
    rf"(?:{_QUOTED % ''}|{_NOT_NOTHING}{_BARE})"
)

_ARGUMENT: Final = rf"""(?:["'],)?[ \t]++(?:{_QUOTED % ""}|(?!-){_BARE})"""
"""Of an option: ``--password x``, or ``'--password', 'x'``."""

_SCHEME: Final = r"(?:(?:basic|bearer|digest|negotiate|ntlm|token|apikey)[ \t]+(?=\S))?"

_HEADER: Final = (
    rf"""(?:authorization|cookie)(?:\\{{0,7}}["'][ \t]*+[:=,][ \t]*+{_QUOTED % _SCHEME}"""
    rf"|[ \t]*+[:=]{_NOT_PROSE}[ \t]*+{_NOT_NOTHING}{_SCHEME}"
    r"([^\r\n%(quote)s]+?(?=\\r\\n|[\r\n%(quote)s]|\Z)))"
)

_IN_URL: Final = (
    r"""://(?:[^\s/@:"'<>]*+:(?!\d{0,5}(?:[/?#\s"']|\Z))([^\s/"'<>]*|[^\s"'<>]{1,255})@"""
    r"|([A-Za-z0-9_-]{20,})@)"
)
"""A password with a slash in it is against the rules; but then the line is most likely about that."""

_SHAPES: Final = {
    b"akia": r"(?<![A-Za-z0-9])(AKIA[A-Z0-9]{16})(?![A-Za-z0-9])",
    b"eyj": r"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]*+)",
    b"ghp_": r"(?<![A-Za-z0-9])(ghp_[A-Za-z0-9]++)",
    b"gho_": r"(?<![A-Za-z0-9])(gho_[A-Za-z0-9]++)",
    b"github_pat_": r"(github_pat_[A-Za-z0-9_]++)",
    b"xox": r"(?<![A-Za-z0-9])(xox[a-z]-[A-Za-z0-9-]{8,}+)",
    b"sk-": r"(?<![A-Za-z0-9_-])(sk-(?=[A-Za-z_-]*+[0-9])[A-Za-z0-9_-]{16,}+)",
    b"-----begin": (
        r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(.*?(?=-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY)|.*+)"
    ),
}


@cache
def _compiled(pattern: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """Compiled when it is needed: most runs end without a secret, and imports should cost nothing."""
    return re.compile(pattern, flags | re.ASCII)


Found = re.Match[str] | None


def _name(hint: bytes, text: str, at: int, since: int) -> Found:
    found = _compiled(_NAMES[hint] + _ASSIGNED).match(text, at)
    if found is None and _compiled(r"--[\w-]*\Z").search(text[max(at - 32, 0) : at]):
        return _compiled(_NAMES[hint] + _ARGUMENT).match(text, at)
    return found


def _field(hint: bytes, text: str, at: int, since: int) -> Found:
    """A header within quotes ends with them; any other with its line."""
    before = text[max(at - 7, 0) : at].lower().removesuffix("proxy-").removesuffix("set-")[-1:]
    return _compiled(_HEADER % {"quote": before if before in ("'", '"') else ""}).match(text, at)


def _url(hint: bytes, text: str, at: int, since: int) -> Found:
    """What an ``@`` belongs to began behind the one before."""
    begin = text.rfind("://", since, at)
    return _compiled(_IN_URL).match(text, begin) if begin >= 0 else None


def _shape(hint: bytes, text: str, at: int, since: int) -> Found:
    return _compiled(_SHAPES[hint], re.DOTALL).match(text, at)


_HINTS: Final[dict[bytes, Callable[[bytes, str, int, int], Found]]] = {
    **dict.fromkeys(_NAMES, _name),
    b"authorization": _field,
    b"cookie": _field,
    b"@": _url,
    **dict.fromkeys(_SHAPES, _shape),
}
"""What stands near every secret, in lower case, and how it is found from there: in that text, at that place, and not
before the end of what was found last."""


class Mask:
    """Masks secrets.

    Args:
        extra: further expressions, as Python's ``re`` knows them: what their groups match is masked; without groups,
            all that they match. They are tried on every text, and what that costs is their author's.

    Raises UsageError (a ValueError) that names what is no expression.
    """

    def __init__(self, extra: Sequence[str] = ()) -> None:
        self._extra = tuple(map(_expression, extra))

    def text(self, text: str) -> str:
        """The text with its secrets masked. Masked once more, it stays as it is."""
        for pattern in self._extra:
            text = _masked(text, _of_ones_own(pattern, text))
        lowered = _lowered(text)
        hints = [hint for hint in _HINTS if hint in lowered]
        return _masked(text, (span for hint in hints for span in _known(hint, text, lowered)))

    def suspects(self, texts: Sequence[str]) -> list[int]:
        """Which of the texts might hold a secret. Asked for many at once, each costs next to nothing."""
        if self._extra:
            return list(range(len(texts)))
        ends = list(accumulate(map(len, texts)))
        lowered = _lowered("".join(texts))
        found = set()
        # One byte is found twenty times as fast as a word.
        missing = [sign for sign in (b"_", b"-") if sign not in lowered]
        for hint in _HINTS:
            if any(sign in hint for sign in missing):
                continue
            at = lowered.find(hint)
            while at >= 0:
                index = bisect_right(ends, at)
                found.add(index)
                at = lowered.find(hint, ends[index])
        return sorted(found)


def _expression(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise UsageError(f"mask {pattern!r} is no regular expression: {error}") from error


def _lowered(text: str) -> bytes:
    """In lower case, a byte a character: what is not ASCII is in no hint."""
    return text.encode("latin-1", "replace").lower()


Span = tuple[int, int]


def _known(hint: bytes, text: str, lowered: bytes) -> Iterator[Span]:
    find, since = _HINTS[hint], 0
    while (at := lowered.find(hint, since)) >= 0:
        match = find(hint, text, at, since)
        since = at + len(hint)
        if match is not None:
            yield match.span(match.lastindex or 0)
            since = max(since, match.end())


def _of_ones_own(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    groups = range(1, pattern.groups + 1) or (0,)
    for match in pattern.finditer(text):
        for group in groups:
            yield match.span(group)


def _masked(text: str, spans: Iterator[Span]) -> str:
    """Mask each span, those that touch as one. What consists of asterisks alone is masked already, or hides nothing."""
    parts: list[str] = []
    done = 0
    for begin, end in sorted(spans):
        if parts and begin <= done:
            done = max(done, end)
        elif text[begin:end].strip("*"):
            parts += text[done:begin], MASKED
            done = end
    return "".join((*parts, text[done:])) if parts else text
