"""Rules of writing the log."""

from __future__ import annotations

import asyncio
import io
import logging

import pytest

from mailsponge.server.logsink import LogSink, logging_to

log = logging.getLogger("mailsponge.server")


class Stream(io.StringIO):
    """A stream that tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text) -> int:
        self.written.set()
        return super().write(text)


@pytest.fixture
def stream():
    return Stream()


def record(text: str, created: float = 1769844600.25) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": text, "levelno": logging.INFO, "created": created, "msecs": 250.0})


def test_without_a_loop_a_line_is_written_at_once(stream):
    with logging_to(LogSink(stream, stamped=False)):
        log.info("one %s", "line")

    assert stream.getvalue() == "one line\n"


def test_a_line_is_stamped_with_its_moment_in_utc(stream):
    LogSink(stream).handle(record("x"))

    assert stream.getvalue() == "2026-01-31T07:30:00.250Z x\n"


def test_the_stamp_follows_the_second(stream):
    sink = LogSink(stream)
    sink.handle(record("x"))
    sink.handle(record("y", 1769844601.25))

    assert stream.getvalue().splitlines()[1] == "2026-01-31T07:30:01.250Z y"


def test_with_a_loop_lines_are_gathered_and_written_together(stream):
    async def busy() -> list[str]:
        sink.gather(asyncio.get_running_loop())
        log.info("one")
        log.info("two")
        seen = [stream.getvalue()]
        await stream.written.wait()
        return [*seen, stream.getvalue()]

    sink = LogSink(stream, stamped=False)
    with logging_to(sink):
        assert asyncio.run(busy()) == ["", "one\ntwo\n"]


def test_a_warning_is_written_at_once_with_all_that_waited(stream):
    async def busy() -> str:
        sink.gather(asyncio.get_running_loop())
        log.info("one")
        log.warning("two")
        return stream.getvalue()

    sink = LogSink(stream, stamped=False)
    with logging_to(sink):
        assert asyncio.run(busy()) == "one\ntwo\n"


def test_when_the_loop_ends_what_waits_is_written(stream):
    async def busy() -> None:
        sink.gather(asyncio.get_running_loop())
        log.info("one")
        sink.gather(None)

    sink = LogSink(stream, stamped=False)
    with logging_to(sink):
        asyncio.run(busy())

    assert stream.getvalue() == "one\n"


def test_an_exception_is_written_with_its_traceback(stream):
    with logging_to(LogSink(stream, stamped=False)):
        try:
            raise ValueError("gone")
        except ValueError:
            log.exception("odd")

    assert stream.getvalue().startswith("odd\nTraceback")
    assert "ValueError: gone" in stream.getvalue()


def test_a_stream_that_nobody_reads_any_more_is_no_reason_to_fail(stream):
    stream.close()
    sink = LogSink(stream)

    sink.handle(record("x"))
    sink.handle(record("y"))


def test_logging_is_as_it_was_afterwards(stream):
    ours = logging.getLogger("mailsponge")
    before = (ours.level, list(ours.handlers))
    with logging_to(LogSink(stream)):
        pass

    assert (ours.level, ours.handlers) == before
