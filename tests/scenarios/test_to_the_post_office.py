"""A program and the post office of its machine find each other: no address, no password, no port."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsponge.store.mailboxes import SqliteMailboxes

PATIENCE = 30.0

PROGRAM = """
import logging
from mailsponge import SpongeHandler

logging.basicConfig(level="INFO", handlers=[SpongeHandler("job", "postmaster@localhost", patience="now")])
logging.error("gone")
"""


@pytest.fixture
def post_office(tmp_path) -> Iterator[Path]:
    """A user's own, with its socket in the runtime directory; gives where it keeps mail."""
    config = tmp_path / "post.toml"
    config.write_text(
        f"data = '{tmp_path}/data'\nweb.listen = []\n"
        "[smtp]\nlisten = ['127.0.0.1:0']\n"
        f"[local]\nsocket = '{tmp_path}/runtime/mailsponge/submit'\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "mailsponge", "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    assert "ready" in server.stderr.readline()
    reader = threading.Thread(target=server.stderr.read)  # so that it never waits for somebody to listen
    reader.start()
    yield tmp_path / "data"
    server.terminate()
    assert server.wait(PATIENCE) == 0
    reader.join()
    server.stderr.close()


def test_a_handler_without_a_mailhost_hands_over_through_the_socket(tmp_path, post_office):
    subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        timeout=PATIENCE,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("MAILSPONGE")},
            "XDG_RUNTIME_DIR": str(tmp_path / "runtime"),
            "MAILSPONGE_STATE": str(tmp_path / "state"),
            "HOME": str(tmp_path),
        },
    )

    mailboxes = SqliteMailboxes(post_office)
    [mail] = mailboxes.mails()
    content = b"".join(mailboxes.content(mail.id))
    mailboxes.close()
    assert mail.subject == "job: the job itself has failed"
    assert f"(local uid {os.getuid()} ({pwd.getpwuid(os.getuid()).pw_name}))".encode() in content
