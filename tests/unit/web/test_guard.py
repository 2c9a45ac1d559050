"""What stands before every page."""

from __future__ import annotations

import logging

import msgspec
import pytest

from kit.browser import HOST, Browser
from kit.web_office import YOU, WebOffice
from mailsponge.web.security import headers


@pytest.fixture
def me(office: WebOffice) -> Browser:
    """The first user, logged in."""
    return office.logged_in()


@pytest.mark.parametrize(
    "host", ["localhost:8025", "localhost", "127.0.0.1:8025", "[::1]:8025", "MAIL.example.org.:1"]
)
def test_it_answers_to_its_names(office: WebOffice, host: str):
    assert office.browser(host=host).get("/login").status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost:80x",
        "",
        "::1",
        "a@localhost",
        "[",
        ":",
    ],
)
def test_it_answers_to_no_other_name(office: WebOffice, host: str):
    answer = office.browser(host=host).get("/login")

    assert answer.status == 421
    assert "hosts in [web]" in answer.text


def test_a_name_in_the_settings_is_its_name(office: WebOffice):
    web = msgspec.structs.replace(office.config.web, hosts=("post.example.net",))
    office.config = msgspec.structs.replace(office.config, web=web)

    assert office.browser(host="post.example.net").get("/login").status == 200


@pytest.mark.parametrize("path", ["/login", "/queue", "/nowhere", "/static/x/y.js", "/enter/x"])
def test_every_answer_tells_the_browser_what_it_may_do(office: WebOffice, path: str):
    answer = office.browser().get(path)

    assert {name: answer.header(name) for name in headers.HEADERS} == headers.HEADERS


def test_the_policy_lets_no_inline_script_or_style_through():
    assert "unsafe" not in headers.CSP
    assert headers.CSP.startswith("default-src 'none'; script-src 'self'; style-src 'self';")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_form_that_the_browser_says_is_not_ours_is_refused(me: Browser, site: str):
    answer = me.send("/queue", "/logout", sec_fetch_site=site)

    assert answer.status == 403
    assert me.get("/queue").status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9000", "ftp://localhost:8025", "http://["]
)
def test_a_form_of_another_origin_is_refused(me: Browser, origin: str):
    assert me.send("/queue", "/logout", origin=origin).status == 403


def test_a_program_without_origin_needs_the_token_all_the_same(me: Browser):
    assert me.send("/queue", "/logout", {"csrf": "x"}, origin="", sec_fetch_site="").status == 403
    assert me.send("/queue", "/logout", origin="", sec_fetch_site="").status == 303


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 43])
def test_a_form_without_the_right_token_is_refused(me: Browser, token: str):
    answer = me.post("/logout", {"csrf": token})

    assert answer.status == 403
    assert "load the page again" in answer.text


def test_the_token_of_another_session_is_not_right(office: WebOffice, me: Browser):
    other = office.logged_in().get("/queue").token

    assert me.post("/logout", {"csrf": other}).status == 403


def test_the_token_does_not_give_the_cookie_away(me: Browser):
    assert not set(me.cookies.values()) & {me.get("/queue").token}


def test_the_token_may_come_in_a_header(me: Browser):
    token = me.get("/queue").token

    assert me.post("/logout", {}, x_csrf=token).status == 303


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_get_no_further_than_forms_without_a_token(me: Browser, method: str):
    assert me.ask(method, "/queue/1").status == 403


def test_what_a_stranger_fills_in_is_small(office: WebOffice):
    answer = office.browser().send("/login", "/login", {"name": "x" * 20_000, "password": "y"})

    assert answer.status == 413


def test_who_is_in_may_send_no_more_than_a_message(office: WebOffice, me: Browser):
    limits = msgspec.structs.replace(office.config.limits, message_size=office.config.limits.header_size)
    office.config = msgspec.structs.replace(office.config, limits=limits)
    token = me.get("/queue").token

    answer = me.post("/logout", {"csrf": token, "x": "y" * 2_000_000})

    assert answer.status == 413


def test_a_form_that_cannot_be_read_is_told(me: Browser):
    answer = me.ask(
        "POST", "/logout", b"--x", {"content-type": "multipart/form-data", "origin": f"http://{HOST}"}
    )

    assert answer.status == 400
    assert "cannot be read" in answer.text


def test_a_form_with_thousands_of_fields_is_refused(me: Browser):
    assert me.post("/logout", {str(number): "" for number in range(3000)}).status in (400, 403)


def test_what_is_not_there_and_what_is_not_mine_look_alike(office: WebOffice):
    you = office.logged_in_as(YOU)
    answers = {you.get(path).text.replace(path, "") for path in ("/queue", "/queue/1", "/nowhere")}

    assert len(answers) == 1
    assert you.get("/queue").status == 404


def test_a_method_that_a_page_has_not_is_told_in_words(office: WebOffice, me: Browser):
    token = me.get("/queue").token

    answer = me.post("/queue", {"csrf": token})

    assert answer.status == 405
    assert "use the buttons" in answer.text


def test_a_defect_is_logged_and_told_without_its_words(office: WebOffice, me: Browser, caplog, monkeypatch):
    def broken():
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr(office.store, "hops_down", broken)

    with caplog.at_level(logging.ERROR):
        answer = me.get("/queue")

    assert answer.status == 500
    assert "log says more" in answer.text
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text
    assert answer.header("content-security-policy") == headers.CSP


def test_a_browser_that_reports_is_heard(office: WebOffice, caplog):
    with caplog.at_level(logging.WARNING):
        answer = office.browser().ask("POST", headers.CSP_REPORTS, b'{"csp-report": {"blocked-uri": "x\n"}}')

    assert answer.status == 204
    assert "blocked-uri" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


def test_a_report_without_end_is_not_heard(office: WebOffice, caplog):
    assert office.browser().ask("POST", headers.CSP_REPORTS, b"x" * 100_000).status == 413
    assert caplog.text == ""


def test_static_files_may_be_kept_for_ever_and_come_gzipped(office: WebOffice):
    page = office.browser().get("/login").text
    path = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]

    answer = office.browser().get(path, accept_encoding="gzip, br")

    assert answer.header("cache-control") == "public, max-age=31536000, immutable"
    assert answer.header("content-encoding") == "gzip"
    assert len(answer.body) < 20_000


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"]
)
def test_there_are_no_other_static_files(office: WebOffice, path: str):
    assert office.browser().get(path).status == 404


def test_a_link_on_another_site_leads_back_in_by_a_page_of_ours(office: WebOffice):
    answer = office.browser().get("/queue?x=1", sec_fetch_site="cross-site")

    assert answer.status == 200
    assert 'http-equiv="refresh"' in answer.text
    assert answer.header("set-cookie") == ""


def test_htmx_is_told_to_load_the_login_page(office: WebOffice):
    answer = office.browser().get("/queue", hx_request="true")

    assert (answer.status, answer.header("hx-redirect")) == (401, "/login")


def test_an_event_stream_that_is_not_allowed_does_not_come_back(office: WebOffice):
    assert office.browser().get("/queue", accept="text/event-stream").status == 204


def test_within_tls_the_browser_is_told_to_stay_there(office: WebOffice):
    assert office.browser().get("/login", x_forwarded_proto="https").header("strict-transport-security")
    assert not office.browser().get("/login").header("strict-transport-security")


def test_an_empty_page_for_who_may_see_no_room(office: WebOffice):
    assert office.logged_in_as(YOU).get("/").status in (200, 303)
