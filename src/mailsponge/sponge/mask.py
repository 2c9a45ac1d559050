"""Secrets are masked: their value becomes ``***``, their name stays, so that a person still understands the line.

What is taken for a secret:

- what is assigned to a name that ends in password, passwd, passphrase, pwd, secret, token or a key (api_key,
  access_key, …): ``password=x``, ``"token": "x"``, ``?token=x&``, ``DB_PASSWORD='x y'``, ``--password x``;
- the value of Authorization, Proxy-Authorization, Cookie and Set-Cookie, to its end;
- the password in a URL, and a long user name without one, which is a token;
- what is in a list, a tuple or a dictionary that is assigned to such a name;
- what curl, mysql, sshpass and SQL are given one with;
- what is in a list, a tuple or a dictionary that is assigned to such a name;
- what curl, mysql, sshpass and SQL are given one with;
- what has the shape of a well-known token, a JWT or a private key.

What only talks of them is not: "password expired", "token: none found". A secret that is broken over several records
cannot be known, nor one that nothing marks as such; whoever logs those gives patterns of their own.

The time it takes is linear in the text, whatever that holds: words are looked for as plain bytes, an expression is
tried only where one was found, and the next is looked for behind what it took.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final

from mailsponge.errors import UsageError

MASKED: Final = "***"

# Values. The last group of every expression here is the secret.

_GAP: Final = r"(?:[ \t\xa0\u3000]|\x1b\[[\d;]{0,16}m)*+"
"""Blanks, and the colours of a terminal."""

_OPENS: Final = r"""[bBuUrR]{0,2}(?P<escape>\\{0,7})(?P<quote>["'])"""
"""A quote as Python, JSON, and JSON within a text open one."""

_CLOSES: Final = r"(?P=escape)(?P=quote)(?!(?P=quote))"

_QUOTED: Final = rf"{_OPENS}%s((?={_CLOSES})|[^\n]*?(?=(?<!\\)(?<!(?P=quote)){_CLOSES}|\n|\Z))"
"""To the same quote, escaped as often; two in a row belong to the text. Unclosed, to the end of the line."""

_BARE: Final = r"""([^\s&;,"'\x1b]*[^\s&;,"'\\\x1b])"""


def _inside(opens: str, closes: str, depth: int = 2) -> str:
    """What stands between two brackets; where a quote or a bracket within is not closed, the rest of the line."""
    deeper = rf"{opens}{_inside(opens, closes, depth - 1)}{closes}|" if depth else ""
    return (
        rf"""(?:{deeper}"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|[^{opens}{closes}"'\n]"""
        rf"""|(?:{opens}|["'])[^\n]*+)*+"""
    )


def _bracketed(brackets: str) -> str:
    opens, closes = map(re.escape, brackets)
    return rf"{opens}({_inside(opens, closes)}(?:{closes}(?=\w)[^\n]*+)?)"


_CALL: Final = r"""[\w.]{1,60}+(?=\((?:[bru]{0,2}\\{0,7}["']|\*\*\*\)))"""
_CONTAINER: Final = rf"(?:(?:{_CALL})?{_bracketed('()')}|{_bracketed('[]')}|{_bracketed('{}')})"
"""A list, a tuple, a dictionary, or a call with a quoted argument: all that is in it. What goes on right behind it is
no container, and masked with all that follows."""

_NOT_NOTHING: Final = r"""(?!(?:none|null|nil|undefined|true|false)(?:[\s&;,"')\]}]|\Z))"""
"""It helps to see that there is no secret."""

_NOT_PROSE: Final = (
    r"(?![ \t]+(?:(?:not|no|is|was|has|must|may|should|cannot|too|missing|empty|invalid|expired|required|unset|unknown"
    r"|wrong|incorrect|denied|rejected|refused|failed|failure|changed|ok)\b"
    r"|(?:user|line|loaded|read|permission|updated|successfully)[ \t]+(?:[a-z]|\d+\b)"
    r"|\d{1,4}[ \t]+(?:cookies|tokens|secrets|keys|passwords|found|left|set)\b))"
)
"""After a colon and a space, people talk."""

# Names, and what stands between them and their values

_KEYS: Final = (
    "api", "access", "secret", "private", "signing", "encryption", "account", "auth", "license", "master",
)  # fmt: skip

_SIGN: Final = r"(?:={1,3}>?|:=|:(?!:)|%3[ad]|[\uff1d\uff1a])"
_ENDS: Final = r"""(?:\\{0,7}["'])?\]?"""

_COUNTED: Final = rf"(?!{_ENDS}{_GAP}{_SIGN}{_GAP}\d{{1,9}}(?:[\s,;&)\]}}]|\Z))"
"""Of tokens, models count how many there are."""

_PATH: Final = rf"""(?<![_-]pwd)(?={_ENDS}{_GAP}{_SIGN}{_GAP}["']?(?:~?/|[a-z]:[\\/]))"""

_NAMES: Final = {
    b"pass": (
        r"(?:password|(?<!/)passwd|(?<=/)passwd(?!:)|passphrase)s?"
        r"|(?<![a-z])(?<!tests )(?<!checks )pass"
    ),
    b"pwd": rf"pwd(?!{_PATH})",
    b"secret": r"secrets?",
    b"token": rf"(?<!unexpected )(?<!max[_-])(?<!max)token(?:s{_COUNTED})?",
    b"key": rf"(?:{'|'.join(f'(?<={word})|(?<={word}[_-])' for word in _KEYS)})keys?(?:_base)?",
    b"sess": r"sess(?:ion)?[_-]?id",
    b"sig=": r"(?<![a-z])sig(?!=(?:\d{1,2}\b|sig))",
    b"signature": rf"""signature(?=\\{{0,7}}["']|{_GAP}=)""",
}

_ASSIGNED: Final = (
    rf"""(?:[_-]?\d{{1,3}})?{_GAP}{_ENDS}{_GAP}"""
    rf"(?:={{1,3}}>?|:=|:(?!:){_NOT_PROSE}|%3[ad]|[\uff1d\uff1a]){_GAP}"
    rf"(?:{_CONTAINER}|{_QUOTED % ''}|{_NOT_NOTHING}{_BARE})"
)

_ARGUMENT: Final = rf"""(?:["'],)?[ \t]++(?:{_QUOTED % ""}|(?!-){_BARE})"""
"""Of an option: ``--password x``, or ``'--password', 'x'``."""

_BESIDE: Final = (
    r"""\\{0,7}["'][ \t]*+,?[ \t]*+(?:\\{0,7}["'])?value(?:\\{0,7}["'])?"""
    rf"""[ \t]*+[:=][ \t]*+{_QUOTED % ""}"""
)
"""In an attribute of its own: ``name="password" value="x"``, or ``'name': 'password', 'value': 'x'``."""

_PAIRED: Final = r"""\\{0,7}["'],[ \t]*+[bru]{0,2}\\{0,7}(?:"([^"\n]++)(?="\))|'([^'\n]++)(?='\)))"""
"""In a tuple of two: ``('password', 'x')``."""

_ELEMENT: Final = r">([^<>\n]++)(?=</)"

_FORMS: Final = {
    r"--[\w-]{0,32}\Z": _ARGUMENT,
    r"\([bru]{0,2}\\{0,7}[\"'][\w.-]*\Z": _PAIRED,
    r"[\"'][\w.-]*\Z": _BESIDE,
    r"<[\w.:-]*\Z": _ELEMENT,
}
"""What is before a name, and what is behind it then."""

_OTHERWISE: Final = (
    r"(?:password[ \t]++'([^'\n]++)'"
    r"""|(?<=ssh)pass["',]{0,2}[ \t]++["']?-p["',]{0,2}[ \t]*+["']?([^\s"']++))"""
)
"""Without a sign: SQL, and ``sshpass -p x``."""

_SCHEME: Final = r"(?:(?:basic|bearer|digest|negotiate|ntlm|token|apikey)[ \t]+(?=\S))?"

_HEADER: Final = (
    rf"""(?:cookies{_ENDS}{_GAP}[:=]{_GAP}{_CONTAINER}"""
    rf"""|(?:authorization|cookie)(?:\\{{0,7}}["'][ \t]*+[:=,][ \t]*+{_QUOTED % _SCHEME}"""
    rf"|{_GAP}[:=\uff1d\uff1a]{_NOT_PROSE}{_GAP}{_NOT_NOTHING}{_SCHEME}"
    r"([^\r\n%(quote)s]+?(?=\\r\\n|[\r\n%(quote)s]|\Z))))"
)

_IN_URL: Final = (
    r"""://(?:[^\s/@:"'<>]*+:(?!\d{0,5}(?:[/?#\s"']|\Z))([^\s/"'<>]*|[^\s"'<>]{1,255})@"""
    r"|([A-Za-z0-9_-]{20,})@)"
)
"""A password with a slash in it is against the rules; but then the line is most likely about that."""

_ORACLE: Final = r"oracle:\w{1,8}:[^\s/@]{1,64}/([^\s/@]+)@"

_LOGINS: Final = {
    b"auth=": rf"(?<![a-z])auth={_CONTAINER}",
    b"-u": (
        r"""(?:(?<![\w-])-u|(?<=-)-user)(?:["'],)?[ \t=]*+["']?(?!\d+:\d+\b)"""
        r"""[^\s:"'/]{1,64}+:(?!/)([^\s"']+)"""
    ),
    b"mysql": r"""mysql(?:dump|admin)?\b[^\n]{0,200}?[ \t"']-p([^\s"']++)""",
    b"identified": r"""identified (?:with [\w'"]{1,64} )?by[ \t]++(?:password[ \t]++)?['"]([^'"\n]++)['"]""",
    b"hooks.slack.com": r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]++)",
    b"-----begin": (
        r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(.*?(?=-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY)|.*+)"
    ),
}
"""What a few programs are given a secret with, and private keys."""

