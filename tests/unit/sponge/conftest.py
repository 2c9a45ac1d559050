"""What the sponge's tests share: a place for one job, and a process of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsponge.sponge import handler as handler_module
from mailsponge.sponge import source as source_module
from mailsponge.sponge.places import JobPlace, job_place
from mailsponge.sponge.process import Process


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
        if job._journal is not None:
            job._journal.close()
