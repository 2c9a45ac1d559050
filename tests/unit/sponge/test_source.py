"""``with source(...)``: what belongs to a source, and what its block's end proves."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailsponge import SpongeHandler, source
from mailsponge.sponge import journal
from mailsponge.sponge.fold import Fold
from mailsponge.sponge.model import Attempt, Record
from mailsponge.sponge.source import current

pytestmark = pytest.mark.usefixtures("own_process")


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[], dict[str, Attempt]]:
    """What the run has shown so far of each source."""
    SpongeHandler("job", "me@example.org")
    return lambda: folded(tmp_path)[0].attempts


def folded(tmp_path: Path) -> tuple[Fold, list[Record]]:
    (path,) = (tmp_path / "state/job/runs").glob("*/owner.jsonl")
    fold = Fold([path], 1)
    return fold, list(fold.records())


def lines(tmp_path: Path) -> list[str]:
    (path,) = (tmp_path / "state/job/runs").glob("*/owner.jsonl")
    return [line.get("k", "") + ":" + line.get("s", "") for line in journal.read(path)]


class Gone(Exception):
    pass


def fail_in(name: str, error: BaseException) -> None:
    with pytest.raises(type(error)), source(name):
        raise error


def test_a_block_that_is_left_well_is_a_source_that_was_attempted(seen):
    with source("x"):
        pass

    assert seen()["x"] == Attempt(entered=True)


def test_begin_and_end_go_into_the_journal_at_once(seen, tmp_path):
    with source("x"):
        assert lines(tmp_path) == ["begin:", "in:x"]
    assert lines(tmp_path) == ["begin:", "in:x", "out:x"]


def test_an_exception_that_leaves_a_block_fails_it_and_goes_on(seen, tmp_path):
    fail_in("x", Gone("404"))

    assert seen()["x"].raised
    (record,) = folded(tmp_path)[1]
    assert record.source == "x"
    assert record.text.endswith("Gone: 404")
    assert "Traceback" in record.detail


def test_of_nested_blocks_the_innermost_alone_fails(seen):
    with pytest.raises(Gone), source("outer"), source("middle"), source("inner"):
        raise Gone

    assert {name for name, attempt in seen().items() if attempt.raised} == {"inner"}
    assert not seen()["outer"].broken_off


def test_an_exception_raised_in_place_of_another_fails_the_block_it_leaves(seen):
    def give_up_with_another() -> None:
        try:
            with source("inner"):
                raise Gone
        except Gone as error:
            raise KeyError from error

    with pytest.raises(KeyError), source("outer"):
        give_up_with_another()

    assert {name for name, attempt in seen().items() if attempt.raised} == {"outer", "inner"}


def test_one_exception_that_reaches_a_later_block_fails_that_one_too(seen):
    shared = Gone("the shared connection is down")

    fail_in("a", shared)
    fail_in("b", shared)

    assert seen()["a"].raised
    assert seen()["b"].raised


def test_one_exception_raised_run_after_run_fails_every_run(tmp_path):
    handler = SpongeHandler("job", "me@example.org", patience="2 runs")
    always_the_same = Gone()

    fail_in("x", always_the_same)
    assert not handler.squeeze().flips
    fail_in("x", always_the_same)

    assert [flip.source for flip in handler.squeeze().flips] == ["x"]


def test_an_exception_of_a_child_process_was_taken_by_the_block_in_the_child(seen):
    error = Gone()
    fail_in("in the child", error)
    error.__dict__["__mailsponge_attributed__"] = (1, 1)  # as it arrives from another process

    fail_in("x", error)

    assert not seen()["x"].raised


class Strange(Exception):
    """An exception that has every attribute one asks for, as those of some remote calls do."""

    def __getattr__(self, name: str) -> str:
        return name


def test_an_exception_that_claims_every_attribute_fails_its_block_like_any(seen):
    fail_in("x", Strange())

    assert seen()["x"].raised


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), asyncio.CancelledError()]
)
def test_what_breaks_a_block_off_is_no_failure_and_proves_nothing_good(seen, error):
    fail_in("x", error)

    assert seen()["x"] == Attempt(entered=True, broken_off=True)


def test_a_later_block_that_is_left_well_makes_up_for_one_that_was_broken_off(seen):
    fail_in("x", SystemExit())
    with source("x"):
        pass

    assert not seen()["x"].broken_off


def test_a_cancelled_task_breaks_its_block_off(seen):
    async def download() -> None:
        with source("x"):
            await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(download())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())

    assert seen()["x"].broken_off


def test_records_inside_belong_to_the_source_and_outside_do_not(seen):
    assert current.get() == ""
    with source("outer"):
        with source("inner"):
            assert current.get() == "inner"
        assert current.get() == "outer"
    assert current.get() == ""


def test_the_source_before_is_current_again_after_an_exception(seen):
    with source("outer"):
        fail_in("inner", Gone())
        assert current.get() == "outer"


def test_threads_have_their_own_sources(seen):
    inside: list[str] = []

    with source("main"):
        thread = threading.Thread(target=lambda: inside.append(current.get()))
        thread.start()
        thread.join()

    assert inside == [""]


def test_tasks_have_their_own_sources(seen):
    async def inside(name: str) -> str:
        with source(name):
            await asyncio.sleep(0)
            return current.get()

    async def main() -> list[str]:
        return await asyncio.gather(*(inside(name) for name in "abc"))

    assert asyncio.run(main()) == ["a", "b", "c"]


def test_one_source_may_be_entered_again_and_inside_itself(seen):
    again = source("x")

    with again, again:
        assert current.get() == "x"
    with again:
        pass

    assert current.get() == ""


def test_a_generator_closed_by_somebody_else_lets_go_of_its_source(seen):
    def items() -> Iterator[int]:
        with source("x"):
            yield 1
            yield 2

    several = items()
    contextvars.copy_context().run(next, several)
    several.close()

    assert seen()["x"].broken_off
    assert current.get() == ""


def test_it_decorates_a_function(seen):
    @source("x")
    def work(a: int, *, b: int) -> tuple[int, str]:
        """Do it."""
        return a + b, current.get()

    assert work(1, b=2) == (3, "x")
    assert work.__name__ == "work"
    assert work.__doc__ == "Do it."
    assert seen()["x"].entered


def test_it_decorates_a_coroutine_function(seen):
    @source("x")
    async def work() -> str:
        await asyncio.sleep(0)
        raise Gone(current.get())

    with pytest.raises(Gone, match="x"):
        asyncio.run(work())
    assert seen()["x"].raised


def test_a_decorated_function_may_call_itself(seen):
    @source("x")
    def down(n: int) -> int:
        return down(n - 1) if n else 0

    assert down(5) == 0
    assert current.get() == ""


def test_a_source_may_be_named_by_whatever_has_a_text(seen):
    with source(42):
        pass

    assert "42" in seen()


def test_without_a_handler_a_source_is_only_a_name(own_process):
    with source("x"):
        assert current.get() == "x"

    assert own_process.jobs() == []


def test_every_job_of_the_process_is_told(tmp_path):
    SpongeHandler("one", "me@example.org")
    SpongeHandler("two", "me@example.org")

    with source("x"):
        pass

    for job in ("one", "two"):
        (path,) = (tmp_path / f"state/{job}/runs").glob("*/owner.jsonl")
        assert [line["k"] for line in journal.read(path)] == ["begin", "in", "out"]
