"""The demo, whole: the story ends well, a story gone wrong is noticed, and nothing is left behind in any case."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "podcasts" / "demo.py"
pytestmark = pytest.mark.timeout(300)  # forty processes, beside whatever else the machine does

LONGEST = 100
"""Columns of the terminal that the demo is made for."""


def start(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start the demo with a temporary directory of its own."""
    return subprocess.Popen(
        [sys.executable, "-B", str(DEMO), *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUTF8": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def addresses(output: str) -> list[tuple[str, int]]:
    """Where the demo's servers listened, by what it printed."""
    return [(host, int(port)) for host, port in re.findall(r"(127\.0\.0\.1):(\d+)", output.split("run  ")[0])]


def assert_nothing_is_left(tmp_path: Path, output: str) -> None:
    assert list(tmp_path.iterdir()) == []
    assert len(addresses(output)) == 2
    for address in addresses(output):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """One telling, from beginning to end: its temporary directory, its status and its output."""
    tmp_path = tmp_path_factory.mktemp("demo")
    demo = start(tmp_path)
    output, _ = demo.communicate()
    return tmp_path, demo.returncode, output


def test_the_story_ends_as_it_should(whole: tuple[Path, int, str]) -> None:
    _, status, output = whole
    assert status == 0, output


def test_the_whole_story_leaves_nothing_behind(whole: tuple[Path, int, str]) -> None:
    tmp_path, _, output = whole
    assert_nothing_is_left(tmp_path, output)


def test_both_mails_are_shown(whole: tuple[Path, int, str]) -> None:
    subjects = re.findall(r"Subject: *(.*)", whole[2])
    assert len(subjects) == 2, whole[2]
    assert all("Søndag på P1" in subject for subject in subjects)


def test_what_became_of_a_mail_is_told_up_to_the_other_post_office(whole: tuple[Path, int, str]) -> None:
    story = whole[2].split("And on the phone")[1]
    assert re.search(r"delivered +into the mailbox you", story)
    assert re.search(r"relayed +<you@phone\.example>: 127\.0\.0\.1 has it: 250 ", story)
    assert len(re.findall(r"podcasts: Søndag på P1", story)) == 2


def test_every_run_has_its_line(whole: tuple[Path, int, str]) -> None:
    runs = [int(number) for number in re.findall(r"^ +(\d+)   [●◐✖○]", whole[2], re.MULTILINE)]
    assert runs == list(range(1, 12))


def test_without_a_terminal_there_are_no_colours(whole: tuple[Path, int, str]) -> None:
    assert "\x1b" not in whole[2]


def test_what_the_demo_says_fits_the_terminal(whole: tuple[Path, int, str]) -> None:
    said = whole[2].split("In the mailbox")[0].splitlines()
    assert max(map(len, said)) <= LONGEST


@pytest.mark.parametrize("patience", ["1 run", "4 runs"])
def test_with_another_patience_the_story_is_noticed_to_be_wrong(tmp_path: Path, patience: str) -> None:
    demo = start(tmp_path, "--patience", patience)
    output, _ = demo.communicate()
    assert demo.returncode == 1
    assert "the mailbox should hold" in output
    assert_nothing_is_left(tmp_path, output)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_that_is_stopped_leaves_nothing(tmp_path: Path, number: signal.Signals, status: int) -> None:
    demo = start(tmp_path)
    assert demo.stdout is not None
    output = ""
    while "run  " not in output and (line := demo.stdout.readline()):
        output += line
    demo.send_signal(number)
    rest, _ = demo.communicate()
    assert demo.returncode == status, rest
    assert_nothing_is_left(tmp_path, output)


def test_what_is_kept_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    demo = start(tmp_path, "--keep", str(kept), "--patience", "1 run")  # a short telling
    demo.communicate()
    assert sorted(path.name for path in kept.iterdir() if path.is_dir() and path.name != "pycache") == [
        "phone",
        "post",
        "shelf",
        "state",
    ]


def test_an_older_telling_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    demo = start(tmp_path, "--keep", str(tmp_path))
    output, _ = demo.communicate()
    assert demo.returncode == 1
    assert "exists" in output
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_terminal_that_knows_no_danish_gets_the_story_too(tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    demo = start(tmp_path, "--patience", "1 run", **ascii_only)
    output, _ = demo.communicate()
    assert "S?ndag p? P1" in output
    assert "Q&A at the Kiosk has failed" in output


def test_a_reader_who_leaves_ends_the_demo_quietly(tmp_path: Path) -> None:
    demo = start(tmp_path)
    assert demo.stdout is not None
    demo.stdout.readline()
    demo.stdout.close()
    assert demo.wait() == 1
    assert list(tmp_path.iterdir()) == []
