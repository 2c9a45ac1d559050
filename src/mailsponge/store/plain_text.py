"""The words of a text in HTML, for people and for finding them. Whatever the text is, it takes time that grows with its
length and no faster: a tag that never ends is looked for once.
"""

from __future__ import annotations

import html
import re
from typing import Final

_TAG: Final = re.compile(r"<(?:(!--)|[!?]|(/?)([a-zA-Z][a-zA-Z0-9]{0,30}))")
_BLOCKS: Final = frozenset(
    ("p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "pre", "table", "ul", "ol", "hr")
)
_UNREAD: Final = {
    "script": re.compile(r"</script", re.IGNORECASE),
    "style": re.compile(r"</style", re.IGNORECASE),
    "title": re.compile(r"</title", re.IGNORECASE),
    "head": re.compile(r"</head|<body", re.IGNORECASE),
}
"""What nobody reads, each with where it ends."""


def without_tags(text: str) -> str:
    """The words, with a new line where a block begins. Good enough to know what a mail is about."""
    found: list[str] = []
    at: int | None = 0
    while at is not None:
        at = _next(text, at, found)
    lines = (" ".join(line.split()) for line in "".join(found).split("\n"))
    return "\n".join(line for line in lines if line)


def _next(text: str, at: int, found: list[str]) -> int | None:
    """Take what comes before the next tag; where to go on behind it, or None at the end."""
    tag = _TAG.search(text, at)
    found.append(html.unescape(text[at : tag.start() if tag else len(text)]).replace("\n", " "))
    if tag is None:
        return None
    comment, closes, name = tag[1], tag[2], (tag[3] or "").lower()
    if name in _BLOCKS:
        found.append("\n")
    if name in _UNREAD and not closes:
        over = _UNREAD[name].search(text, tag.end())
        return over.start() if over else None
    end = text.find("-->" if comment else ">", tag.end())
    return None if end < 0 else end + (3 if comment else 1)
