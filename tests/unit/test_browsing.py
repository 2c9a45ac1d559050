"""The web pages of a server that runs: where they are, who gets the link, and what happens when the port is taken."""

from __future__ import annotations

import os
import pty
import re
import select
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.serve import FREE, PATIENCE, Serve

SMTP = FREE[:2]


@pytest.fixture
def serve(tmp_path) -> Iterator[type]:
    """Starts servers, and ends those that still run."""
    started: list[Serve] = []

    def start(*arguments: str, data: Path = tmp_path / "data") -> Serve:
        started.append(Serve(data, *arguments))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.ended()


def test_it_says_where_the_pages_are_when_it_is_ready(serve):
    url = serve(*FREE).wait_for(r"mailsponge: ready: .* · web (http://127\.0\.0\.1:\d+/)\n")[1]

    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        assert answer.url == f"{url}login"


def test_the_link_never_stands_in_a_log(serve, tmp_path):
    server = serve(*FREE)
    server.wait_for("one-time link")
    file = tmp_path / "data" / "web-link"
    _, said = server.end()

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/enter/\S{43}\n", file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "/enter/" not in said


def test_the_link_is_for_who_sits_at_the_terminal(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mailsponge", "serve", "--data", str(tmp_path / "data"), *FREE],
        stderr=theirs,
        stdout=subprocess.DEVNULL,
    )
    os.close(theirs)
    said = b""
    while b"/enter/" not in said:
        assert select.select([ours], [], [], PATIENCE)[0], said
        said += os.read(ours, 4096)
    process.terminate()
    process.wait(PATIENCE)
    os.close(ours)

    assert not (tmp_path / "data" / "web-link").exists()


def test_no_pages_where_none_are_wanted(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text("web.listen = []\n")

    server = serve(*SMTP, "--config", str(config))
    server.port()

    assert " · web " not in server.end()[1]


def test_mail_flows_where_the_usual_port_is_taken(serve):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8025))
            taken.listen()
        except OSError:
            assert not taken.getsockname()[1]  # somebody else has it, which is as good
        server = serve(*SMTP)
        server.port()

        assert "there are no web pages: cannot listen on 127.0.0.1:8025" in server.end()[1]


def test_a_port_that_was_asked_for_and_is_taken_stops_the_start(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, said = serve(*SMTP, "--web", f"127.0.0.1:{taken.getsockname()[1]}").ended()

    assert status != 0
    assert "is taken by another program" in said


def test_without_a_certificate_the_pages_are_for_this_machine_alone(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text('web.listen = ["0.0.0.0:8025"]\n')

    status, said = serve(*SMTP, "--config", str(config)).ended()

    assert status != 0
    assert "would cross the network in the clear" in said


def test_an_admin_who_is_no_user_stops_the_start(serve, tmp_path):
    config = tmp_path / "post.toml"
    config.write_text('[users.me]\n[web]\nadmins = ["you"]\n')

    status, said = serve(*SMTP, "--config", str(config)).ended()

    assert status != 0
    assert "names you, who is no user here: name one of me, or add [users.you]" in said


def test_a_name_that_is_not_ours_is_refused_at_the_socket(serve):
    url = serve(*FREE).wait_for(r" · web (http://127\.0\.0\.1:\d+/)")[1]
    request = urllib.request.Request(url, headers={"Host": "evil.example"})

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE)

    assert refused.value.code == 421
    refused.value.close()
