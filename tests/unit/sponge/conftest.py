"""What the sponge's tests share: a place for one job, and a process of their own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailsponge.sponge import handler as handler_module
from mailsponge.sponge import source as source_module
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.model import Record
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.process import Process

# What several files share stands beside them.
sys.path.insert(0, str(Path(__file__).parent))


class HooklessProcess(Process):
    """A process whose end and forks nobody waits for: the test run goes on after it."""

    def _put_in_hooks(self) -> None:
        """Leave atexit and fork as they are."""


@pytest.fixture
def place(tmp_path: Path) -> JobPlace:
    """The directory of a job that nothing is known of yet."""
    made = job_place(tmp_path / "state", "job")
    made.directory.mkdir(parents=True)
    return made


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Process]:
    """The handlers and sources of this test alone, with an environment that says nothing of mailsponge."""
    for name in ("TO", "MAILHOST", "PASSWORD", "PASSWORD_FILE"):
        monkeypatch.delenv(f"MAILSPONGE_{name}", raising=False)
    # Set, so that it is put back: a run announces itself to children there.
    monkeypatch.setenv("MAILSPONGE_RUN", "")
    monkeypatch.setenv("MAILSPONGE_STATE", str(tmp_path / "state"))
    own = HooklessProcess()
    monkeypatch.setattr(handler_module, "process", own)
    monkeypatch.setattr(source_module, "process", own)
    yield own
    for job in own.jobs():
        if job.journal is not None:
            job.journal.close()


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger that takes everything and hands it to its own handlers alone."""
    made = logging.Logger("feeds", logging.DEBUG)
    yield made
    made.handlers.clear()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where the runs of the job called ``job`` are."""
    return tmp_path / "state/job/runs"


@pytest.fixture
def kept(runs: Path) -> Callable[[], list[Record]]:
    """The records that are in the journal now."""

    def read() -> list[Record]:
        (path,) = runs.glob("*/owner.jsonl")
        return list(Fold([path], 1).records())

    return read
