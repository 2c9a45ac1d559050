"""HTML that a stranger wrote, made into a document that can do nothing but be looked at.

Two walls, each of which would do alone. nh3 leaves of the HTML what is on a list and nothing else. What is left becomes
a document of its own, which a page holds in a frame: its `Content-Security-Policy` makes it an opaque origin
(``sandbox``) that runs no script, sends no form and loads nothing. Pictures that lie elsewhere are loaded when the
reader has asked for that, over https alone. A link opens a new window, and where it really leads stands behind it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import nh3

from mailsponge.web.attachments import BEGINNINGS

LONGEST: Final = 256 * 1024
"""Characters of HTML that are looked at. Some work of a parser grows with the square of them."""
MOST_ELEMENTS: Final = 12_000
"""Elements that can hold one another; the same is true of their depth."""
LONGEST_LINK: Final = 2000
MOST_PICTURE: Final = 1024 * 1024
"""Bytes of pictures within the mail that are put into the document, all together."""

Picture = Callable[[str], tuple[str, bytes] | None]
"""The part with a Content-ID: its kind and what it holds."""


_TEXT = """
a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl
dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section
small span strike strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr
"""
TAGS: Final = frozenset(_TEXT.split())
_NOT_READ = """
script style title svg math object embed applet iframe frameset template select textarea audio video canvas
"""
_GONE_WITH_CONTENT: Final = frozenset(_NOT_READ.split())

_EVERYWHERE = frozenset(("style", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height"))
ATTRIBUTES: Final = {
    "*": set(_EVERYWHERE),
    "a": {"href"},
    "img": {"src", "alt", "border"},
    "font": {"color"},
    "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "nowrap", "scope"},
    "table": {"border", "cellpadding", "cellspacing"},
    "col": {"span"},
    "colgroup": {"span"},
    "ol": {"start", "type"},
    "time": {"datetime"},
}

_DECLARED = """
color background-color font-weight font-style text-align text-decoration vertical-align padding padding-top
padding-right padding-bottom padding-left border border-top border-right border-bottom border-left border-color
border-style border-width border-collapse
"""
STYLES: Final = frozenset(_DECLARED.split())
"""What a style attribute may set. Nothing that moves, hides or covers, and nothing that takes an address."""

_HOLDS_OTHERS = re.compile(r"<(?!(?:p|br|hr|img|li|dd|dt|td|th|tr)\b)[a-z]", re.IGNORECASE)
_FOREIGN = re.compile(r"<(?:svg|math)\b", re.IGNORECASE)
_ANY_ELEMENT = re.compile(r"<[a-z]", re.IGNORECASE)
_FAR_PICTURE = re.compile(r"\bsrc\s{0,9}=\s{0,9}[\"']?\s{0,9}https?:", re.IGNORECASE)
_SAME_AS_ITS_TEXT = re.compile(r'<a href="([^"]*+)"((?: [a-z]++="[^"]*+")*+)>\1</a>')
_CONTROL = re.compile(r"[\x00-\x20\x7f]++")

_SHEET = (
    "html{color-scheme:light;background:#fff;color:#1b1b1b}"
    "body{margin:1rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}table{max-width:100%}pre{white-space:pre-wrap}"
    "blockquote{margin:0 0 0 .5rem;padding-left:.75rem;border-left:3px solid #ccc}"
    "a[href]{color:#0b57d0}"
    "a[href]:not([data-same])::after{content:' ⟨' attr(href) '⟩';font:.8125rem/1.4 ui-monospace,monospace;"
    "color:#555;background:#fff;text-decoration:none}"
)
_SHEET_HASH = base64.b64encode(hashlib.sha256(_SHEET.encode()).digest()).decode()


def policy(far_pictures: bool) -> str:
    """The Content-Security-Policy of the document; ``far_pictures``: the reader has asked for them."""
    pictures = "data: https:" if far_pictures else "data:"
    return (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        f"img-src {pictures}; style-src-elem 'sha256-{_SHEET_HASH}'; style-src-attr 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


def headers(far_pictures: bool) -> dict[str, str]:
    """The headers that the document goes out with."""
    return {
        "Content-Security-Policy": policy(far_pictures),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }


def can_be_shown(source: str) -> bool:
    """Whether the HTML is no more than may be looked at. What is too much is read as text."""
    if len(source) > LONGEST:
        return False
    # Inside a drawing or a formula, cells of a table hold one another too.
    holds = _ANY_ELEMENT if _FOREIGN.search(source) else _HOLDS_OTHERS
    return sum(1 for _ in holds.finditer(source)) <= MOST_ELEMENTS


def far_pictures_in(source: str) -> int:
    """About how many pictures lie elsewhere."""
    return sum(1 for _ in _FAR_PICTURE.finditer(source))


def document(source: str, picture: Picture, *, far_pictures: bool) -> str:
    """Make the document out of HTML that `can_be_shown`; ``far_pictures``: those are to be loaded."""
    body = nh3.clean(
        source,
        tags=set(TAGS),
        clean_content_tags=set(_GONE_WITH_CONTENT),
        attributes=ATTRIBUTES,
        attribute_filter=_Links(picture, far_pictures).allowed,
        url_schemes={"http", "https", "mailto", "data", "cid"},
        url_relative="deny",
        filter_style_properties=set(STYLES),
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return _page(_SAME_AS_ITS_TEXT.sub(r'<a href="\1"\2 data-same="">\1</a>', body))


def _page(body: str) -> str:
    return (
        '<!doctype html><html lang=""><head><meta charset="utf-8"><title>The mail, as its sender laid it out</title>'
        f"<style>{_SHEET}</style></head><body>{body}</body></html>"
    )


class _Links:
    """What becomes of addresses."""

    def __init__(self, picture: Picture, far_pictures: bool) -> None:
        self._picture = picture
        self._far_pictures = far_pictures
        self._room = MOST_PICTURE

    def allowed(self, tag: str, attribute: str, value: str) -> str | None:
        """The value to keep, or None."""
        if attribute == "href":
            return web_address(value)
        if attribute == "src":
            return self._source(_CONTROL.sub("", value))
        return value

    def _source(self, value: str) -> str | None:
        scheme, _, rest = value.partition(":")
        match scheme.lower():
            case "cid":
                return self._within(rest)
            case "data":
                return self._embedded(rest)
            case "https" if self._far_pictures:
                return value
        return None

    def _within(self, content_id: str) -> str | None:
        found = self._picture(content_id)
        return None if found is None else self._data(*found)

    def _embedded(self, rest: str) -> str | None:
        """A picture that stands in the HTML: decoded and written anew, so that it is nothing else besides."""
        kind, _, encoded = rest.partition(";base64,")
        try:
            return self._data(kind.lower(), base64.b64decode(encoded[: 2 * MOST_PICTURE]))
        except ValueError:
            return None

    def _data(self, kind: str, held: bytes) -> str | None:
        if kind not in BEGINNINGS or not held.startswith(BEGINNINGS[kind]) or len(held) > self._room:
            return None
        self._room -= len(held)
        return f"data:{kind};base64,{base64.b64encode(held).decode()}"


def web_address(value: str) -> str | None:
    """An address of the web or of mail in letters that cannot deceive: other scripts in a host's name as ``xn--``, all
    else beyond ASCII as percent escapes. None for an address that is neither, or too long to be shown whole.
    """
    text = _CONTROL.sub("", value)
    if len(text) > LONGEST_LINK:
        return None
    try:
        parts = urlsplit(text)
        if parts.scheme == "mailto":
            return f"mailto:{quote(parts.path, safe='@%+,.!#$&*/=^_`{|}~-')}"
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        host = (
            parts.hostname.encode("idna").decode("ascii") if not parts.hostname.isascii() else parts.hostname
        )
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UnicodeError):
        return None
    where = f"[{host}]{port}" if ":" in host else f"{host}{port}"
    path, query, rest = (quote(each, safe=_AS_THEY_ARE) for each in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, where, path, query, rest))


_AS_THEY_ARE: Final = "%/?:@!$&'()*+,;=-._~"

_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'\x00-\x1f\x7f-\x9f]++", re.IGNORECASE)
_QUOTED = re.compile(r"^&gt;[^\n]*+(?:\n&gt;[^\n]*+)*+", re.MULTILINE)
_TRAILING = ".,;:!?)]}»”’"


def linked(text: str) -> str:
    """A plain text as HTML, escaped, in which addresses of the web are links: whole, as they stand there. What it
    quotes is marked.
    """
    made: list[str] = []
    done = 0
    for found in _ADDRESS.finditer(text):
        shown = found[0].rstrip(_TRAILING)
        target = web_address(shown)
        if target is None:
            continue
        made.append(html.escape(text[done : found.start()]))
        made.append(
            f'<a href="{html.escape(target)}" rel="noopener noreferrer" target="_blank">{html.escape(shown)}</a>'
        )
        made.append("" if target == shown else f" <small>⟨{html.escape(target)}⟩</small>")
        done = found.start() + len(shown)
    return _QUOTED.sub(r'<span class="quote">\g<0></span>', "".join((*made, html.escape(text[done:]))))
