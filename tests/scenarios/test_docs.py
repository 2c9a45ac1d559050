"""Every example of the README and of the tutorial is run, in the order of the page, as a reader would type it."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_runner import Command, DocsDiffer, Page, commands, is_here, pattern

HOME = Path(__file__).resolve().parents[2]
PAGES = [HOME / "README.md", *sorted((HOME / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOME)))
def test_a_page_tells_what_comes(page, tmp_path):
    with Page(page, tmp_path) as running:
        running.run()
    if running.left_out:
        pytest.skip(f"all but what needs {', '.join(sorted(set(running.left_out)))} was run")


def test_the_readme_and_the_tutorial_are_run(tmp_path):
    for number, page in enumerate((HOME / "README.md", HOME / "docs/tutorial.md")):
        home = tmp_path / str(number)
        home.mkdir()
        with Page(page, home) as running:
            assert running.run() >= 4


def test_a_page_that_tells_something_else_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one\ntwo\n```\n")

    with Page(page, tmp_path) as running, pytest.raises(DocsDiffer):
        running.run()


def test_an_ellipsis_stands_for_anything():
    assert pattern("a … z").fullmatch("a b c z\n")
    assert pattern("a\n…\nz").fullmatch("a\nb\nc\nz\n")
    assert not pattern("a … z").fullmatch("a b c y\n")


def test_a_command_goes_on_after_a_backslash():
    assert commands("$ one \\\n> two\nout\n") == [Command("one \\\ntwo", "out")]


def test_a_block_that_needs_what_is_not_here_is_left_out(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- needs module no_such_module -->\n```console\n$ echo one\ntwo\n```\n")

    with Page(page, tmp_path) as running:
        assert running.run() == 0
    assert running.left_out == ["module no_such_module"]


def test_terminals_are_apart_and_what_one_says_later_is_waited_for(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```sh one.sh\necho ready; until test -e go; do sleep 0.01; done; echo gone; exec sleep 99\n```\n"
        "```console one\n$ bash one.sh\nready\n```\n"
        "```console other\n$ bash -c 'echo here; exec sleep 99'\nhere\n```\n"
        "```console\n$ touch go\n```\n"
        "```console one\ngone\n```\n"
    )

    with Page(page, tmp_path) as running:
        assert running.run() == 5


def test_what_a_terminal_does_not_say_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("docs_runner.PATIENCE", 0.2)
    page = tmp_path / "page.md"
    page.write_text(
        "```console one\n$ bash -c 'echo ready; exec sleep 99'\nready\n```\n```console one\ngone\n```\n"
    )

    with Page(page, tmp_path) as running, pytest.raises(DocsDiffer):
        running.run()


def test_what_is_needed_is_a_program_or_a_module():
    assert is_here("program sh")
    assert is_here("module json")
    assert not is_here("program json")
    assert not is_here("module sh")


def test_a_block_with_a_name_is_saved(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```toml a/b.toml\nc = 1\n```\n```console\n$ cat a/b.toml\nc = 1\n```\n")

    with Page(page, tmp_path) as running:
        assert running.run() == 2
