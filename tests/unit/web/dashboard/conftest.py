"""An office that looks at the jobs in a state directory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kit.browser import Browser
from kit.web_office import WebOffice
from mailsponge.web.office import State

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "cli"))

from sponge_jobs import RememberedJob


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where jobs are remembered."""
    return tmp_path / "state"


@pytest.fixture
def office(state: Path) -> Iterator[WebOffice]:
    """With two people, of whom the first may see the jobs."""
    made = WebOffice()
    made.app.state.office = replace(made.office, states=(State(state),))
    yield made
    made.close()


@pytest.fixture
def me(office: WebOffice) -> Browser:
    """Whoever runs the server."""
    return office.logged_in()


@pytest.fixture
def podcasts(state: Path) -> RememberedJob:
    """A job of which one source has failed twice, was told of, and another one is well."""
    job = RememberedJob(state)
    job.ran(works=("Forum", "In Our Time"))
    for _ in range(2):
        job.ran("In Our Time", works=("Forum",))
    return job
