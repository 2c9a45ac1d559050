"""The parts of the door, each by itself."""

from __future__ import annotations

import asyncio
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.web_office import Hands
from mailsponge.errors import MailspongeError, StateError
from mailsponge.web import words
from mailsponge.web.security import csrf, hosts, origin
from mailsponge.web.security.kept import NAME, InFile
from mailsponge.web.security.onward import login_for, onward
from mailsponge.web.security.sessions import MOST_PER_USER, SEEN_EVERY, Nowhere, Sessions
from mailsponge.web.streams import Streams


def test_sessions_outlive_the_server_in_a_file_of_hashes(tmp_path):
    clock = Hands()
    identity = Sessions(InFile(tmp_path), clock).begin("me", "stamp")

    again = Sessions(InFile(tmp_path), clock)

    assert again.find(identity).user == "me"
    assert identity not in (tmp_path / NAME).read_text()
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_what_has_ended_is_not_in_the_file(tmp_path):
    sessions = Sessions(InFile(tmp_path), Hands())
    sessions.end(sessions.begin("me", "stamp"))

    assert InFile(tmp_path).load() == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"a": {"user": 1}}'])
def test_a_file_that_cannot_be_understood_logs_everybody_out_and_no_more(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)

    assert InFile(tmp_path).load() == {}


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / NAME).mkdir()

    with pytest.raises(StateError, match="web-sessions cannot be read"):
        InFile(tmp_path).load()


def test_a_user_with_many_browsers_loses_the_one_not_used_for_longest():
    clock = Hands()
    sessions = Sessions(Nowhere(), clock)
    first, second = sessions.begin("me", ""), sessions.begin("me", "")
    others = sessions.begin("you", "")
    clock.turn(1)
    sessions.find(first)
    for _ in range(MOST_PER_USER - 1):
        clock.turn(1)
        sessions.begin("me", "")

    assert sessions.find(first)
    assert sessions.find(others)
    assert not sessions.find(second)


def test_the_disk_hears_now_and_then_which_sessions_are_used():
    clock = Hands()
    sessions = Sessions(Nowhere(), clock)
    assert not sessions.want_saving

    clock.turn(SEEN_EVERY)

    assert sessions.want_saving


@given(st.text())
def test_whatever_is_wanted_login_leads_to_a_path_of_ours(wanted: str):
    path = onward(wanted)

    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path == "/" or path == wanted


@given(st.text(), st.text())
def test_the_way_to_the_login_is_one_line_of_ascii(path: str, query: str):
    address = login_for(path, query)

    assert address.startswith("/login")
    assert address.isascii()
    assert address.isprintable()


@given(st.text(alphabet=st.characters(codec="ascii"), min_size=1), st.text())
def test_a_token_is_right_for_one_cookie_alone(identity: str, token: str):
    assert csrf.is_right(identity, csrf.token_of(identity))
    assert not csrf.is_right(identity, token)


def _suffixes_off(host: str) -> tuple[str, ...]:
    without_port = host.rpartition(":")[0]
    return tuple(each.removesuffix(".") for each in (host, without_port))


@given(st.text())
def test_any_host_header_has_a_name_or_none(host: str):
    assert hosts.name_of(host) in ("", *_suffixes_off(host.lower()))


@given(st.text(), st.text(), st.text())
def test_no_origin_breaks_the_question(host: str, sent: str, site: str):
    assert origin.is_ours(host, sent, site) in (True, False)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3700, "1 h 1 min"),
        (7200, "2 h"),
        (90_000, "1 day 1 h"),
        (864_000, "10 days"),
    ],
)
def test_spans_are_short(seconds: float, said: str):
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (150_000, "150 kB"),
        (5 * 10**9, "5.0 GB"),
    ],
)
def test_sizes_are_short(octets: int, said: str):
    assert words.size(octets) == said


def test_distances_say_which_way():
    assert words.distance(100, 100) == "now"
    assert words.distance(400, 100) == "in 5 min"
    assert words.distance(100, 400) == "5 min ago"


async def _heard(streams: Streams, version, known, most: int, stays=lambda: True) -> list[str]:
    heard = []
    async for said in streams.events("me", version, known, stays):
        heard.append(said)
        if len(heard) == most:
            break
    return heard


def test_a_stream_tells_when_something_else_is_there():
    versions = iter([1, 1, 2])

    heard = asyncio.run(_heard(Streams(look_every=0.001), lambda: next(versions), None, 2))

    assert heard == ["retry: 5000\n\n", "id: 2\nevent: changed\ndata: 2\n\n"]


def test_a_stream_tells_at_once_what_was_missed():
    assert asyncio.run(_heard(Streams(), lambda: 2, "1", 2))[1].startswith("id: 2\n")


def test_a_stream_with_nothing_to_say_says_so():
    streams = Streams(look_every=0.001, heartbeat=0.001)

    assert asyncio.run(_heard(streams, lambda: 1, "1", 2))[1] == ": still here\n\n"


def test_a_stream_ends_with_the_session():
    assert len(asyncio.run(_heard(Streams(), lambda: 1, "1", 9, stays=lambda: False))) == 1


def test_a_stream_ends_with_the_server():
    streams = Streams()
    streams.stop()

    assert len(asyncio.run(_heard(streams, lambda: 1, "1", 9))) == 1
    assert not streams.has_room("me")


def test_a_stream_ends_when_the_store_cannot_say():
    def version() -> int:
        raise MailspongeError("the disk is gone")

    assert len(asyncio.run(_heard(Streams(), version, "1", 9))) == 1


def test_a_user_has_so_many_streams_and_no_more():
    async def open_some() -> list[bool]:
        streams = Streams(most=2)
        opened = [streams.events("me", lambda: 1, None, lambda: True) for _ in range(2)]
        had_room = [streams.has_room("me")]
        for each in opened:
            await anext(each)
        had_room += [streams.has_room("me"), streams.has_room("you")]
        for each in opened:
            await each.aclose()
        return [*had_room, streams.has_room("me")]

    assert asyncio.run(open_some()) == [True, False, True, True]