_SHORTEST: Final = 20
"""Every token below has so many letters, digits, ``_`` and ``-`` in a row, and few other words have."""

_RUN: Final = rf"[A-Za-z0-9_-]{{{_SHORTEST},}}+"
_RANDOM: Final = r"(?=[a-z_-]*+\d|(?-i:[A-Z]*[a-z_-]+[A-Z]))"
"""No mere word."""

_SHAPES: Final = {
    b"akia": r"(AKIA[A-Z0-9]{16})(?![A-Za-z0-9])",
    b"asia": r"(ASIA[A-Z0-9]{16})(?![A-Za-z0-9])",
    b"aiza": r"(AIza[\w-]{30,}+)",
    b"eyj": r"(eyJ[\w-]{17,}+\.[\w-]++\.[\w-]*+)",
    **{f"gh{kind}_".encode(): rf"(gh{kind}_[A-Za-z0-9]{{16,}}+)" for kind in "pousr"},
    b"github_pat_": r"(github_pat_\w{9,}+)",
    b"glpat-": r"(glpat-[\w-]{14,}+)",
    b"xox": r"(xox[a-z]-[\w-]{15,}+)",
    b"xapp-": r"(xapp-[\w-]{15,}+)",
    b"sk-": r"(?<![_-])(sk-(?=[a-z_-]*+\d)(?=[\w-]*?[A-Za-z0-9]{12})[\w-]{17,}+)",
    **{
        f"{kind}_{where}_".encode(): rf"({kind}_{where}_[A-Za-z0-9]{{12,}}+)"
        for kind in ("sk", "rk")
        for where in ("live", "test")
    },
    b"whsec_": r"(whsec_[\w-]{14,}+[\w+/=-]*+)",
    b"npm_": r"(npm_[A-Za-z0-9]{16,}+)",
    b"pypi-": r"(pypi-(?=[a-z_-]*+\d)[\w-]{15,}+)",
    b"hf_": r"(hf_[A-Za-z0-9]{17,}+)",
    b"ya29.": rf"(ya29\.{_RUN}[\w.-]*+)",
    b"sg.": rf"(SG\.{_RUN}\.[\w-]++)",
    b"bearer": rf"bearer[ \t]({_RANDOM}{_RUN}[\w.~+/=-]*+)",
    b"basic": rf"basic[ \t]({_RANDOM}{_RUN}[\w.~+/=-]*+)",
    b":": r"(?<=\d{6}):([\w-]{35}+)(?![\w-])",
}
"""Well-known tokens, as a whole word, or behind a ``_`` or ``-``; the last are the bots of Telegram."""

