"""The story of the dashboard in a real browser, from the first look to silence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from kit.web_browser import NetworkLog, Site, a_page, screens, serious

FETCH = """\
import sys
print("fetching In Our Time")
sys.exit("HTTP 404 for https://example.org/in-our-time.rss?token=s3cr3t-t0ken-of-mine")
"""


class Job:
    """A job that a person runs on this machine."""

    def __init__(self, site: Site, state: Path) -> None:
        self._site = site
        self._environ = {**os.environ, "MAILSPONGE_STATE": str(state)}

    def runs(self, code: str, source: str = "In Our Time") -> None:
        """Run it once, as cron would."""
        to = ("--to", "me@localhost", "--mailhost", f"smtp://127.0.0.1:{self._site.smtp}?starttls=never")
        command = (sys.executable, "-m", "mailsponge", "run", "podcasts", *to, "--source", source, "--")
        subprocess.run(
            [*command, sys.executable, "-c", code], env=self._environ, capture_output=True, check=False
        )


@pytest.fixture
def job(site: Site, tmp_path: Path) -> Job:
    return Job(site, tmp_path / "state")


@pytest.fixture
def failing(job: Job) -> Job:
    """Three runs that failed, and so a mail; and another source that is well."""
    job.runs("print('fetched')", "Forum")
    for _ in range(3):
        job.runs(FETCH)
    return job


def test_who_has_no_job_yet_is_told_how_to_begin(me: Page):
    me.goto("/jobs")

    expect(me.get_by_role("heading", name="No job has run yet")).to_be_visible()
    expect(me.get_by_text("mailsponge run backup --")).to_be_visible()


def test_from_the_first_look_to_silence(me: Page, failing: Job):
    me.goto("/")
    me.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    row = me.get_by_role("row").filter(has_text="In Our Time")
    expect(row).to_contain_text("hard")
    expect(row).to_contain_text("3 failed runs in a row")
    expect(row.get_by_role("img")).to_have_attribute("aria-label", re.compile("3 failed"))

    me.get_by_role("link", name="In Our Time").click()
    expect(me.get_by_text("HTTP 404 for https://example.org/in-our-time.rss")).to_be_visible()
    assert "s3cr3t-t0ken-of-mine" not in me.content()

    silence = me.get_by_role("region", name="Silence")
    silence.get_by_label("For how long").fill("2 days")
    silence.get_by_label("Why").fill("the feed moves")
    silence.get_by_role("button", name="Silence").click()
    expect(silence).to_contain_text("the feed moves")

    me.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    expect(me.get_by_role("row").filter(has_text="In Our Time")).to_contain_text("Silenced: the feed moves.")


def test_a_silence_is_taken_back_with_one_click(me: Page, failing: Job):
    me.goto("/jobs/source?job=podcasts&source=In+Our+Time")
    silence = me.get_by_role("region", name="Silence")
    silence.get_by_role("button", name="Silence").click()
    silence.get_by_role("button", name="End the silence").click()

    expect(silence.get_by_label("For how long")).to_be_visible()


def test_the_slider_shows_at_once_which_mails_would_have_come(me: Page, failing: Job):
    me.goto("/jobs/replay?job=podcasts")
    expect(me.get_by_role("heading", name="3 runs: 1 mail")).to_be_visible()

    slider = me.get_by_role("slider")
    slider.press("ArrowRight")
    expect(me.get_by_role("heading", name="4 runs: nothing would have been mailed")).to_be_visible()
    slider.press("Home")
    expect(me.get_by_role("heading", name="now: 1 mail")).to_be_visible()


def test_a_page_is_read_and_a_button_works_without_javascript(
    chromium: Browser, site: Site, state: Any, failing: Job
):
    with a_page(chromium, site, java_script_enabled=False, storage_state=state) as (page, _):
        page.goto("/jobs?show=hard")
        page.get_by_role("link", name="In Our Time").click()
        known = page.get_by_role("region", name="Acknowledge")
        known.get_by_label("Why").fill("the feed moves")
        known.get_by_role("button", name="Acknowledge").click()
        expect(known).to_contain_text("the feed moves")

        page.get_by_role("link", name="Replay").click()
        page.get_by_role("slider").press("ArrowRight")
        page.get_by_role("button", name="Replay").first.click()
        expect(page.get_by_role("heading", name="4 runs: nothing would have been mailed")).to_be_visible()


PAGES = {
    "jobs": "/jobs",
    "job": "/jobs/job?job=podcasts",
    "source": "/jobs/source?job=podcasts&source=In+Our+Time",
    "replay": "/jobs/replay?job=podcasts",
}


def test_nobody_is_kept_out_and_the_policy_has_nothing_to_refuse(
    me: Page, window: tuple[Page, NetworkLog], failing: Job
):
    for path in PAGES.values():
        me.goto(path)
        assert serious(me) == []
    assert window[1].refused == []


@pytest.mark.parametrize("name", PAGES)
def test_it_fits_every_window(chromium: Browser, site: Site, state: Any, failing: Job, name: str):
    screens(chromium, site, state, PAGES[name], f"dashboard-{name}")
