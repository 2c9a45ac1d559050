"""What a program imports is what the interface promises, and nothing else looks as if it were."""

from __future__ import annotations

import inspect
import logging

import pytest

import mailsponge


def test_what_is_public_is_what_is_promised():
    public = {
        name
        for name in dir(mailsponge)
        if not name.startswith("_") and not inspect.ismodule(getattr(mailsponge, name))
    }

    assert public == set(mailsponge.__all__)


def test_what_is_not_there_is_told_as_of_any_module():
    with pytest.raises(AttributeError, match="module 'mailsponge' has no attribute 'SpongeHandel'"):
        mailsponge.SpongeHandel  # noqa: B018


@pytest.mark.parametrize("name", mailsponge.__all__)
def test_every_public_name_says_what_it_is(name):
    assert len((getattr(mailsponge, name).__doc__ or "").split()) >= 5


@pytest.mark.parametrize("name", ["SpongeHandler", "SMTPHandler", "source", "SourceFilter", "Policy"])
def test_the_names_that_programs_hold_on_to_are_there(name):
    assert name in mailsponge.__all__


def test_the_handler_is_a_logging_handler():
    assert issubclass(mailsponge.SpongeHandler, logging.Handler)


def test_the_handlers_arguments_are_those_of_the_interface():
    parameters = inspect.signature(mailsponge.SpongeHandler).parameters

    promised = (
        "job toaddrs fromaddr mailhost subject credentials secure timeout level patience recover_after remind"
    )
    assert set(promised.split()) | {"common_cause", "every", "state"} <= set(parameters)
    assert list(parameters)[:2] == ["job", "toaddrs"]
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[2:])
    defaults = {name: p.default for name, p in parameters.items()}
    assert (defaults["timeout"], defaults["level"], defaults["recover_after"]) == (5.0, "INFO", 1)
    assert defaults["every"] == "1 hour"
    assert (defaults["remind"], defaults["common_cause"]) == ("1 day, 3 days, 7 days", 0.8)


def test_the_example_at_the_top_of_the_package_is_python():
    example = (mailsponge.__doc__ or "").partition("\n\n")[2]

    compile(example, "example", "exec")
    assert "SpongeHandler(" in example
