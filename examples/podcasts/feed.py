"""A feed's XML becomes a :class:`Feed`: RSS 2.0 and Atom (RFC 4287), as they are found in the wild.

Bytes in, values out; nothing here touches the network or the disk. What a feed gets wrong without harm (a date nobody
can read, a missing guid, a title full of markup) is put right quietly. What leaves nothing to work with is a
:class:`FeedError`, which says what is wrong and where.
"""

from __future__ import annotations

import html
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urljoin
from xml.parsers import expat

ATOM = "{http://www.w3.org/2005/Atom}"
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"


class FeedError(Exception):
    """What came is not a feed."""


class Episode(NamedTuple):
    """Something to listen to."""

    guid: str
    """Names the episode for good: its guid or id, else the address of what there is to hear."""
    title: str
    published: datetime | None
    """With a zone (UTC where the feed names none); None if there is no date or nobody can read it."""
    enclosure: str
    """The address of the audio, absolute."""


class Feed(NamedTuple):
    """A show and its episodes, newest first. Entries with nothing to hear are left out."""

    title: str
    episodes: tuple[Episode, ...]


def parse(document: bytes, url: str) -> Feed:
    """Read a feed that came from ``url``, which relative addresses inside it refer to. Raises FeedError."""
    root = _tree(document)
    if root.tag == f"{ATOM}feed":
        return _feed(root.find(f"{ATOM}title"), _atom_episodes(root, url))
    channel = root.find("channel") if root.tag == "rss" else None
    if channel is None:
        raise FeedError(f"neither RSS 2.0 nor Atom: the document is <{_local_name(root.tag)}>")
    return _feed(channel.find("title"), _rss_episodes(channel, url))


def _feed(title: ET.Element | None, episodes: Iterable[Episode]) -> Feed:
    return Feed(_text(title), tuple(_newest_first(episodes)))


def _rss_episodes(channel: ET.Element, url: str) -> Iterator[Episode]:
    for item in channel.iterfind("item"):
        enclosure = item.find("enclosure")
        href = "" if enclosure is None else enclosure.get("url", "").strip()
        if href:
            yield _episode(
                item.find("guid"), item.find("title"), item.findtext("pubDate"), urljoin(url, href)
            )


def _atom_episodes(root: ET.Element, url: str) -> Iterator[Episode]:
    for entry in root.iterfind(f"{ATOM}entry"):
        href = entry.find(f"{ATOM}link[@rel='enclosure'][@href]")
        if href is not None:
            date = entry.findtext(f"{ATOM}published") or entry.findtext(f"{ATOM}updated")
            address = _resolved(url, root, entry, href)
            yield _episode(entry.find(f"{ATOM}id"), entry.find(f"{ATOM}title"), date, address)


def _resolved(url: str, root: ET.Element, entry: ET.Element, link: ET.Element) -> str:
    """The link's href against every xml:base around it, from the outside in (RFC 4287 section 2)."""
    for element in (root, entry, link):
        url = urljoin(url, element.get(XML_BASE, ""))
    return urljoin(url, link.get("href", "").strip())


def _episode(guid: ET.Element | None, title: ET.Element | None, date: str | None, address: str) -> Episode:
    return Episode(_text(guid) or address, _text(title), moment(date), address)


def _newest_first(episodes: Iterable[Episode]) -> list[Episode]:
    """By date; an episode without one counts as published when the one above it was, the first as brand new."""
    dated, above = [], datetime.max.replace(tzinfo=UTC)
    for episode in episodes:
        above = episode.published or above
        dated.append((above, episode))
    return [episode for _, episode in sorted(dated, key=lambda pair: pair[0], reverse=True)]


def moment(text: str | None) -> datetime | None:
    """The date of an RSS item (RFC 822, more or less) or an Atom entry (RFC 3339); None for what cannot be read."""
    text = (text or "").strip()
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _text(element: ET.Element | None) -> str:
    """What a person would read: one line, no markup, no control characters, one way of writing each letter (NFC)."""
    if element is None:
        return ""
    text = "".join(element.itertext())
    if element.get("type") == "html":
        text = re.sub(r"<[^<>]*>", "", text)
    if element.get("type") != "text":  # RSS never says; most programs that write it escape twice
        text = html.unescape(text)
    words = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text)).split()
    return " ".join(words)


def _tree(document: bytes) -> ET.Element:
    """The document's root. Raises FeedError for XML that is malformed, or that declares entities of its own."""
    document = document.lstrip()  # a blank line before <?xml … ?> is wrong, common and harmless
    guard = expat.ParserCreate()
    guard.EntityDeclHandler = _refuse_entity
    try:
        guard.Parse(document, True)
        return ET.fromstring(document)
    except (expat.ExpatError, ET.ParseError) as error:
        raise FeedError(f"malformed XML: {error}") from error
    except (LookupError, ValueError) as error:
        raise FeedError(f"the document's encoding cannot be read: {error}") from error


def _refuse_entity(name: str, *_rest: object) -> None:
    """A feed has no need of entities; a few lines of them can expand to gigabytes or name a file of this machine."""
    raise FeedError(f"the document declares an entity of its own (&{name[:40]};), which is refused as unsafe")


def _local_name(tag: str) -> str:
    return tag.rpartition("}")[2][:40]
