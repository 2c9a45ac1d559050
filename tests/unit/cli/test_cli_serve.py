"""Rules of ``mailsponge serve`` on the command line; the program itself is in test_daemon.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mailsponge import daemon
from mailsponge.cli import main
from mailsponge.config import Endpoint
from mailsponge.data_place import DataPlace
from mailsponge.errors import StoreError


@pytest.fixture
def wishes(monkeypatch):
    """What the daemon was asked for, instead of running."""
    asked = []
    monkeypatch.setattr(daemon, "serve", asked.append)
    return asked


def test_options_become_a_wish(wishes):
    CliRunner().invoke(
        main, ["serve", "--config", "c.toml", "--data", "d", "--smtp", "127.0.0.1:0", "--smtp", "[::1]:1"]
    )

    assert wishes == [
        daemon.Wish(Path("c.toml"), DataPlace(Path("d")), (Endpoint("127.0.0.1", 0), Endpoint("::1", 1)))
    ]


def test_without_options_there_is_no_wish(wishes):
    CliRunner().invoke(main, ["serve"])

    assert wishes == [daemon.Wish(None, None, ())]


@pytest.mark.parametrize("address", ["localhost:25", "127.0.0.1", "127.0.0.1:x", "::1:25"])
def test_an_address_that_cannot_be_is_told(wishes, address):
    done = CliRunner().invoke(main, ["serve", "--smtp", address])

    assert done.exit_code == 2
    assert "--smtp" in done.stderr
    assert wishes == []


def test_why_it_cannot_begin_is_told_on_standard_error_without_a_traceback(monkeypatch):
    def fail(wish) -> None:
        raise StoreError("the disk is gone: plug it in")

    monkeypatch.setattr(daemon, "serve", fail)
    done = CliRunner().invoke(main, ["serve"])

    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == "mailsponge: the disk is gone: plug it in\n"


def test_help_teaches_with_examples():
    said = CliRunner().invoke(main, ["serve", "--help"]).output

    assert "mailsponge serve --smtp '[::1]:2525'" in said
    assert "SIGHUP" in said
