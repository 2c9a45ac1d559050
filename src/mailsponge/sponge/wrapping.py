"""Functions of every kind, run inside something: a block, and the variables that hold while they run.

A generator runs in steps, and between two of them whoever iterates over it runs. So what surrounds the whole (a block's
beginning and end) is kept apart from what surrounds each step (the variables): the steps alone are in the source.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

Inside = Callable[[], AbstractContextManager[Any]]
"""Makes what a call, or one step of it, is to be inside of."""


def wrapped(function: F, whole: Inside, step: Inside, plain: Callable[[F], Any] | None = None) -> F:
    """The function, run inside ``whole``, and each of its steps inside ``step``; it looks the same from outside.

    Args:
        function: a function, a method, a coroutine function, a generator function or an asynchronous one, or an object
            that is called like one of them.
        whole: surrounds the call from its beginning to its end.
        step: surrounds what runs between two yields; of a function without any, all of it.
        plain: makes the wrapper of a function that is called and returns; by default it is one like the others.
    """
    called: Any = function
    if not (inspect.isroutine(function) or isinstance(function, functools.partial | type)):
        called = type(function).__call__
    for is_one, wrap in (
        (inspect.iscoroutinefunction, _coroutine),
        (inspect.isgeneratorfunction, _generator),
        (inspect.isasyncgenfunction, _async_generator),
    ):
        if is_one(called):
            return cast(F, functools.wraps(function)(wrap(function, whole, step)))
    if plain is not None:
        return cast(F, plain(function))
    return cast(F, functools.wraps(function)(_plain(function, whole, step)))


def _plain(function: Callable[..., Any], whole: Inside, step: Inside) -> Callable[..., Any]:
    def plain(*args: Any, **kwargs: Any) -> Any:
        with whole(), step():
            return function(*args, **kwargs)

    return plain


def _coroutine(function: Callable[..., Any], whole: Inside, step: Inside) -> Callable[..., Any]:
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        with whole(), step():
            return await function(*args, **kwargs)

    return coroutine


def _generator(function: Callable[..., Any], whole: Inside, step: Inside) -> Callable[..., Any]:
    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with whole():
            running = function(*args, **kwargs)
            resume, sent = running.send, None
            while True:
                try:
                    with step():
                        item = resume(sent)
                except StopIteration as done:
                    return done.value
                try:
                    resume, sent = running.send, (yield item)
                except GeneratorExit:
                    with step():
                        running.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is handed on
                    resume, sent = running.throw, error

    return generator


def _async_generator(function: Callable[..., Any], whole: Inside, step: Inside) -> Callable[..., Any]:
    async def generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with whole():
            running = function(*args, **kwargs)
            resume, sent = running.asend, None
            while True:
                try:
                    with step():
                        item = await resume(sent)
                except StopAsyncIteration:
                    return
                try:
                    resume, sent = running.asend, (yield item)
                except GeneratorExit:
                    with step():
                        await running.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is handed on
                    resume, sent = running.athrow, error

    return generator
