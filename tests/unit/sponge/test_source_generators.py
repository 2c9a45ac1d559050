"""A decorated generator is in its source while it runs; its block begins with the first step and ends with the last."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path

import pytest

from mailsponge import SpongeHandler, source
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.model import Attempt
from mailsponge.sponge.source import current

pytestmark = pytest.mark.usefixtures("own_process")


@pytest.fixture
def seen(runs: Path) -> Callable[[], dict[str, Attempt]]:
    """What the run has shown so far of each source."""
    SpongeHandler("job", "me@example.org")

    def fold() -> dict[str, Attempt]:
        (path,) = runs.glob("*/owner.jsonl")
        folded = Fold([path], 1)
        list(folded.records())
        return folded.attempts

    return fold


class Gone(Exception):
    pass


@source("x")
def items() -> Generator[str, str | None, str]:
    """Three of them."""
    for _ in range(2):
        sent = yield current.get()
        if sent:
            yield sent
    return "the end"


def test_it_is_a_generator_still():
    assert inspect.isgeneratorfunction(items)
    assert (items.__name__, items.__doc__) == ("items", "Three of them.")


def test_it_is_in_its_source_and_whoever_iterates_is_not(seen):
    assert [(inside, current.get()) for inside in items()] == [("x", ""), ("x", "")]
    assert seen()["x"] == Attempt(entered=True)


def test_before_the_first_step_nothing_has_begun(seen):
    items()

    assert seen() == {}


def test_what_it_returns_and_what_is_sent_goes_through(seen):
    def all_of_it() -> Iterator[str]:
        assert (yield from items()) == "the end"

    assert list(all_of_it()) == ["x", "x"]
    several = items()
    next(several)
    assert several.send("sent") == "sent"


def test_what_is_thrown_in_arrives_and_fails_it_if_it_leaves(seen):
    @source("y")
    def catches() -> Iterator[str]:
        try:
            yield "first"
        except Gone:
            yield f"caught in {current.get()}"

    several = catches()
    next(several)
    assert several.throw(Gone()) == "caught in y"
    other = items()
    next(other)
    with pytest.raises(Gone):
        other.throw(Gone())

    assert seen()["x"].raised
    assert not seen()["y"].raised


def test_an_exception_of_its_own_fails_it(seen):
    @source("y")
    def fails() -> Iterator[int]:
        yield 1
        raise Gone

    with pytest.raises(Gone):
        list(fails())

    assert seen()["y"].raised


def test_one_that_is_not_iterated_to_its_end_proves_nothing_good(seen):
    closed_in: list[str] = []

    @source("y")
    def several() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed_in.append(current.get())

    made = several()
    next(made)
    made.close()

    assert closed_in == ["y"]
    assert seen()["y"].broken_off
    assert current.get() == ""


def test_two_at_once_do_not_mix(seen):
    @source("y")
    def others() -> Iterator[str]:
        yield current.get()
        yield current.get()

    assert list(zip(items(), others(), strict=True)) == [("x", "y"), ("x", "y")]
    assert current.get() == ""


@source("x")
async def async_items() -> AsyncIterator[str]:
    """Two of them."""
    for _ in range(2):
        await asyncio.sleep(0)
        yield current.get()


def test_an_asynchronous_one_is_one_still_and_in_its_source(seen):
    async def main() -> list[tuple[str, str]]:
        return [(inside, current.get()) async for inside in async_items()]

    assert inspect.isasyncgenfunction(async_items)
    assert asyncio.run(main()) == [("x", ""), ("x", "")]
    assert seen()["x"] == Attempt(entered=True)


def test_an_asynchronous_one_fails_and_is_broken_off_likewise(seen):
    @source("y")
    async def fails() -> AsyncIterator[int]:
        yield 1
        raise Gone

    async def main() -> None:
        with pytest.raises(Gone):
            async for _ in fails():
                pass
        made = async_items()
        await anext(made)
        await made.aclose()

    asyncio.run(main())

    assert seen()["y"].raised
    assert seen()["x"].broken_off


def test_what_is_thrown_into_an_asynchronous_one_arrives(seen):
    @source("y")
    async def catches() -> AsyncIterator[str]:
        try:
            yield "first"
        except Gone:
            yield f"caught in {current.get()}"

    async def main() -> str:
        several = catches()
        await anext(several)
        caught = await several.athrow(Gone())
        await several.aclose()
        return caught

    assert asyncio.run(main()) == "caught in y"


def test_tasks_that_iterate_at_once_do_not_mix(seen):
    async def one(name: str) -> list[str]:
        @source(name)
        async def several() -> AsyncIterator[str]:
            for _ in range(3):
                await asyncio.sleep(0)
                yield current.get()

        return [inside async for inside in several()]

    async def main() -> list[list[str]]:
        return await asyncio.gather(*map(one, "abc"))

    assert asyncio.run(main()) == [[name] * 3 for name in "abc"]
