"""The podcast client as a whole: what it downloads, what it keeps, and what it says when something fails."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from feedserver import Breakage, FeedServer

import podcasts

SHOW = "Søndag på P1"
FEED = "soendag.xml"

Run = Callable[..., int]


@pytest.fixture(autouse=True)
def quiet_root() -> Iterator[None]:
    """The client configures logging as a program does: put the root logger back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


@pytest.fixture
def run(feeds: FeedServer, tmp_path: Path, shelf: Path, caplog: pytest.LogCaptureFixture) -> Run:
    """Run the client once, over the feeds of these names."""
    caplog.set_level(logging.INFO)

    def run(*names: str, timeout: str = "5", latest: str = "5") -> int:
        subscriptions = tmp_path / "subscriptions"
        subscriptions.write_text("# mine\n\n" + "\n".join(map(feeds.address, names or (FEED,))))
        caplog.clear()
        options = {"--subscriptions": subscriptions, "--to": shelf, "--timeout": timeout, "--latest": latest}
        return podcasts.main([str(word) for option in options.items() for word in option])

    return run


def files(shelf: Path) -> list[str]:
    return sorted(path.relative_to(shelf).as_posix() for path in shelf.rglob("*.*") if path.parent != shelf)


def test_the_first_run_downloads_what_there_is(run: Run, shelf: Path) -> None:
    assert run() == 0
    assert files(shelf) == [
        f"{SHOW}/2025-06-01 Fyret, der ikke ville slukkes.wav",
        f"{SHOW}/2025-06-08 Åen, øen & ælletrunten.wav",
    ]


def test_what_was_downloaded_is_what_was_served(run: Run, shelf: Path, feeds: FeedServer) -> None:
    run("tenki.xml")
    (path,) = shelf.rglob("*.wav")
    assert path.read_bytes() == feeds.content("audio/tenki-12.wav")


def test_the_second_run_downloads_nothing(run: Run, feeds: FeedServer) -> None:
    run()
    feeds.answers.clear()
    assert run() == 0
    assert [(answer.path, answer.status) for answer in feeds.answers] == [(f"/{FEED}", 304)]


def test_what_was_heard_and_deleted_does_not_come_back(run: Run, shelf: Path) -> None:
    run("kiosk.xml")
    for path in shelf.rglob("*.wav"):
        path.unlink()
    index = json.loads((shelf / "podcasts.json").read_text())
    for show in index.values():
        show["validators"] = [None, None]  # the feed comes again, whole
    (shelf / "podcasts.json").write_text(json.dumps(index))
    run("kiosk.xml")
    assert files(shelf) == []


@pytest.mark.parametrize("how", [b for b in Breakage if b is not Breakage.SILENT])
def test_a_broken_feed_fails_the_run_and_no_other_feed(
    run: Run, shelf: Path, feeds: FeedServer, how: Breakage
) -> None:
    feeds.break_(FEED, how)
    assert run(FEED, "tenki.xml") == 1
    assert files(shelf) == ["深夜の天気図/2025-06-07 第十二夜「梅雨前線」.wav"]


def test_a_feed_that_does_not_answer_is_left_after_the_timeout(run: Run, feeds: FeedServer) -> None:
    feeds.break_(FEED, Breakage.SILENT)
    assert run(timeout="0.1") == 1


def test_a_feed_that_fails_keeps_its_name(
    run: Run, feeds: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    run()
    feeds.break_(FEED, Breakage.NOT_FOUND)
    run()
    assert caplog.messages == [f"{SHOW}: HTTP 404 Not Found ({feeds.address(FEED)})"]


def test_a_feed_that_never_worked_goes_by_its_address(
    run: Run, feeds: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.break_(FEED, Breakage.NOT_FOUND)
    run()
    assert caplog.messages[0].startswith(feeds.address(FEED))


def test_an_episode_that_broke_off_comes_whole_in_the_next_run(
    run: Run, shelf: Path, feeds: FeedServer
) -> None:
    feeds.break_("audio/soendag-42.wav", Breakage.CUT_OFF)
    assert run() == 1
    assert len(files(shelf)) == 1
    feeds.mend_all()
    assert run() == 0
    assert len(files(shelf)) == 2


def test_the_network_down_fails_every_feed_and_forgets_nothing(
    run: Run, shelf: Path, feeds: FeedServer
) -> None:
    run()
    before = files(shelf)
    feeds.network_down = True
    assert run() == 1
    assert files(shelf) == before


def test_only_the_latest_episodes_are_wanted(run: Run, shelf: Path) -> None:
    run(latest="1")
    assert files(shelf) == [f"{SHOW}/2025-06-08 Åen, øen & ælletrunten.wav"]


def test_whoever_wants_more_gets_more_although_the_feed_is_unchanged(run: Run, shelf: Path) -> None:
    run(latest="1")
    run(latest="2")
    assert len(files(shelf)) == 2


def test_no_subscriptions_file_is_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert podcasts.main(["--subscriptions", f"{tmp_path}/none", "--to", str(tmp_path)]) == 2
    assert f"{tmp_path}/none" in caplog.text


def test_a_damaged_index_ends_the_run(run: Run, shelf: Path, feeds: FeedServer) -> None:
    shelf.mkdir()
    (shelf / "podcasts.json").write_text("{")
    assert run() == 2
    assert feeds.answers == []


def test_an_address_counts_once_and_comments_do_not() -> None:
    assert podcasts.subscriptions("# shows\nhttp://a\n\n  http://b  \nhttp://a\n") == ["http://a", "http://b"]


def test_a_patience_that_cannot_be_is_an_error_that_shows_what_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSPONGE_STATE", str(tmp_path))
    options = {"--subscriptions": "x", "--to": tmp_path, "--mail": "me@localhost", "--patience": "a while"}
    assert podcasts.main([str(word) for option in options.items() for word in option]) == 2
    assert '"3 runs"' in caplog.text


def test_these_are_all_the_lines_about_mailsponge() -> None:
    folder = Path(podcasts.__file__).parent
    code = [line.strip() for line in (folder / "podcasts.py").read_text().splitlines()]
    shown = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0].split("\n")
    about = [line for line in code if re.search(r"\b(SpongeHandler|source\b.*[(:]|import.*source)", line)]
    assert about == [line for line in shown if line]
