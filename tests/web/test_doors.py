"""Who gets in, and who does not, in a real browser."""

from __future__ import annotations

import http.client
import re
import signal

import pytest
from playwright.sync_api import Browser, Page, expect

from kit.web_browser import NetworkLog, Site, a_page, let_in

PASSWORD = "correct horse battery staple"


def fill_in(page: Page, name: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_the_first_look_costs_a_click(stranger: Page, site: Site):
    let_in(stranger, site)

    expect(stranger.get_by_role("button", name="Log out")).to_be_visible()


def test_the_link_opens_nothing_a_second_time(chromium: Browser, site: Site, stranger: Page):
    link = site.link()
    let_in(stranger, site)
    with a_page(chromium, site) as (second, _):
        second.goto(link)

        expect(second.get_by_role("heading", name="This link is over")).to_be_visible()


def test_a_password_opens_the_page_that_was_asked_for(stranger: Page):
    stranger.goto("/login?next=/nowhere")
    stranger.get_by_label("Name").fill("you")
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.keyboard.press("Enter")

    stranger.wait_for_url("**/nowhere")
    expect(stranger.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_a_wrong_password_is_told_and_opens_nothing(stranger: Page):
    fill_in(stranger, "you", "wrong")

    expect(stranger.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    stranger.goto("/queue")
    assert "/login" in stranger.url


def test_a_session_outlives_the_server(me: Page, site: Site, tmp_path):
    from kit.serve import Serve

    port = site.url.rpartition(":")[2]
    site.serve.end()
    again = Serve(
        site.data,
        "--smtp",
        "127.0.0.1:0",
        "--web",
        f"127.0.0.1:{port}",
        "--config",
        str(tmp_path / "post.toml"),
    )
    again.wait_for("ready")
    me.goto("/queue")

    expect(me.get_by_role("button", name="Log out")).to_be_visible()
    again.end()


def test_logging_out_closes_the_door(me: Page):
    me.get_by_role("button", name="Log out").click()
    me.goto("/queue")

    assert "/login" in me.url


def test_a_new_link_comes_with_sighup(me: Page, site: Site, chromium: Browser):
    used = site.link()
    site.serve.process.send_signal(signal.SIGHUP)
    site.serve.wait_for(r"reloaded")
    site.serve.wait_for(r"(?s)one-time link.*one-time link")
    with a_page(chromium, site) as (second, _):
        assert site.link() != used
        let_in(second, site)


def test_a_page_of_another_site_cannot_send_our_forms(me: Page, site: Site, window):
    """CSRF: the form is right in all but where it comes from."""
    page, _ = window
    # 'localhost' is another site than '127.0.0.1', and serves what a test lays there.
    page.route(
        "http://attacker.localhost/*",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{site.url}/logout"></form><script>document.forms[0].submit()</script>',
        ),
    )
    page.goto("http://attacker.localhost/")
    page.wait_for_url(f"{site.url}/logout")

    expect(page.get_by_text("sent by a page of another site")).to_be_visible()
    window[1].requests.clear()  # the attacker's own page
    page.goto("/queue")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_another_name_for_this_address_is_refused(site: Site):
    """DNS rebinding: a browser that was led here by another name sends that name."""
    connection = http.client.HTTPConnection(site.host, timeout=10)
    connection.request("GET", "/login", headers={"Host": "rebound.attacker.example"})
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()

    assert answer.status == 421
    assert "hosts in [web]" in said


def test_a_name_that_a_stranger_leads_here_shows_a_browser_nothing(chromium: Browser, site: Site):
    """The same with a browser that believes the name: ``*.localhost`` always leads to this machine."""
    with a_page(chromium, site) as (page, _):
        page.goto(site.url.replace("127.0.0.1", "rebound.localhost"))

        assert "not known as" in page.inner_text("body")


def test_a_cookie_that_was_planted_becomes_no_session(chromium: Browser, site: Site, stranger: Page):
    planted = {"name": "mailsponge", "value": "A" * 43, "url": site.url}
    stranger.context.add_cookies([planted])
    let_in(stranger, site)
    with a_page(chromium, site) as (thief, _):
        thief.context.add_cookies([planted])
        thief.goto("/queue")

        assert "/login" in thief.url


def test_a_link_on_another_site_finds_who_is_logged_in(me: Page, site: Site, window):
    """SameSite=Strict keeps the cookie from requests of other sites, also when a person follows a link there."""
    page, log = window
    page.route(
        "http://other.localhost/*",
        lambda route: route.fulfill(content_type="text/html", body=f'<a href="{site.url}/queue">there</a>'),
    )
    page.goto("http://other.localhost/")
    page.get_by_text("there").click()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    log.requests.clear()


@pytest.mark.parametrize("path", ["/queue", "/queue/1", "/nowhere"])
def test_a_page_that_is_not_mine_looks_like_one_that_is_not_there(stranger: Page, path: str):
    fill_in(stranger, "you", PASSWORD)
    stranger.wait_for_url(re.compile("(?<!login)$"))
    stranger.goto(path)

    expect(stranger.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_nothing_that_the_pages_do_is_against_their_policy(window: tuple[Page, NetworkLog], site: Site):
    page, log = window
    let_in(page, site)
    page.goto("/queue")
    page.wait_for_load_state("networkidle")

    assert log.refused == []
