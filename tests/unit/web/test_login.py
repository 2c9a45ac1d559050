"""The ways in and out."""

from __future__ import annotations

import msgspec
import pytest

from kit.web_office import ME, PASSWORD, YOU, WebOffice, verifiers
from mailsponge.config import User
from mailsponge.web.security import links, sessions


def test_who_has_not_logged_in_is_led_to_the_login_whatever_they_ask_for(office: WebOffice):
    stranger = office.browser()

    assert stranger.get("/queue").header("location") == "/login?next=/queue"
    assert stranger.get("/no/such/page").header("location") == "/login?next=/no/such/page"


def test_the_link_lets_the_first_user_in(office: WebOffice):
    me = office.logged_in()

    assert ME in me.get("/queue").text


def test_looking_at_a_link_uses_nothing_up(office: WebOffice):
    link = office.office.links.issue()
    office.browser().get(link)

    assert office.browser().send(link, link).status == 303


def test_a_link_is_good_once(office: WebOffice):
    link = office.office.links.issue()
    first, second = office.browser(), office.browser()
    token = second.get(link).token
    first.send(link, link)

    assert second.post(link, {"csrf": token}).status == 410
    assert second.get("/queue").status == 303


def test_a_link_is_good_for_ten_minutes(office: WebOffice):
    link = office.office.links.issue()
    office.clock.turn(links.GOOD_FOR)

    assert office.browser().get(link).status == 410


def test_a_newer_link_ends_the_one_before(office: WebOffice):
    link = office.office.links.issue()
    office.office.links.issue()

    assert office.browser().get(link).status == 410


def test_a_guessed_link_opens_nothing(office: WebOffice):
    office.office.links.issue()

    assert office.browser().get(f"{links.PATH}{'A' * 43}").status == 410


def test_name_and_password_lead_to_the_page_that_was_asked_for(office: WebOffice):
    fields = {"name": YOU, "password": PASSWORD, "next": "/queue/17?x=1"}

    answer = office.browser().send("/login", "/login", fields)

    assert (answer.status, answer.header("location")) == (303, "/queue/17?x=1")


@pytest.mark.parametrize("name", [YOU, "nobody", ME, "you@elsewhere.example"])
def test_a_wrong_password_and_a_wrong_name_are_answered_alike(office: WebOffice, name: str):
    browser = office.browser()

    answer = browser.send("/login", "/login", {"name": name, "password": "wrong"})

    assert answer.status == 403
    assert "The name or the password is wrong." in answer.text
    assert browser.get("/queue").status == 303


def test_an_address_that_guesses_is_made_to_stop(office: WebOffice):
    limits = msgspec.structs.replace(office.config.limits, login_failures=1)
    office.config = msgspec.structs.replace(office.config, limits=limits)
    browser = office.browser()
    for _ in range(2):
        browser.send("/login", "/login", {"name": YOU, "password": "wrong"})

    answer = browser.send("/login", "/login", {"name": YOU, "password": PASSWORD})

    assert answer.status == 429
    assert "Try again in" in answer.text


def test_another_address_is_not_stopped_by_that(office: WebOffice):
    limits = msgspec.structs.replace(office.config.limits, login_failures=1)
    office.config = msgspec.structs.replace(office.config, limits=limits)
    for _ in range(2):
        office.browser().send("/login", "/login", {"name": YOU, "password": "wrong"})

    elsewhere = office.browser(peer="192.0.2.1")

    assert elsewhere.send("/login", "/login", {"name": YOU, "password": PASSWORD}).status == 303


def test_where_nobody_has_a_password_the_page_says_how_to_get_in(office: WebOffice):
    office.change(me=User())

    assert "one-time link" in office.browser().get("/login").text


def test_where_nobody_has_a_password_no_password_lets_in(office: WebOffice):
    office.change(me=User())

    assert office.browser().send("/login", "/login", {"name": ME, "password": "x"}).status == 403


def test_nul_and_surrogates_are_wrong_names_and_nothing_more(office: WebOffice):
    assert office.browser().send("/login", "/login", {"name": "\0", "password": "\0"}).status == 403


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
    ],
)
def test_no_login_leads_to_another_site(office: WebOffice, wanted: str):
    fields = {"name": YOU, "password": PASSWORD, "next": wanted}

    assert office.browser().send("/login", "/login", fields).header("location") == "/"


def test_the_session_has_another_cookie_than_the_visitor_had(office: WebOffice):
    browser = office.browser()
    browser.get("/login")
    before = dict(browser.cookies)

    browser.send("/login", "/login", {"name": YOU, "password": PASSWORD})

    assert browser.cookies != before


def test_a_cookie_that_somebody_planted_never_becomes_a_session(office: WebOffice):
    planted = {"mailsponge": "A" * 43}
    victim, attacker = office.browser(), office.browser()
    victim.cookies.update(planted)
    attacker.cookies.update(planted)

    assert victim.send("/login", "/login", {"name": YOU, "password": PASSWORD}).status == 303

    assert attacker.get("/queue").status == 303
    assert victim.cookies != planted


def test_the_cookie_is_for_this_site_and_no_script(office: WebOffice):
    me = office.logged_in()

    attributes = me.set_cookies[-1].partition("; ")[2]

    assert attributes == "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"


def test_within_tls_the_cookie_never_leaves_it(office: WebOffice):
    browser = office.browser()

    browser.get("/login", x_forwarded_proto="https")

    name, attributes = browser.set_cookies[-1].split("=", 1)
    assert name == "__Host-mailsponge"
    assert attributes.endswith("; Secure")


def test_logging_out_ends_the_session_for_who_has_its_cookie(office: WebOffice):
    me = office.logged_in()
    kept = dict(me.cookies)
    me.send("/queue", "/logout")

    thief = office.browser()
    thief.cookies.update(kept)

    assert me.cookies == {}
    assert thief.get("/queue").status == 303


def test_a_session_ends_when_it_was_not_used_for_a_week(office: WebOffice):
    me = office.logged_in()
    office.clock.turn(sessions.IDLE)

    assert me.get("/queue").status == 303


def test_a_session_ends_after_a_month_however_it_is_used(office: WebOffice):
    me = office.logged_in()
    for _ in range(30):
        assert me.get("/queue").status == 200
        office.clock.turn(86_400)

    assert me.get("/queue").status == 303


def test_another_password_ends_the_sessions_that_the_old_one_began(office: WebOffice):
    you = office.logged_in_as(YOU)
    office.change(me=User(), you=User(password=verifiers("another")))

    assert you.get("/").status == 303
    assert "/login" in you.get("/").header("location")


def test_who_is_no_user_any_more_is_out(office: WebOffice):
    you = office.logged_in_as(YOU)
    office.change(me=User())

    assert "/login" in you.get("/").header("location")


def test_who_is_in_already_is_led_on(office: WebOffice):
    assert office.logged_in().get("/login?next=/queue").header("location") == "/queue"
