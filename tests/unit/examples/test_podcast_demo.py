"""What the demo is made of: the story agrees with its feeds, the checks tell right from wrong, the screen fits."""

from __future__ import annotations

import io
from pathlib import Path

import demo
import feedserver
import pytest
from feed import parse
from postoffice import Mail
from screen import columns, padded, screen
from story import EPISODES, SHOWS, STORY, Step
from telling import Standing, explanations, standings

ME = "me@localhost"
SECOND_MAIL = 10


def mail(subject: str, to: str = ME) -> Mail:
    return Mail("1", "me", to, subject)


NEW = mail("podcasts: Søndag på P1 has failed 3 runs in a row")
BACK = mail("podcasts: Søndag på P1 works again after 2 days")


def test_the_story_names_each_feed_and_its_title() -> None:
    found = {path.name: parse(path.read_bytes(), "http://x").title for path in feedserver.FEEDS.iterdir()}
    assert found == SHOWS


def test_the_story_counts_the_episodes() -> None:
    assert (
        sum(len(parse(p.read_bytes(), "http://x").episodes) for p in feedserver.FEEDS.iterdir()) == EPISODES
    )


def test_only_feeds_that_exist_are_broken() -> None:
    assert {name for step in STORY for name in step.broken} <= SHOWS.keys()


def test_the_story_calls_for_two_mails() -> None:
    assert [number for number, step in enumerate(STORY, 1) if step.mail] == [6, SECOND_MAIL]


@pytest.mark.parametrize(
    ("number", "mails"), [(1, []), (5, []), (6, [NEW]), (9, [NEW]), (10, [BACK, NEW]), (11, [BACK, NEW])]
)
def test_a_mailbox_as_the_story_has_it_is_right(number: int, mails: list[Mail]) -> None:
    assert demo.wrong_mails(number, mails, ME) == ""


@pytest.mark.parametrize(
    ("number", "mails"),
    [
        (2, [mail("podcasts: Q&A at the Kiosk has failed")]),
        (6, []),
        (6, [mail(NEW.subject, "you@localhost")]),
        (6, [mail("podcasts: Café de minuit has failed")]),
        (7, [NEW, NEW]),
        (10, [NEW]),
        (10, [NEW, BACK]),
        (11, [BACK]),
    ],
    ids=["early", "missing", "other reader", "other show", "twice", "no recovery", "wrong order", "lost"],
)
def test_any_other_mailbox_is_wrong(number: int, mails: list[Mail]) -> None:
    assert demo.wrong_mails(number, mails, ME).startswith(f"After run {number} the mailbox should hold")


@pytest.mark.parametrize(("step", "status"), [(Step("well"), 1), (Step("down", network_down=True), 0)])
def test_a_client_that_misjudges_its_run_is_wrong(step: Step, status: int) -> None:
    assert demo.wrong_status(1, step, status) == f"Run 1 should end with status {1 - status}, not {status}.\n"


def test_nothing_of_the_users_own_mailsponge_gets_into_the_demo() -> None:
    given = {"MAILSPONGE_TO": "me@example.org", "XDG_CONFIG_HOME": "/home/me/.config", "PATH": "/bin"}
    environment = demo.environment(given, Path("/tmp/x"))
    assert "/home/me/.config" not in environment.values()
    assert "MAILSPONGE_TO" not in environment
    assert environment["PATH"] == "/bin"


def test_what_is_and_was_well_needs_no_words() -> None:
    well = {"a": Standing("a", "ok", "good")}
    assert explanations(well, well) == []


def test_what_fails_is_explained() -> None:
    assert explanations({}, {"a": Standing("a", "soft", "1 failed run")}) == ["a: 1 failed run"]


def test_what_became_well_is_explained_once() -> None:
    soft, good = {"a": Standing("a", "soft", "1 failed run")}, {"a": Standing("a", "ok", "good again")}
    assert explanations(soft, good) == ["a: good again"]
    assert explanations(good, good) == []


def test_shows_of_one_fate_are_said_together() -> None:
    reason = "not judged in the last run: 3 of 3 sources failed together"
    after = {name: Standing(name, "ok", reason) for name in "abc"} | {
        "": Standing("", "soft", "1 failed run")
    }
    assert explanations({}, after) == [f"3 shows: {reason}", "the job itself: 1 failed run"]


def test_the_status_of_the_sponge_is_read() -> None:
    status = {"job": "podcasts", "source": "a", "state": "ok", "streak": 0, "reason": "good"}
    assert standings([status]) == {"a": Standing("a", "ok", "good")}


@pytest.mark.parametrize(
    ("text", "width"), [("Søndag", 6), ("深夜の天気図", 12), ("Gru\N{COMBINING DIAERESIS}ße", 5), ("", 0)]
)
def test_letters_take_the_columns_they_take(text: str, width: int) -> None:
    assert columns(text) == width
    assert columns(padded(text, 20)) == 20


def test_a_file_gets_no_colours() -> None:
    stream = io.StringIO()
    screen(stream, {}).line(screen(stream, {}).marks(["ok", "soft", "hard", "unknown"]))
    assert stream.getvalue() == "  ● ◐ ✖ ○\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "colours"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colours_unless_told_otherwise(environ: dict[str, str], colours: bool) -> None:
    assert ("\x1b[" in screen(Terminal(), environ).marks(["ok"])) == colours
