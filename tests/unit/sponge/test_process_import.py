"""What importing from ``mailsponge`` does to the program that does it: nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kit.programs import SOURCES, Job

LOOK = """
import sys
opened, before = [], set(sys.modules)
sys.addaudithook(lambda event, arguments: event == "open" and opened.append(arguments))
import atexit, json, logging, os, signal, threading
atexits, handlers = atexit._ncallbacks(), list(logging._handlerList)
hooks = sys.excepthook, sys.unraisablehook, threading.excepthook, sys.getprofile(), sys.gettrace()
signals = {each: signal.getsignal(each) for each in signal.valid_signals()}
environment, root = dict(os.environ), list(logging.root.handlers)
from mailsponge import *
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
print(json.dumps({
    "modules": sorted(set(sys.modules) - before),
    "written": [str(path) for path, mode, flags in opened if flags & writing and ".pyc" not in str(path)],
    "threads": threading.active_count(),
    "exit functions": atexit._ncallbacks() - atexits,
    "handlers": len(logging._handlerList) - len(handlers),
    "root": logging.root.handlers == root,
    "hooks": hooks == (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.getprofile(), sys.gettrace()),
    "signals": signals == {each: signal.getsignal(each) for each in signal.valid_signals()},
    "environment": dict(os.environ) == environment,
    "standard": sorted(sys.stdlib_module_names),
}))
"""


@pytest.fixture
def seen(job: Job, python: str) -> dict[str, Any]:
    """What has changed in a fresh interpreter, which finds nothing but its own library and the sources."""
    sources = f"import sys\nsys.path.insert(0, {str(SOURCES)!r})\n"
    done = job.run(sources + LOOK, python=python, wrapper=("env", "-u", "PYTHONPATH"))
    assert (done.status, done.err) == (0, "")
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_it_loads_the_standard_library_alone(seen: dict[str, Any]):
    foreign = {name.partition(".")[0] for name in seen["modules"]} - set(seen["standard"]) - {"mailsponge"}

    assert foreign == set()


def test_it_changes_nothing(seen: dict[str, Any], job: Job):
    assert seen["written"] == []
    assert seen["threads"] == 1
    assert seen["exit functions"] == 0
    assert seen["handlers"] == 0
    assert seen["root"]
    assert seen["hooks"]
    assert seen["signals"]
    assert seen["environment"]
    assert not job.state.exists()
