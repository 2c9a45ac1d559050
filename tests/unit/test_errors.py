"""The tree of errors is as it is drawn, and each says what it is for."""

from __future__ import annotations

import inspect
import re

import pytest

from mailsponge import errors

CLASSES = {name: thing for name, thing in vars(errors).items() if inspect.isclass(thing)}


def drawn() -> dict[str, str]:
    """Each class of the drawing at the top of the file, with the one it hangs from."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^( {4}(?:│   |    )*(?:[├└]── )?)([A-Z]\w+)", line):
            depth = len(found[1]) // 4 - 1
            above[depth:] = [found[2]]
            parents[found[2]] = above[depth - 1] if depth else ""
    return parents


def test_every_error_is_in_the_drawing_at_its_place():
    bases = {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}

    assert drawn() == {name: base if base in CLASSES else "" for name, base in bases.items()}


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES.keys())
def test_whoever_catches_the_root_catches_them_all(kind):
    assert issubclass(kind, errors.MailspongeError)


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES.keys())
def test_every_error_says_what_it_is(kind):
    assert kind.__doc__ is not None
    assert kind.__doc__.endswith(".")


def test_what_cannot_be_asked_for_is_a_value_error_too():
    assert issubclass(errors.UsageError, ValueError)
    assert issubclass(errors.AddressError, ValueError)
    assert not issubclass(errors.StateError, ValueError)


def test_a_message_is_kept_as_it_was_given():
    assert str(errors.StateError("the ledger /x cannot be opened")) == "the ledger /x cannot be opened"
