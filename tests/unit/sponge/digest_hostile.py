"""What a feed, a file or an exception may hold, and what a mail must be all the same."""

from __future__ import annotations

import pytest

HOSTILE = {
    "an empty line": "x\n\nBody: of one's own",
    "a header": "x\r\nBcc: victim@example.org",
    "a header after a lone CR": "x\rBcc: victim@example.org",
    "a header in an encoded word": "=?utf-8?q?x=0D=0ABcc:_victim@example.org?=",
    "a header in base64": "=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5vcmc=?=",
    "an encoded word of an unknown kind": "=?klingon?q?x?=",
    "NUL": "x\0y",
    "an escape sequence": "\x1b[2J\x1b]0;owned\x07",
    "a C1 control": "x\x9b2Jy\x85z",
    "a lone surrogate": "x\udcff\ud800y",
    "text turned round": "x\u202egpj.exe\u2066y",
    "line separators": "x\u2028y\u2029z\x0b\x0c",
    "a long line": "x" * 1_000_000,
    "a long line that is not ASCII": "ø" * 1_000_000,
    "many lines": "x\n" * 100_000,
    "the end of the message": "x\r\n.\r\nMAIL FROM:<evil@example.org>",
    "nothing but spaces": "   ",
    "markup": "<script>alert(1)</script><b>&amp;</b><!-- ]]>",
    "the end of a part": "x\r\n--=0-0=--\r\n",
    "a byte order mark": "\ufeffx",
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
