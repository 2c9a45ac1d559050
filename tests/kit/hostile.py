"""Mail that means harm: the files of ``tests/web/hostile``, and what would be too large for files."""

from __future__ import annotations

from pathlib import Path

FILES = Path(__file__).resolve().parent.parent / "web" / "hostile"
HEAD = b"From: mallory@evil.test\r\nTo: me@localhost\r\nSubject: bomb\r\n"
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n"


def mails() -> dict[str, bytes]:
    """Every hostile mail by its name."""
    return {**{file.stem: file.read_bytes() for file in sorted(FILES.glob("*.eml"))}, **bombs()}


def bombs() -> dict[str, bytes]:
    """Mail that costs whoever looks at it much more than its sender."""
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3000)
    )
    same = b"".join(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" for n in range(3000))
    many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000
    letters = b"".join(b"Content-Type: message/rfc822\r\n\r\n" for _ in range(3000))
    almost = (
        b"Content-Type: multipart/mixed; boundary="
        + b"-" * 60
        + b"\r\n\r\n"
        + (b"\r\n" + b"-" * 500) * 20_000
    )
    return {
        "nested_parts": HEAD + nested,
        "nested_parts_of_one_name": HEAD + same,
        "many_parts": HEAD + many,
        "nested_letters": HEAD + letters,
        "boundaries_almost": HEAD + almost,
        "many_headers": HEAD + b"".join(b"X-Header-%d: value\r\n" % n for n in range(10_000)) + b"\r\nx",
        "many_received": HEAD + b"Received: from a by b; x\r\n" * 10_000 + b"\r\nx",
        "long_header": HEAD + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\nx",
        "long_parameter": HEAD + b"Content-Type: text/plain" + b"; a=b" * 100_000 + b"\r\n\r\nx",
        "deep_html": HTML + b"<div>" * 50_000,
        "deep_html_hidden_by_closing_tags": HTML + b"<div><!--</div>-->" * 20_000,
        "deep_foreign": HTML + b"<svg>" + b"<td>" * 50_000,
        "formatting_html": HTML + b"<b><a href='x'>" * 15_000,
        "many_attributes": HTML + b"<p " + b" ".join(b"a%d=1" % n for n in range(20_000)) + b">x",
        "ampersands": HTML + b"&" * 250_000,
        "large_html": HTML + b"<p>word</p>" * 500_000,
        "large_text": HEAD + b"\r\n" + b"http://a/" * 500_000,
        "addresses": HEAD + b"Cc: " + b"a@b.example, " * 8000 + b"\r\n\r\nx",
        "quoted_printable": HTML.replace(
            b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        )
        + b"=" * 250_000,
        "base64": HTML.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
        + b"=A" * 250_000,
        "no_header": b"\0" * 100_000,
        "empty": b"",
    }