_TOKEN: Final = (
    rb"(?:[a-z0-9]*+[_-])*?(?:gh[pousr]_|github_pat_|glpat-|akia|asia|aiza|eyj|xox|xapp-|[sr]k_|sk-|whsec_|npm_|pypi-|hf_)"
    rb"|(?<=ya29\.)|(?<=sg\.)|(?<=bearer[ \t])|(?<=basic[ \t])|(?<=[0-9]:)"
)
"""How a run of these characters begins that may be one."""

_IN_RUNS: Final = bytes(
    ord("x") if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "_-") else ord(" ")
    for code in range(256)
)


@cache
def _compiled(pattern: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """Compiled when it is needed: most runs end without a secret, and imports should cost nothing."""
    return re.compile(pattern, flags | re.ASCII)


Found = re.Match[str] | None


def _name(hint: bytes, text: str, at: int, since: int) -> Found:
    name = _compiled(_NAMES[hint]).match(text, at)
    if name is not None:
        if (found := _compiled(_ASSIGNED).match(text, name.end())) is not None:
            return found
        before = text[max(at - 48, 0) : at]
        for where, form in _FORMS.items():
            if _compiled(where).search(before) and (found := _compiled(form).match(text, name.end())):
                return found
    return _compiled(_OTHERWISE).match(text, at) if hint == b"pass" else None


def _field(hint: bytes, text: str, at: int, since: int) -> Found:
    """A header within quotes ends with them; any other with its line."""
    before = text[max(at - 7, 0) : at].lower().removesuffix("proxy-").removesuffix("set-")[-1:]
    return _compiled(_HEADER % {"quote": before if before in ("'", '"') else ""}).match(text, at)


def _url(hint: bytes, text: str, at: int, since: int) -> Found:
    """What an ``@`` belongs to began behind the one before."""
    begin = text.rfind("://", since, at)
    if begin >= 0:
        return _compiled(_IN_URL).match(text, begin)
    begin = text.rfind("oracle:", max(since, at - 200), at)
    return _compiled(_ORACLE).match(text, begin) if begin >= 0 else None


def _login(hint: bytes, text: str, at: int, since: int) -> Found:
    return _compiled(_LOGINS[hint], re.IGNORECASE | re.DOTALL).match(text, at)


def _shape(hint: bytes, text: str, at: int, since: int) -> Found:
    if hint != b":" and text[at - 1 : at].isalnum() and text[at - 1].isascii():
        return None
    return _compiled(_SHAPES[hint]).match(text, at)


Finder = Callable[[bytes, str, int, int], Found]

_WORDS: Final[dict[bytes, Finder]] = {
    **dict.fromkeys(_NAMES, _name),
    b"authorization": _field,
    b"cookie": _field,
    b"@": _url,
    **dict.fromkeys(_LOGINS, _login),
}
_HINTS: Final[dict[bytes, Finder]] = {**_WORDS, **dict.fromkeys(_SHAPES, _shape)}
"""What stands near every secret, in lower case, and how it is found from there: in that text, at that place, and not
before the end of what was found last."""
_LEFT_OUT: Final = (
    bytes(set(range(1, 256)).difference(*_WORDS, *map(bytes.upper, _WORDS))) + b"bfhlmrzBFHLMRZ"
)
_WORDS_IN_SHORT: Final = tuple(hint.translate(None, _LEFT_OUT) for hint in _WORDS)
_LOWER: Final = bytes(range(256)).lower()
"""Where nothing is to be masked yet, texts are searched without digits, blanks, and letters that the words can do
without: half as long, it takes half the time. What is taken for a word in vain is looked at once more."""


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
        if not text:
            return text
        everything = _bytes(text)
        lowered = everything.lower()
        hints = [hint for hint in _WORDS if hint in lowered]
        if any(True for _ in _tokens(everything)):
            hints += [hint for hint in _SHAPES if hint in lowered]
        return _masked(text, (span for hint in hints for span in _known(hint, text, lowered)))

    def suspects(self, texts: Sequence[str]) -> list[int]:
        """Which of the texts might hold a secret. Asked for many at once, each costs next to nothing."""
        if self._extra:
            return list(range(len(texts)))
        everything = _bytes("\0".join(texts))
        short = everything.translate(_LOWER, _LEFT_OUT)
        if short.count(b"\0") >= max(len(texts), 1):
            return self.suspects([text.replace("\0", " ") for text in texts])
        found = set(_numbers(_tokens(everything), everything))
        for word in _WORDS_IN_SHORT:
            found.update(_numbers(_places(word, short), short))
        return sorted(found)

    def is_harmless(self, text: str) -> bool:
        """Whether no text becomes a secret, or stops being one, by having this one around it."""
        lowered = _bytes(text).lower()
        return not self._extra and not any(hint in lowered for hint in _HINTS if hint != b":")


def _numbers(places: Iterator[int], joined: bytes) -> Iterator[int]:
    """The numbers of the texts in which some places are. NUL stands between two texts, and nowhere else."""
    number = since = 0
    for at in places:
        number += joined.count(b"\0", since, at)
        since = at
        yield number


def _places(hint: bytes, joined: bytes) -> Iterator[int]:
    """Where a hint is, once in each text."""
    at = joined.find(hint)
    while at >= 0:
        yield at
        end = joined.find(b"\0", at)
        at = joined.find(hint, end) if end >= 0 else -1


def _tokens(everything: bytes) -> Iterator[int]:
    """Where tokens may begin. They are long, and looked for as that: it takes the time of one word, not of thirty."""
    runs = everything.translate(_IN_RUNS)
    begin = runs.find(b"x" * _SHORTEST)
    if begin < 0:
        return
    begins = re.compile(_TOKEN, re.IGNORECASE)
    while begin >= 0:
        end = runs.find(b" ", begin)
        end = len(runs) if end < 0 else end
        if begins.match(everything, begin) is not None:
            yield begin
        begin = runs.find(b"x" * _SHORTEST, end)


def _expression(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise UsageError(f"mask {pattern!r} is no regular expression: {error}") from error


def _bytes(text: str) -> bytes:
    """A byte a character: what is not ASCII is in no hint."""
    return text.encode("latin-1", "replace")


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
