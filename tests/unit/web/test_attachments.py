"""Rules of names and kinds of attachments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.web import attachments


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("grün.txt", "grün.txt"),
        ("invoice\u202egpj.exe", r"invoice\u202egpj.exe"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("a\r\nb", r"a\r\nb"),
        ("", "part-7.bin"),
        ("../", "part-7.bin"),
        ("x" * 500, "x" * (attachments.LONGEST_NAME - 1) + "…"),
    ],
)
def test_a_name_is_shown_as_it_is_without_folders(name: str, shown: str):
    assert attachments.shown_name(name, 7, "application/x-unknown") == shown


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("report.pdf", "report.pdf"),
        ("invoice\u202egpj.exe", "invoice_gpj.exe"),
        ("con.txt", "_con.txt"),
        (".bashrc", "bashrc"),
        ("a<b>|c?.txt", "a_b__c_.txt"),
        ("...", "part-7"),
        ("a.exe. . ", "a.exe"),
    ],
)
def test_a_name_is_saved_without_what_troubles_a_system(name: str, saved: str):
    assert attachments.saved_name(name, 7, "application/x-unknown") == saved


@given(st.text(max_size=200))
def test_no_name_leaves_its_header_or_its_folder(name: str):
    saved = attachments.saved_name(name, 7, "text/plain")
    header = attachments.headers(saved)["Content-Disposition"]

    assert not set(saved) & set('/\\:\r\n\0"<>')
    assert saved.strip(". ")
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_a_picture_keeps_its_kind_only_if_it_begins_like_one():
    assert attachments.media_type("image/gif", b"GIF89a...") == "image/gif"
    assert attachments.media_type("image/gif", b"<script>") == "application/octet-stream"


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/pdf", "text/xml", "application/xhtml+xml"]
)
def test_what_a_browser_might_run_is_octets(kind: str):
    assert attachments.media_type(kind, b"") == "application/octet-stream"


def test_an_attachment_is_saved_and_never_sniffed_at():
    sent = attachments.headers("a.txt")

    assert sent["Content-Disposition"].startswith("attachment;")
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Content-Security-Policy"] == "sandbox; default-src 'none'"
