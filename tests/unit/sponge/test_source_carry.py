"""``source.carry``: the source and the unit go with a function into a thread or an executor, and stay with nobody."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from mailsponge import SpongeHandler, source
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.run import units
from mailsponge.sponge.source import current

pytestmark = pytest.mark.usefixtures("own_process")


def in_a_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def which() -> str:
    """The source that whoever calls this is in."""
    return current.get()


def test_a_thread_alone_is_in_no_source_and_a_carried_function_is_in_its_makers():
    with source("x"):
        carried = source.carry(which)

        assert in_a_thread(which) == ""
    assert in_a_thread(carried) == "x"
    assert which() == ""


def test_the_thread_is_afterwards_in_the_source_it_was_in_before():
    with source("x"):
        carried = source.carry(which)

    def thread() -> list[str]:
        with source("own"):
            return [carried(), which()]

    assert in_a_thread(thread) == ["x", "own"]


def test_the_thread_is_as_it_was_after_an_exception_too():
    def fail() -> None:
        raise ZeroDivisionError

    with source("x"):
        carried = source.carry(fail)
    with pytest.raises(ZeroDivisionError):
        carried()

    assert which() == ""


def test_it_is_called_many_times_and_by_many_at_once():
    together = threading.Barrier(8)

    def work(number: int) -> tuple[int, str]:
        together.wait(10)
        return number, which()

    with source("x"), ThreadPoolExecutor(8) as pool:
        done = list(pool.map(source.carry(work), range(8)))

    assert done == [(number, "x") for number in range(8)]


def test_it_may_call_itself():
    with source("x"):
        down: Callable[[int], str] = source.carry(lambda n: down(n - 1) if n else which())

    assert down(5) == "x"


def test_what_another_variable_of_the_thread_holds_is_left_alone():
    """A copy of the whole context would bring the maker's along."""
    with source("x"):
        carried = source.carry(units.get)
    token = units.set(("of the thread",))
    inside = carried()
    units.reset(token)

    assert inside == ()


def test_it_looks_like_the_function():
    def work(feed: str, *, retries: int = 3) -> bool:
        """Download it."""
        return bool(feed and retries)

    carried = source.carry(work)

    assert (carried.__name__, carried.__doc__) == ("work", "Download it.")
    assert inspect.signature(carried) == inspect.signature(work)
    assert carried("x", retries=1) is True


class Feed:
    def __init__(self, name: str) -> None:
        self.name = name

    def download(self) -> tuple[str, str]:
        return self.name, which()

    @staticmethod
    def static() -> str:
        return which()

    def __call__(self) -> str:
        return which()


@pytest.mark.parametrize(
    ("make", "returned"),
    [
        (lambda: Feed("me").download, ("me", "x")),
        (lambda: Feed.static, "x"),
        (lambda: Feed("me"), "x"),
        (lambda: lambda: which(), "x"),
        (lambda: partial(which), "x"),
        (lambda: current.get, "x"),
    ],
)
def test_it_takes_whatever_can_be_called(make, returned):
    with source("x"):
        carried = source.carry(make())

    assert in_a_thread(carried) == returned


def test_in_a_class_it_is_a_method():
    class Work:
        name = "me"

        @source.carry
        def do(self) -> tuple[str, str]:
            return self.name, which()

    assert Work().do() == ("me", "")


def test_outside_every_source_it_carries_that():
    carried = source.carry(which)

    with source("of the thread"):
        assert carried() == ""


def test_a_coroutine_function_stays_one_and_may_run_in_another_loop():
    async def work() -> list[str]:
        before = which()
        await asyncio.sleep(0)
        return [before, which()]

    with source("x"):
        carried = source.carry(work)

    assert inspect.iscoroutinefunction(carried)
    assert in_a_thread(lambda: asyncio.run(carried())) == ["x", "x"]


def test_a_generator_is_in_it_and_whoever_iterates_is_not():
    def work() -> Iterator[str]:
        yield which()
        yield which()

    with source("x"):
        carried = source.carry(work)

    assert [(inside, which()) for inside in carried()] == [("x", ""), ("x", "")]


def test_an_asynchronous_generator_likewise():
    async def work() -> AsyncIterator[str]:
        yield which()

    with source("x"):
        carried = source.carry(work)

    async def main() -> list[tuple[str, str]]:
        return [(inside, which()) async for inside in carried()]

    assert asyncio.run(main()) == [("x", "")]


def test_it_can_be_pickled_if_the_function_can():
    with source("x"):
        carried = pickle.loads(pickle.dumps(source.carry(which)))

    assert carried() == "x"


def test_asyncio_to_thread_needs_nothing():
    async def main() -> str:
        with source("x"):
            return await asyncio.to_thread(which)

    assert asyncio.run(main()) == "x"


def test_an_executor_of_asyncio_needs_it():
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        with source("x"):
            return [
                await loop.run_in_executor(None, which),
                await loop.run_in_executor(None, source.carry(which)),
            ]

    assert asyncio.run(main()) == ["", "x"]


def test_records_of_the_thread_belong_to_the_source(log, kept):
    log.addHandler(SpongeHandler("job", "me@example.org"))

    with source("x"):
        in_a_thread(source.carry(lambda: log.error("gone")))
        in_a_thread(lambda: log.error("elsewhere"))

    assert {record.text: record.source for record in kept()} == {"gone": "x", "elsewhere": ""}


def test_records_of_the_thread_belong_to_the_unit(log, runs):
    handler = SpongeHandler("job", "me@example.org")
    log.addHandler(handler)

    with handler.run():
        in_a_thread(source.carry(lambda: log.error("gone")))
        texts = {
            path.parent.name: [record.text for record in Fold([path], 1).records()]
            for path in runs.glob("*/owner.jsonl")
        }

    assert texts == {"00000001": [], "00000002": ["gone"]}


def test_it_begins_no_block_and_the_failure_is_the_block_it_reaches(log, kept):
    log.addHandler(SpongeHandler("job", "me@example.org"))

    with source("x"):
        carried = source.carry(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            in_a_thread(carried)

    assert kept() == []
