"""The letter as HTML: for a phone, and in the dark; nothing is fetched, and no colour says what no sign says too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mailsponge.sponge.digest.letter import (
    LEGEND,
    WORDS,
    Command,
    Entry,
    Gap,
    Letter,
    Log,
    Section,
    left_out,
    sign,
)

_COLOURS: Final = {
    "NEW": "#c62828",
    "STILL": "#ad4e00",
    "RECOVERED": "#1b7f3b",
    "FLAPPING": "#7b3fa0",
    "STEADY": "#1f6feb",
    "GONE": "#57606a",
    "MISSED": "#ad4e00",
    "DIGEST": "#30567d",
    "REFUSED": "#8a2c2c",
}
"""White text upon each has a contrast of 4.5 and more."""

_CELLS: Final = (("g", "#1b7f3b", "&#10003;"), ("x", "#c62828", "&#10007;"), ("u", "#dfe3e8", "&#183;"))
"""OK, FAILED, NOT SEEN: class, colour of the cell, sign. Short: there are many cells."""

_MONO: Final = "font-family:ui-monospace,Menlo,Consolas,monospace"
_WRAPPED: Final = "white-space:pre-wrap;overflow-wrap:anywhere;word-break:break-word"

_TABLE: Final = '<table role="presentation" cellspacing="0" cellpadding="0" style="border-collapse:collapse">'

_STYLE: Final = """
.c{width:13px;height:17px;font-size:11px;line-height:17px;text-align:center;border-radius:3px;color:#ffffff}
.u{color:#57606a}
code{font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere;word-break:break-word;border-radius:5px}
.s h2{margin:0 0 8px;font-size:17px;line-height:1.35;font-weight:600;overflow-wrap:anywhere}
.s table td.l,.s table td.v{padding:1px 10px 1px 0;vertical-align:top;overflow-wrap:anywhere}
.s td.l,.l{color:#57606a}
@media (prefers-color-scheme: dark){
.p{background:#0f1317!important;color:#e4e8ec!important}
.s{background:#191f26!important;border-top-color:#2d3640!important;border-right-color:#2d3640!important;
border-bottom-color:#2d3640!important}
.l,.s td.l,.m,.w{color:#9aa7b4!important}
pre,code{background:#0f1317!important;color:#e4e8ec!important}
.e{color:#ff9d94!important}
td.u{background:#39434d!important;color:#c3ccd5!important}
}
"""


def html(letter: Letter) -> str:
    """A document that says what the text says, in the same order."""
    return "\n".join(_document(letter)) + "\n"


def _document(letter: Letter) -> Iterator[str]:
    yield from (
        "<!DOCTYPE html>",
        '<html lang="en" dir="ltr">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="supported-color-schemes" content="light dark">',
        f"<title>{_escaped(letter.subject)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        '<body class="p" style="margin:0;padding:12px;background:#f3f5f7;color:#1c2329;'
        "font:15px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">",
        '<div style="max-width:800px;margin:0 auto">',
    )
    if letter.overview:
        yield from _overview(letter.overview)
    explained = False
    for section in letter.sections:
        yield from _section(section, letter.attached, explained)
        explained = explained or bool(section.recent)
    if letter.others:
        yield from _others(letter)
    for part in (letter.gathered, letter.refused):
        if part:
            yield from _section(part, letter.attached)
    yield f'<p class="m" style="margin:14px 10px 0;font-size:13px;color:#57606a">{_escaped(letter.sender)}</p>'
    for command in letter.commands:
        yield f'<p class="m" style="margin:0 10px;font-size:13px;color:#57606a">{_escaped(command.what)}:</p>'
        yield _code(command.line)
    yield from ("</div>", "</body>", "</html>")


def _box(colour: str) -> str:
    return (
        '<div class="s" style="background:#ffffff;border:1px solid #d9dee3;'
        f'border-left:5px solid {colour};border-radius:6px;padding:12px 14px;margin:0 0 12px">'
    )


def _badge(kind: str, more: str = "") -> str:
    colour = _COLOURS.get(kind, "#57606a")
    return (
        f'<span style="background:{colour};color:#ffffff;border-radius:4px;padding:1px 7px;'
        f'font-size:12px;font-weight:700;letter-spacing:.4px{more}">{kind}</span>'
    )


def _overview(sections: Iterable[Section]) -> Iterator[str]:
    yield _box("#30567d")
    yield "<h2>In short:</h2>"
    wide = ";display:inline-block;min-width:82px;text-align:center"
    for section in sections:
        yield f'<div style="padding:2px 0">{_badge(section.kind, wide)} {_title(section.name, section.said)}</div>'
    yield "</div>"


def _title(name: str, said: str) -> str:
    return f"<bdi>{_escaped(name)}</bdi> {_escaped(said)}"


def _section(section: Section, attached: str, explained: bool = True) -> Iterator[str]:
    yield _box(_COLOURS.get(section.kind, "#57606a"))
    yield f"<h2>{_badge(section.kind)} {_title(section.name, section.said)}</h2>"
    if section.facts:
        yield _TABLE
        for fact in section.facts:
            yield f'<tr><td class="l">{_escaped(fact.label)}</td>'
            yield f'<td class="v"><bdi>{_escaped(fact.value)}</bdi></td></tr>'
        yield "</table>"
    if section.recent:
        yield from _picture(section.recent, explained)
    for log in section.logs:
        yield from _log(log, attached)
    if section.commands:
        yield from _commands(section.commands)
    yield "</div>"


def _picture(verdicts: tuple[int | None, ...], explained: bool) -> Iterator[str]:
    said = ", ".join(WORDS[sign(verdict)] for verdict in verdicts)
    yield '<div class="l" style="margin:6px 0 2px;color:#57606a">recent runs:'
    if not explained:
        signs = ", ".join(f"{cell[2]} {word}" for cell, word in zip(_CELLS, WORDS, strict=True))
        yield f'<span style="font-size:13px">({LEGEND}: {signs})</span>'
    yield "</div>"
    yield (
        f'<table role="img" aria-label="recent runs, {LEGEND}: {said}" cellspacing="2" cellpadding="0"'
        ' style="border-collapse:separate;border-spacing:2px;margin-left:-2px"><tr>'
    )
    yield "".join(
        f'<td class="c {kind}" bgcolor="{colour}">{shape}</td>'
        for kind, colour, shape in (_CELLS[sign(verdict)] for verdict in verdicts)
    )
    yield "</tr></table>"


def _log(log: Log, attached: str) -> Iterator[str]:
    yield f'<div class="l" style="margin:12px 0 4px;color:#57606a"><bdi>{_escaped(log.heading)}</bdi></div>'
    if not log.items:
        return
    lines: list[str] = []
    for item in log.items:
        if isinstance(item, Gap):
            lines.append(f'<span class="w" style="color:#57606a">{_escaped(left_out(item, attached))}</span>')
        else:
            lines += _entry(item)
    yield (
        f'<pre style="margin:0;padding:8px 10px;background:#f3f5f7;border-radius:5px;{_MONO};font-size:13px;'
        f'line-height:1.45;{_WRAPPED}">{lines[0]}'
    )
    yield from lines[1:]
    yield "</pre>"


def _entry(entry: Entry) -> Iterator[str]:
    first, *rest = entry.lines
    said = f"<bdi>{_escaped(first)}</bdi>"
    if entry.failed:
        said = f'<b class="e" style="color:#b3261e">{said}</b>'
    yield f'<span class="w" style="color:#57606a">{_escaped(entry.before)}</span>{said}'
    yield from (f"    <bdi>{_escaped(line)}</bdi>" for line in rest)
    yield from (f"  <bdi>{_escaped(line)}</bdi>" for line in entry.detail[:-1])
    if entry.detail:
        # The end of a traceback is what went wrong.
        yield f'  <b class="e" style="color:#b3261e"><bdi>{_escaped(entry.detail[-1])}</bdi></b>'


def _commands(commands: Iterable[Command]) -> Iterator[str]:
    yield _TABLE.replace('style="', 'style="margin-top:10px;font-size:13px;')
    for command in commands:
        yield f'<tr><td class="l">{_escaped(command.what)}:</td>'
        yield f'<td class="v">{_code(command.line)}</td></tr>'
    yield "</table>"


def _code(line: str) -> str:
    return f'<code style="display:block;padding:3px 10px;background:#f3f5f7;{_MONO}">{_escaped(line)}</code>'


def _others(letter: Letter) -> Iterator[str]:
    yield _box("#57606a")
    yield "<h2>And:</h2>"
    for name, said in letter.others:
        yield f"<div>{_title(name, said)}</div>"
    if letter.unnamed:
        where = f", in the attached {letter.attached}" if letter.attached else ""
        yield f"<div>… and {letter.unnamed} more{_escaped(where)}</div>"
    yield "</div>"


def _escaped(text: str) -> str:
    """As html.escape() does it for what stands between tags, without the table of all entities that it brings along."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
