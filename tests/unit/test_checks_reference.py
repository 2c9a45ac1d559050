"""The reference is what the code says: a page that is not as docs/generate.py writes it fails here."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

import mailsponge
from mailsponge.smtp import Limits, Offer, State
from mailsponge.smtp.states import TABLE, Step, Verb
from mailsponge.sponge.defaults import Defaults
from mailsponge.sponge.model import Kind, Status

DOCS = Path(__file__).resolve().parents[2] / "docs"


def generator() -> ModuleType:
    """docs/generate.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generator()
PAGES = GENERATE.pages()
POLICY = (DOCS / "reference/policy.md").read_text("utf-8")
ENGINE = (DOCS / "reference/smtp-engine.md").read_text("utf-8")
SETTINGS = (DOCS / "reference/sponge-settings.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_as_it_is_written_from_the_code(page):
    assert page.read_text("utf-8") == PAGES[page], "run: make docs"


@pytest.mark.parametrize("name", [n for n in mailsponge.__all__ if n != "source"])
def test_every_argument_is_explained_in_its_docstring(name):
    thing = getattr(mailsponge, name)
    taken = GENERATE.parameters(thing)

    assert {argument for argument in taken if not GENERATE.documented(thing).get(argument)} == set()
    assert GENERATE.documented(thing).keys() <= taken.keys()


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("page", ["reference/mail.md", "explanation/deciding.md", "glossary.md"])
def test_every_kind_of_flip_is_explained(kind, page):
    assert kind.name in (DOCS / page).read_text("utf-8")


@pytest.mark.parametrize("kind", Kind)
def test_the_reference_says_when_a_kind_of_flip_is_told(kind):
    assert re.search(rf"\| \*\*{kind.name}\*\* \| \S.*\| \S.*\|", POLICY)


@pytest.mark.parametrize("status", Status)
def test_every_state_is_in_the_diagram(status):
    assert re.search(rf"(?m)^    {status.name} --> ", POLICY)


def test_every_transition_is_in_the_diagram_and_in_the_table():
    drawn = POLICY.split("```mermaid")[1].split("```")[0]

    for (start, event), (end, _) in GENERATE.TRANSITIONS.items():
        assert re.search(rf"{start.name} --> {end.name} : .*{re.escape(str(event))}", drawn)
        assert re.search(rf"\| {start.name} \| {re.escape(str(event))} \| \**{end.name}\** \|", POLICY)


@pytest.mark.parametrize("field", [field.name for field in fields(Defaults)])
def test_every_setting_of_the_sponge_is_explained(field):
    assert re.search(rf"(?m)^\| `{field}` \| \w.{{10,}}\|", SETTINGS)


def test_a_block_that_nothing_writes_is_an_error():
    with pytest.raises(KeyError):
        GENERATE._BLOCK.sub(GENERATE._written, "<!-- generated: nonsense x -->\n<!-- end -->")


@pytest.mark.parametrize("state", State)
def test_every_state_of_the_engine_is_in_its_diagram(state):
    assert re.search(rf"(?m)^    {state.name} --> |--> {state.name} : ", ENGINE)


def test_every_transition_of_the_engine_is_in_its_diagram():
    drawn = ENGINE.split("```mermaid")[1].split("```")[0]

    for state, row in TABLE.items():
        for verb, cell in row.items():
            if verb != Verb.QUIT and isinstance(cell, Step) and cell.taken is not state:
                assert re.search(rf"{state.name} --> {cell.taken.name} : .*{re.escape(verb)}", drawn)


@pytest.mark.parametrize("name", [*Limits._fields, *Offer._fields])
def test_every_limit_and_every_offer_of_the_engine_has_its_reason(name):
    assert re.search(rf"(?m)^\| `{name}` \| `[^|]+` \| \S.{{30}}", ENGINE)
