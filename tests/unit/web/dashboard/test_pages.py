"""The pages of the dashboard: who sees them, what is on them, and what their buttons do."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

import pytest
from sponge_jobs import RememberedJob

from kit.browser import Answer, Browser
from kit.web_office import YOU, WebOffice
from mailsponge.sponge.model import ERROR
from mailsponge.web.dashboard import pages

IN_OUR_TIME = "/jobs/source?job=podcasts&source=In+Our+Time"
PODCASTS = "/jobs/job?job=podcasts"
REPLAY = "/jobs/replay?job=podcasts"


@pytest.fixture(autouse=True)
def _soon_after(office: WebOffice, podcasts: RememberedJob) -> None:
    """It is an hour after the last run."""
    office.clock.at = podcasts.now


def seen(answer: Answer) -> str:
    """What a reader sees of a page, its markup left out."""
    without = re.sub(r"<(title|style|script)\b.*?</\1>|<[^>]*>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", without)


def named(**fields: str) -> dict[str, str]:
    return {"job": "podcasts", **fields}


# Who sees them


@pytest.mark.parametrize("path", ["/jobs", PODCASTS, IN_OUR_TIME, REPLAY])
def test_only_who_looks_after_the_server_sees_what_programs_log(office, path):
    assert office.logged_in_as(YOU).get(path).status == 404
    assert office.browser().get(path).status == 303


@pytest.mark.parametrize("word", list(pages.CHANGES))
def test_nor_does_anybody_else_change_anything(office, podcasts, word):
    you = office.logged_in_as(YOU)
    token = you.get(f"/mail/{YOU}/Inbox").token

    assert you.post(f"/jobs/{word}", named(csrf=token, duration="1 day")).status == 404
    assert podcasts.silences() == []


def test_a_form_of_another_site_changes_nothing(me, podcasts):
    assert me.post("/jobs/silence", named(duration="1 day")).status == 403
    assert podcasts.silences() == []


# All jobs


def test_the_first_page_shows_what_fails_and_since_when(me):
    shown = seen(me.get("/jobs"))

    assert "✖ 1 hard" in shown
    assert "✓ 2 ok" in shown
    assert re.search(r"✖ hard In Our Time .* 2 .* told ", shown)


def test_the_worst_comes_first_and_that_can_be_turned(me):
    def order(path: str) -> list[str]:
        return re.findall(r">(In Our Time|Forum)<", me.get(path).text)

    assert order("/jobs") == ["In Our Time", "Forum"]
    assert order("/jobs?sort=source") == ["Forum", "In Our Time"]
    assert order("/jobs?sort=source&turned=1") == ["In Our Time", "Forum"]


def test_the_heading_says_how_it_is_sorted(me):
    assert re.search(
        r'aria-sort="descending"><a href="[^"]*">Source', me.get("/jobs?sort=source&turned=1").text
    )


def test_sources_are_found_by_their_names_and_how_they_stand(me):
    assert "Forum" not in seen(me.get("/jobs?words=our+time"))
    assert "In Our Time" not in seen(me.get("/jobs?show=ok"))
    assert "No source is like that." in seen(me.get("/jobs?words=nobody"))


def test_htmx_gets_the_part_that_changes(me):
    part = me.get("/jobs?show=ok", hx_request="true").text

    assert part.startswith("<section") or part.lstrip().startswith("<section")
    assert "<html" not in part


def test_many_sources_are_shown_in_pages(me, state, monkeypatch):
    monkeypatch.setattr(pages, "MOST_ROWS", 2)
    first = me.get("/jobs").text

    assert "page 1 of 2" in first
    assert 'href="/jobs?page=2" rel="next"' in first
    assert "page 2 of 2" in me.get("/jobs?page=2").text
    assert "page 2 of 2" in me.get("/jobs?page=99").text


def test_where_no_job_has_run_the_page_says_how_to_begin(me, podcasts):
    podcasts.command("forget", "podcasts", "--yes")
    shown = seen(me.get("/jobs"))

    assert "No job has run yet" in shown
    assert "mailsponge run backup --" in shown
    assert str(podcasts.place.directory.parent) in shown


def test_a_ledger_that_cannot_be_read_is_told(me, podcasts):
    podcasts.place.ledger.write_bytes(b"spoilt" * 1000)

    assert "cannot be read" in seen(me.get("/jobs"))
    assert "is damaged" in seen(me.get(PODCASTS))
    assert "is damaged" in seen(me.get(IN_OUR_TIME))
    assert me.get(REPLAY).status == 503


# One job


def test_a_job_shows_its_runs_and_its_rules(me):
    shown = seen(me.get(PODCASTS))

    assert "Patience 2 runs" in shown
    assert "me@example.org" in shown
    assert shown.count("finished") == 3


@pytest.mark.parametrize(
    "path", ["/jobs/job", "/jobs/job?job=nothing", "/jobs/source?job=podcasts&source=x", "/jobs/x"]
)
def test_what_there_is_not_is_not_there(me, path):
    assert me.get(path).status in (404, 405)


def test_names_of_any_kind_are_found_and_shown_harmlessly(me, state):
    name, source = "50% / off?&<b>\u202e", "<script>alert(1)</script>\x1b[2J"
    job = RememberedJob(state, name)
    job.ran(source)
    page = me.get(f"/jobs/job?job={quote_plus(job.place.name)}")
    link = re.search(r'class="who"><a href="(/jobs/source[^"]*script[^"]*)"', page.text)

    assert page.status == 200
    assert "<script>alert" not in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert link is not None
    assert me.get(link[1].replace("&amp;", "&")).status == 200


# One source


def test_a_source_shows_why_it_stands_where_it_stands(me):
    shown = seen(me.get(IN_OUR_TIME))

    assert "2 failed runs in a row" in shown
    assert "last 3 runs: 2 failed, 1 ok; failed in the last 2" in shown


def test_the_records_of_the_last_failure_are_one_click_away(me):
    assert f'href="{IN_OUR_TIME.replace("&", "&amp;")}"' in me.get("/jobs").text
    assert "ERROR feeds In Our Time is down" in seen(me.get(IN_OUR_TIME))


def test_a_source_that_never_failed_says_so(me):
    shown = seen(me.get("/jobs/source?job=podcasts&source=Forum"))

    assert "It has not failed in any run that is kept." in shown
    assert "there is nothing to acknowledge" in shown


def test_the_job_itself_has_a_page_too(me):
    assert "the job itself" in seen(me.get("/jobs/source?job=podcasts&source="))


# Silence and acknowledge


def send(me: Browser, word: str, page: str, **fields: str) -> Answer:
    return me.send(page, f"/jobs/{word}", named(**fields))


def test_a_source_is_silenced_for_a_while_and_for_a_reason(me, podcasts, office):
    answer = send(
        me, "silence", IN_OUR_TIME, source="In Our Time", duration="2 days", because=" moving  house "
    )

    (silence,) = podcasts.silences()
    assert (answer.status, answer.header("location")) == (303, IN_OUR_TIME)
    assert (silence.pattern, silence.because) == ("In Our Time", "moving house")
    assert silence.until - silence.since == 2 * 86400
    assert "moving house" in seen(me.get(IN_OUR_TIME))
    assert "Silenced: moving house." in seen(me.get("/jobs"))


def test_a_pattern_silences_what_matches_and_that_is_listed_with_the_job(me, podcasts):
    answer = send(me, "silence", PODCASTS, pattern="In*", duration="1 hour")

    assert answer.header("location") == PODCASTS
    assert "In* until" in seen(me.get(PODCASTS))
    assert "1 source " in seen(me.get("/jobs?show=muted"))


def test_a_silence_is_taken_back(me, podcasts):
    send(me, "silence", IN_OUR_TIME, source="In Our Time", duration="1 day")
    send(me, "unsilence", IN_OUR_TIME, source="In Our Time", pattern="In Our Time")

    assert "is silent until" not in seen(me.get(IN_OUR_TIME))


def test_a_length_that_is_none_is_said_and_what_was_filled_in_stays(me, podcasts):
    answer = send(me, "silence", IN_OUR_TIME, source="In Our Time", duration="soon", because="moving")

    assert answer.status == 422
    assert "is no duration" in seen(answer)
    assert 'value="moving"' in answer.text
    assert podcasts.silences() == []


@pytest.mark.parametrize("field", ["because", "pattern"])
def test_what_is_too_long_is_refused(me, podcasts, field):
    assert (
        send(me, "silence", PODCASTS, duration="1 day", **{"pattern": "*", field: "x" * 1001}).status == 422
    )
    assert podcasts.silences() == []


def test_a_silence_that_has_ended_cannot_be_ended_again(me):
    answer = send(me, "unsilence", PODCASTS, pattern="*")

    assert answer.status == 422
    assert "it has ended already" in seen(answer)


def test_a_failure_is_acknowledged_for_a_reason_and_that_is_taken_back(me, podcasts):
    send(me, "acknowledge", IN_OUR_TIME, source="In Our Time", because="the feed moves")
    incident = podcasts.incident("In Our Time")
    assert (incident.acknowledged, incident.acknowledged_because) == (ERROR, "the feed moves")
    assert "Acknowledged: the feed moves." in seen(me.get("/jobs"))

    send(me, "unacknowledge", IN_OUR_TIME, source="In Our Time")
    incident = podcasts.incident("In Our Time")
    assert (incident.acknowledged, incident.acknowledged_because) == (None, "")


def test_what_does_not_fail_cannot_be_acknowledged(me):
    answer = send(me, "acknowledge", "/jobs/source?job=podcasts&source=Forum", source="Forum")

    assert answer.status == 422
    assert "Forum does not fail" in seen(answer)


def test_a_job_that_is_not_there_is_not_made_by_a_button(me, podcasts):
    token = me.get(PODCASTS).token

    assert me.post("/jobs/silence", {"csrf": token, "job": "new", "duration": "1 day"}).status == 404
    assert [path.name for path in podcasts.place.directory.parent.iterdir()] == ["podcasts"]


def test_a_button_that_there_is_not_does_nothing(me):
    assert send(me, "delete", PODCASTS).status == 404


# Replay


def test_a_replay_begins_with_the_patience_that_the_job_has(me):
    shown = seen(me.get(REPLAY))

    assert "2 runs : 1 mail" in shown
    assert "NEW In Our Time has failed 2 runs in a row" in shown


def test_the_slider_brings_other_mails(me):
    assert "now : 1 mail" in seen(me.get(f"{REPLAY}&step=0"))
    assert "5 runs : nothing would have been mailed" in seen(me.get(f"{REPLAY}&step=4"))


def test_a_patience_in_words_is_taken_too(me):
    assert "30 min or 3 runs : 1 mail" in seen(me.get(f"{REPLAY}&patience=30+min+or+3+runs"))


def test_one_that_is_none_is_said_with_the_grammar(me):
    answer = me.get(f"{REPLAY}&patience=soon")

    assert answer.status == 422
    assert "a patience is &#34;3 runs&#34;" in answer.text


def test_the_slider_gets_the_part_that_changes(me):
    assert "<html" not in me.get(f"{REPLAY}&step=0", hx_request="true").text


def test_a_replay_changes_and_mails_nothing(me, podcasts):
    before = podcasts.place.ledger.read_bytes()
    me.get(f"{REPLAY}&step=0")

    assert podcasts.place.ledger.read_bytes() == before


def test_where_nothing_was_remembered_lately_there_is_nothing_to_replay(office):
    office.clock.turn(100 * 86400)

    assert "Nothing to replay yet" in seen(office.logged_in().get(REPLAY))
