"""What the attacks share: a server a file, and each way in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kit.attacks import WAYS_IN, Post, Splitter, WayIn, Wire, open_post


@pytest.fixture(scope="module")
def post(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """A real server for the whole file, with the ``LIMITS`` of the file."""
    limits = getattr(request.module, "LIMITS", "")
    with open_post(tmp_path_factory.mktemp("post"), limits) as running:
        yield running


@pytest.fixture(params=WAYS_IN, ids=lambda way: way.name)
def way_in(request: pytest.FixtureRequest) -> WayIn:
    return request.param


@pytest.fixture
def connect(post: Post, way_in: WayIn) -> Iterator[Callable[[], Wire]]:
    """Opens connections past EHLO, on each way in; they are closed when the test ends."""
    wires: list[Wire] = []

    def open_one() -> Wire:
        wire = way_in.greeted(post.server)
        wires.append(wire)
        wire.hello()
        return wire

    yield open_one
    for wire in wires:
        wire.close()
    post.empty()


@pytest.fixture
def splitter(connect: Callable[[], Wire]) -> Splitter:
    return Splitter(connect)
