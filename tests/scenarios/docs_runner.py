"""Runs what a page of the documentation shows, and compares what comes with what the page says.

These fenced blocks are run, in the order of the page, in one empty home directory:

    ```python feeds.py       is saved as that file (and run by a console block); so is any block with a file's name
    ```console               "$ " lines are typed into a shell, the lines below are what comes of them
    ```console server        the same in another terminal, which is left running; its lines are waited for. What runs in
                             that terminal already is ended first. Without "$ ": what that terminal says meanwhile.
                             Any other word is a terminal by itself
    ```smtp 127.0.0.1:2525   "C:" lines are sent to that port, "S:" lines are what must be answered

"…" stands for anything, within a line or, alone on a line, for any number of lines. Other blocks are not run.

A line <!-- needs module django --> or <!-- needs program systemd-analyze --> before a block has it run only where that
is. What was left out is in Page.left_out. Programs that tests/peers/unpack.py has unpacked are found too.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PATIENCE = 20.0
"""Seconds to wait for what must come; nothing is slept for."""

_UNPACKED = Path(__file__).resolve().parents[2] / ".cache" / "peers" / "bin"

_FENCE = re.compile(r"(?ms)(?:^<!-- needs ((?:module|program) \S+) -->\n)?^```(\w+)([^\n]*)\n(.*?)^```$")


class Block(NamedTuple):
    """One fenced block of a page."""

    kind: str
    words: str
    text: str
    line: int
    needs: str = ""
    """What has to be there for it to be run; empty: nothing."""


class Command(NamedTuple):
    """One command of a console block, and what the page says comes of it."""

    typed: str
    expected: str


class DocsDiffer(AssertionError):
    """The page says one thing, and another thing comes."""


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [
        Block(match[2], match[3].strip(), match[4], text.count("\n", 0, match.start()) + 1, match[1] or "")
        for match in _FENCE.finditer(text)
    ]


def commands(text: str) -> list[Command]:
    """The commands of a console block; a line that ends in a backslash goes on with the next, after "> "."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") and found and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line[2:])
        elif found:
            found[-1][1].append(line)
    return [Command("\n".join(typed), "\n".join(expected)) for typed, expected in found]


def pattern(expected: str) -> re.Pattern[str]:
    """What the page says as a regular expression: "…" stands for anything, and runs of spaces count as one."""
    parts = []
    for line in expected.strip("\n").split("\n"):
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            words = r"[ \t]+".join(re.escape(word).replace("…", ".*") for word in line.split())
            parts.append(rf"[ \t]*{words}[ \t]*\n")
    return re.compile("".join(parts))


class Page:
    """A page being run. Use it as a context manager: at the end, whatever it started is ended."""

    def __init__(self, page: Path, home: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._page = page
        self._home = home
        self._environ = _environ(home, environ)
        self._shell = _Shell(home, self._environ)
        self._servers: dict[str, _Server] = {}
        self.left_out: list[str] = []
        """What blocks need that is not here."""

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.end()
        for server in self._servers.values():
            server.end()

    def run(self) -> int:
        """Run every block; returns how many were run. Raises DocsDiffer."""
        return sum(self._run(block) for block in blocks(self._page))

    def _run(self, block: Block) -> bool:
        where = f"{self._page.name}:{block.line}"
        if block.needs and not is_here(block.needs):
            self.left_out.append(block.needs)
            return False
        if block.kind not in ("console", "smtp") and block.words:
            file = self._home / block.words
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, "utf-8")
        elif block.kind == "console" and block.words:
            self._serve(block, where)
        elif block.kind == "console":
            for command in commands(block.text):
                _compare(command, self._shell.run(command.typed), where)
        elif block.kind == "smtp":
            _talk(block, where)
        else:
            return False
        return True

    def _serve(self, block: Block, where: str) -> None:
        typed = commands(block.text)
        if not typed:
            self._servers[block.words].wait_for(pattern(block.text), where)
            return
        (command,) = typed
        if block.words in self._servers:
            self._servers.pop(block.words).end()
        log = self._home / f".terminal-{block.words}"
        server = self._servers[block.words] = _Server(command.typed, self._home, self._environ, log)
        server.wait_for(pattern(command.expected), where)


def is_here(needed: str) -> bool:
    """Whether there is what a block needs: "module django", "program systemd-analyze"."""
    kind, name = needed.split()
    return bool(
        shutil.which(name, path=_path(os.environ)) if kind == "program" else importlib.util.find_spec(name)
    )


def _environ(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith(("MAILSPONGE_", "XDG_"))}
    return {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), _path(kept)]),
        "LOGNAME": "me",
        "USER": "me",
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }


def _path(environ: Mapping[str, str]) -> str:
    return os.pathsep.join([environ.get("PATH", os.defpath), str(_UNPACKED)])


def _compare(command: Command, came: str, where: str) -> None:
    if (
        not pattern(command.expected).fullmatch(came.strip("\n") + "\n")
        and (command.expected or came).strip()
    ):
        raise DocsDiffer(
            f"{where}: $ {command.typed}\n--- the page says ---\n{command.expected}\n--- what comes ---\n{came}"
        )


class _Shell:
    """A shell that commands are typed into, one after the other."""

    _MARK = "-- that was it --"

    def __init__(self, home: Path, environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=home,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, typed: str) -> str:
        """Type a command and return all that came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{typed}\nprintf '\\n%s\\n' '{self._MARK}'\n")
        self._process.stdin.flush()
        return "".join(self._until_mark()).removesuffix("\n")

    def _until_mark(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.rstrip("\n") == self._MARK:
                return
            yield line
        raise DocsDiffer("the shell is gone")

    def end(self) -> None:
        """Close the shell."""
        self._process.communicate(timeout=PATIENCE)


class _Server:
    """A command left running in a terminal of its own."""

    def __init__(self, typed: str, home: Path, environ: dict[str, str], log: Path) -> None:
        self._log = log
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                ["bash", "--norc", "-c", f"exec {typed}"],
                cwd=home,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, expected: re.Pattern[str], where: str) -> None:
        """Wait until its lines are those of the page."""
        limit = time.monotonic() + PATIENCE
        while True:
            over = (
                self._process.poll() is not None or time.monotonic() > limit
            )  # before it is read: all is there then
            said = self._log.read_text("utf-8")
            if expected.search(said):
                return
            if over:
                raise DocsDiffer(f"{where}: it said {said!r}")

    def end(self) -> None:
        """End it as Ctrl-C would."""
        self._process.terminate()
        self._process.wait(PATIENCE)


def _talk(block: Block, where: str) -> None:
    host, _, port = block.words.rpartition(":")
    with (
        socket.create_connection((host, int(port)), PATIENCE) as connection,
        connection.makefile("rb") as answers,
    ):
        for line in block.text.splitlines():
            who, _, said = line.partition(" ")
            if who == "C:":
                connection.sendall(said.encode() + b"\r\n")
            elif who == "S:":
                _compare_answer(said, answers.readline().decode(), where)


def _compare_answer(said: str, came: str, where: str) -> None:
    if not pattern(said).fullmatch(came.replace("\r\n", "\n")):
        raise DocsDiffer(f"{where}: the page says {said!r}, and the server {came!r}")
