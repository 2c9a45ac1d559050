"""Every link from one page of this project to another leads somewhere, down to the heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
PAGES = [
    *HOME.glob("*.md"),
    *(page for folder in ("docs", "examples", "bench") for page in (HOME / folder).rglob("*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"(?ms)^```.*?^```$")


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"(?m)^#{1,6} (.*)$", FENCED.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOME)))
def test_every_link_leads_somewhere(page):
    text = FENCED.sub("", page.read_text("utf-8"))
    broken = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_of_the_documentation_is_in_its_index():
    index = {
        (HOME / "docs" / link.partition("#")[0]).resolve()
        for link in LINK.findall((HOME / "docs/README.md").read_text("utf-8"))
    }

    assert {page for page in (HOME / "docs").rglob("*.md") if page.name != "README.md"} - index == set()
