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
    page.write_text("<!-- needs no_such_module -->\n```console\n$ echo one\ntwo\n```\n")

    with Page(page, tmp_path) as running:
        assert running.run() == 0
    assert running.left_out == ["no_such_module"]


def test_what_is_needed_is_a_program_a_module_or_a_name_in_one():
    assert is_here("sh")
    assert is_here("json")
    assert is_here("mailsponge.source")
    assert not is_here("mailsponge.no_such_name")


def test_a_block_with_a_name_is_saved(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```toml a/b.toml\nc = 1\n```\n```console\n$ cat a/b.toml\nc = 1\n```\n")

    with Page(page, tmp_path) as running:
        assert running.run() == 2
