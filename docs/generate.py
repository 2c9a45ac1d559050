"""Writes those parts of docs/reference/ that the code knows best: ``make docs``.

A page keeps its own prose. What stands between these two lines is written anew each time, from the code:

    <!-- generated: command run -->
    <!-- end -->

A command or a public name of the library that no page has a place for gets one, at the end of its page. Nothing is ever
removed from a page but what stands between the marks.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import click

import mailsponge
from mailsponge import smtp
from mailsponge.cli import main
from mailsponge.mail.reply import Reply
from mailsponge.sendmail import flags as sendmail_flags
from mailsponge.server import metrics
from mailsponge.smtp import client_states
from mailsponge.smtp import states as smtp_states
from mailsponge.sponge import patience
from mailsponge.sponge.defaults import Defaults
from mailsponge.sponge.model import Kind, Status
from mailsponge.sponge.policy import (
    DEFAULT_PATIENCE,
    DEFAULT_REMINDERS,
    flapping,
    gathering,
    states,
    telling,
    verdicts,
)
from mailsponge.sponge.policy.states import TRANSITIONS, Effect, Event

REFERENCE: Final = Path(__file__).resolve().parent / "reference"
PAGES: Final = (
    "commands.md",
    "post-office.md",
    "library.md",
    "policy.md",
    "sponge-settings.md",
    "metrics.md",
    "smtp-engine.md",
    "smtp-client-engine.md",
)

_BLOCK: Final = re.compile(r"(?ms)^<!-- generated: ([^\n]+?) -->\n.*?^<!-- end -->$")

_DEFAULT: Final = re.compile(r"\s*\[default: ([^\]]*)\]")
"""How a help text says what holds if an option is not given."""


def pages() -> dict[Path, str]:
    """Every page that has generated parts: what it should hold."""
    texts = {REFERENCE / name: (REFERENCE / name).read_text("utf-8") for name in PAGES}
    placed = {found for text in texts.values() for found in _BLOCK.findall(text)}
    for key, name in _wanted():
        if key not in placed:
            page = REFERENCE / ("commands.md" if key.startswith("command ") else "library.md")
            texts[page] = (
                f"{texts[page].rstrip()}\n\n## `{name}`\n\n<!-- generated: {key} -->\n<!-- end -->\n"
            )
    return {path: _BLOCK.sub(_written, text) for path, text in texts.items()}


def _wanted() -> Iterator[tuple[str, str]]:
    """What must have a place: the key of its block, and its name."""
    for name, _ in commands():
        yield f"command {name}", f"mailsponge {name}"
    for name in mailsponge.__all__:
        yield f"class {name}", name


def _written(block: re.Match[str]) -> str:
    kind, _, name = block[1].partition(" ")
    return f"<!-- generated: {block[1]} -->\n{BLOCKS[kind](name).strip()}\n<!-- end -->"


# Commands


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that a person can type, in the order of the help: "run", "outbox", "outbox list", …"""
    yield from _below(main, "")


def _below(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    for part, command in group.commands.items():
        if command.hidden:
            continue
        yield before + part, command
        if isinstance(command, click.Group):
            yield from _below(command, f"{before}{part} ")


def _command(name: str) -> str:
    command = dict(commands())[name]
    # As it is called: click remembers with a command by which options its help was asked for first.
    context = click.Context(command, info_name=f"mailsponge {name}", **main.context_settings)
    usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
    parts = [f"```\n{usage}\n```", *_help(inspect.cleandoc(command.help or ""))]
    rows = [row for parameter in command.params if (row := _option(parameter, context))]
    if rows:
        with_defaults = any(default for _, default, _ in rows)
        heads = ("option", "default", "what it is")
        parts.append(_table(*((heads, rows) if with_defaults else (heads[::2], [row[::2] for row in rows]))))
    return "\n\n".join(parts)


def _help(text: str) -> Iterator[str]:
    r"""A help text as Markdown. A paragraph after click's \b is laid out by hand; a line that ends in ":" heads it."""
    for paragraph in text.split("\n\n"):
        lines = paragraph.split("\n")
        if lines[0].strip() != "\b":
            yield "\n".join(textwrap.wrap(_plain(" ".join(lines)), 118))
            continue
        body = lines[1:]
        if body and body[0].rstrip().endswith(":"):
            yield _plain(body.pop(0).strip())
        kind = "sh" if any(line.lstrip().startswith("mailsponge ") for line in body) else ""
        yield f"```{kind}\n{textwrap.dedent(chr(10).join(body))}\n```"


def _option(parameter: click.Parameter, context: click.Context) -> tuple[str, str, str] | None:
    if not isinstance(parameter, click.Option) or parameter.hidden or parameter.is_eager:
        return None
    metavar = "" if parameter.is_flag else f" {parameter.make_metavar(context)}"
    about = " ".join((parameter.help or "").split())
    default = ""
    if found := _DEFAULT.search(about):
        about, default = _DEFAULT.sub("", about), found[1]
    elif parameter.show_default and parameter.default is not None:
        default = str(parameter.default)
    if parameter.multiple and "may be given" not in about:
        about += " May be given more than once."
    name = ", ".join((*parameter.opts, *parameter.secondary_opts))
    return f"`{name}{metavar}`", _plain(default), _plain(about)


def _plain(text: str) -> str:
    """Text in which Markdown is to see no markup; what stands in backquotes is code already."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([*<>\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


# The library


def _class(name: str) -> str:
    if name not in mailsponge.__all__:
        return "Not in this version."
    thing: type = getattr(mailsponge, name)
    makes = _signature(name, thing)
    about, arguments, rest = _sections(inspect.getdoc(thing) or "")
    parts = [f"```python\n{makes}\n```", _prose(about)]
    if arguments:
        parts.append(_table(("argument", "default", "what it is"), _arguments(thing, arguments)))
    if rest:
        parts.append(_prose(rest))
    methods = list(_methods(thing))
    if methods:
        parts.append(_table(("method", "what it does"), methods))
    return "\n\n".join(parts)


def parameters(thing: type) -> dict[str, inspect.Parameter]:
    """What a class takes to be made."""
    return dict(inspect.signature(thing).parameters)


def documented(thing: type) -> dict[str, str]:
    """The ``Args:`` of a class's docstring: what is said of each."""
    return _sections(inspect.getdoc(thing) or "")[1]


def _signature(name: str, thing: type) -> str:
    given = parameters(thing)
    texts, stars = [], False
    for parameter in given.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not stars:
            texts.append("*")
            stars = True
        default = "" if parameter.default is inspect.Parameter.empty else f"={_default(parameter.default)}"
        texts.append(parameter.name + default)
    one_line = f"{name}({', '.join(texts)})"
    if len(one_line) <= 100:
        return one_line
    lines = [""]
    for text in texts:
        if len(lines[-1]) + len(text) > 100:
            lines.append("")
        lines[-1] += f" {text},"
    return f"{name}(\n" + "".join(f"   {line}\n" for line in lines) + ")"


def _default(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _sections(doc: str) -> tuple[str, dict[str, str], str]:
    """A docstring in Google's style: what stands before ``Args:``, its entries, and what comes after them."""
    before, _, after = doc.partition("\nArgs:\n")
    entries: dict[str, str] = {}
    rest: list[str] = []
    last = ""
    for line in after.split("\n"):
        if rest or (line.strip() and not line.startswith(" ")):
            rest.append(line)
        elif match := re.match(r" {4}(\w+): (.*)", line):
            last = match[1]
            entries[last] = match[2]
        elif line.strip() and last:
            entries[last] += f" {line.strip()}"
    return before.strip(), entries, "\n".join(rest).strip()


def _arguments(thing: type, about: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, parameter in parameters(thing).items():
        has_default = parameter.default is not inspect.Parameter.empty
        default = f"`{_default(parameter.default)}`" if has_default else ""
        yield f"`{name}`", default, _marked_up(about.get(name, ""))


def _methods(thing: type) -> Iterator[tuple[str, str]]:
    """What is defined in the class itself and is meant for its users; logging's own names are known."""
    for name, member in vars(thing).items():
        known = hasattr(mailsponge.SpongeHandler.__mro__[1], name)
        if name.startswith("_") or known or not callable(getattr(thing, name)):
            continue
        signature = inspect.signature(getattr(thing, name))
        taken = ", ".join(n for n in signature.parameters if n != "self")
        about = (inspect.getdoc(member) or "").split("\n\n")[0]
        yield f"`{name}({taken})`", _marked_up(" ".join(about.split()))


def _marked_up(text: str) -> str:
    """The docstrings' ``code`` as Markdown's `code`; a :mod:`.reference` as the name alone."""
    return re.sub(r":\w+:`\.?([^`]+)`", r"`\1`", text).replace("``", "`")


def _prose(text: str) -> str:
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return "\n\n".join("\n".join(textwrap.wrap(_marked_up(p), 118)) for p in paragraphs)


# The policy


def _policy(part: str) -> str:
    return _PARTS[part]()


def _transitions() -> str:
    rows = (
        (f"{start.name}", str(event), f"**{end.name}**" if end is not start else end.name, str(effect))
        for (start, event), (end, effect) in TRANSITIONS.items()
    )
    return _table(("state", "the run", "becomes", "what that means for the incident"), rows)


def arrows() -> dict[tuple[Status, Status], list[tuple[Event, Effect]]]:
    """The transitions as arrows from state to state, and what goes along each."""
    found: dict[tuple[Status, Status], list[tuple[Event, Effect]]] = {}
    for (start, event), (end, effect) in TRANSITIONS.items():
        found.setdefault((start, end), []).append((event, effect))
    return found


def _mermaid() -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Status.OK.name}"]
    for (start, end), along in arrows().items():
        lines.append(f"    {start.name} --> {end.name} : {' / '.join(_in_short(*one) for one in along)}")
    return "\n".join([*lines, "```"])


def _in_short(event: Event, effect: Effect) -> str:
    """An arrow has room for the event and the kind of flip. A colon would end its text."""
    kinds = re.findall(r"[A-Z]{3,}", effect)
    return f"{event} → {kinds[0]}" if kinds else str(event)


def _drawn() -> str:
    lines = []
    for start in Status:
        lines.append(start.name)
        for (begin, end), along in arrows().items():
            if begin is start:
                first, *others = (
                    str(event) if effect is Effect.NOTHING else f"{event} → {effect}"
                    for event, effect in along
                )
                lines.append(f"    ──▶ {end.name:<11} {first}")
                lines += [f"        {'':<11} {other}" for other in others]
    return "\n".join(["```", *lines, "```"])


def _grammar_of(module: Any) -> str:
    doc = inspect.getdoc(module) or ""
    return f"```\n{doc.partition(chr(10) * 2)[2].strip()}\n```"


def _figures() -> str:
    days = states.GONE_AFTER_SECONDS / 86400
    rows = [
        (
            "patience, if none is given",
            "`" + ", ".join(f"{k}: {v}" for k, v in DEFAULT_PATIENCE.items()) + "`",
        ),
        (
            "reminders, if none are given",
            f"`{DEFAULT_REMINDERS}` after the first mail; the last step repeats",
        ),
        ("the longest window of `N of M runs`", f"{patience.LONGEST_WINDOW} verdicts"),
        (
            "common cause",
            f"at least {verdicts.FEWEST_FOR_COMMON_CAUSE} of the sources that were not failing before, and "
            f"{mailsponge.Policy().common_cause * 100:.0f} % of them",
        ),
        (
            "flapping",
            f"the last {flapping.SLOTS} changes of verdict, the oldest weighing 0.8 each next one 0.02 more; begins "
            f"above {flapping.BEGINS_ABOVE:.0f} %, ends at {flapping.ENDS_AT:.0f} %",
        ),
        ("gone", f"not named in {states.GONE_AFTER_RUNS} finished runs over {days:.0f} days"),
        ("missed", f"{telling.LATE} × `expect` after the last run began, and none is alive"),
        (
            "sources remembered of one job on one host",
            f"{verdicts.MOST_SOURCES:,}; further ones are “{verdicts.OTHER_SOURCES}”",
        ),
    ]
    return _table(("what", "figure"), rows)


def _kinds() -> str:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in (telling.__doc__ or "").split("\n"):
        cells = re.split(r" {2,}", line.strip())
        if len(cells) == 3 and line.startswith("    ") and cells[0].startswith("it "):
            for kind in re.findall(r"[A-Z]{3,}", cells[2]):
                found.setdefault(kind, []).append((cells[0], cells[1]))
    found.setdefault(Kind.MISSED.name, []).append(
        ("no run has begun for too long, and one is expected", "no")
    )
    rows = (
        (f"**{kind.name}**", *map("; or ".join, zip(*found.get(kind.name, [("", "")]), strict=True)))
        for kind in Kind
    )
    return _table(("kind", "is told when it is true that …", "and the reader was told"), rows)


# The engine


def _client(_part: str) -> str:
    rows = (
        (state.name, str(said), _where(step.taken, state), _where(step.refused, state))
        for state, row in client_states.TABLE.items()
        for said, step in row.items()
    )
    return _table(("state", "what was said", "taken", "refused"), rows)


def _where(leads: client_states.State, here: client_states.State) -> str:
    return leads.name if leads is here else f"**{leads.name}**"


# The SMTP engine


def _engine(part: str) -> str:
    return _ENGINE[part]()


def _engine_events() -> str:
    kinds = [kind for name in smtp.__all__ if isinstance(kind := getattr(smtp, name), type)]
    events = [
        kind for kind in kinds if issubclass(kind, smtp.Event) and kind not in (smtp.Event, smtp.Question)
    ]
    events.sort(key=lambda kind: inspect.getsourcelines(kind)[1])
    rows = ((f"`{_made_of(kind)}`", _own_reply(kind), _first_paragraph(kind)) for kind in events)
    return _table(("event", "its reply", "what it is"), rows)


def _made_of(kind: type) -> str:
    taken = [name for name in inspect.signature(kind).parameters if name not in ("reply", "args", "kwargs")]
    return f"{kind.__name__}({', '.join(taken)})" if taken else kind.__name__


def _own_reply(kind: type) -> str:
    if not issubclass(kind, smtp.Question):
        return ""
    reply = getattr(kind, "reply", None)
    return str(reply.code) if isinstance(reply, Reply) else "as it fits"


def _first_paragraph(thing: Any) -> str:
    return _marked_up(" ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split()))


def engine_arrows() -> dict[tuple[str, str], list[str]]:
    """What leads from one state of the engine to another: verbs, and "… refused" if a refusal leads there."""
    found: dict[tuple[str, str], list[str]] = {}
    for state, row in smtp_states.TABLE.items():
        for verb, cell in row.items():
            if verb == smtp_states.Verb.QUIT:
                continue
            for end, how in _ends(cell):
                if end is not state:
                    found.setdefault((state.name, end.name), []).append(f"{verb}{how}")
    return found


def _ends(cell: smtp_states.Cell) -> list[tuple[smtp_states.State, str]]:
    if isinstance(cell, Reply):
        return []
    if isinstance(cell, smtp_states.Unwanted):
        return [(cell.then, " refused")]
    asked = [(cell.asked, " 334")] if cell.asked else []
    if cell.refused is cell.taken:
        return [(cell.taken, ""), *asked]
    return [(cell.taken, ""), (cell.refused, " refused"), *asked]


def _engine_mermaid() -> str:
    first = next(iter(smtp_states.TABLE)).name
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    for (start, end), along in engine_arrows().items():
        lines.append(f"    {start} --> {end} : {' / '.join(along)}")
    return "\n".join([*lines, "```"])


def _engine_commands() -> str:
    columns = [state for state, row in smtp_states.TABLE.items() if smtp_states.Verb.NOOP in row]
    rows = (
        (str(verb), *(_led_to(smtp_states.TABLE[state][verb], state) for state in columns))
        for verb in smtp_states.COMMANDS
    )
    return _table(("", *(state.name for state in columns)), rows)


def _led_to(cell: smtp_states.Cell, here: smtp_states.State) -> str:
    if isinstance(cell, Reply):
        return str(cell.code)
    if isinstance(cell, smtp_states.Unwanted):
        return f"{cell.reply.code}" if cell.then is here else f"{cell.reply.code}, {cell.then.name}"
    return "stays" if cell.taken is here else cell.taken.name


def _fields_told(thing: type) -> Iterator[tuple[str, str, str]]:
    """The fields of a NamedTuple: name, default, and the text that stands below each in its source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    assert isinstance(tree, ast.ClassDef)
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(text.value, ast.Constant)
            assert field.value is not None
            told = " ".join(str(text.value.value).split())
            yield f"`{ast.unparse(field.target)}`", f"`{ast.unparse(field.value)}`", _marked_up(told)


_ENGINE: Final[dict[str, Callable[[], str]]] = {
    "events": _engine_events,
    "mermaid": _engine_mermaid,
    "commands": _engine_commands,
    "offer": lambda: _table(("offer", "default", "what it is"), _fields_told(smtp.Offer)),
    "limits": lambda: _table(("limit", "default", "why"), _fields_told(smtp.Limits)),
}


# The settings


def _setting(name: str) -> str:
    rows = [
        (f"`{field.name}`", f"`{_toml(field.default)}`" if field.default else "")
        for field in fields(Defaults)
    ]
    return _table(("setting", "default"), rows)


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


# The metrics


def _metrics(name: str) -> str:
    rows = (
        (f"`{one.name}`", str(one.kind), ", ".join(f"`{label}`" for label in one.labels), _plain(one.about))
        for one in metrics.ALL
    )
    return _table(("metric", "kind", "labels", "what it is"), rows)


_PARTS: Final[dict[str, Callable[[], str]]] = {
    "transitions": _transitions,
    "mermaid": _mermaid,
    "drawn": _drawn,
    "patience": lambda: _grammar_of(patience),
    "digest": lambda: _grammar_of(gathering),
    "figures": _figures,
    "kinds": _kinds,
}


def _sendmail(name: str) -> str:
    """What the command says of itself."""
    return f"```\n{sendmail_flags.HELP}```"


BLOCKS: Final[dict[str, Callable[[str], str]]] = {
    "command": _command,
    "class": _class,
    "policy": _policy,
    "metrics": _metrics,
    "client": _client,
    "engine": _engine,
    "settings": _setting,
    "sendmail": _sendmail,
}
"""By the first word of a mark: what writes its block from the rest."""


def run(arguments: list[str]) -> int:
    """Write the pages; with ``--check`` only say which are not as they would be written."""
    stale = {path: text for path, text in pages().items() if path.read_text("utf-8") != text}
    for path, text in stale.items():
        if "--check" in arguments:
            old = path.read_text("utf-8").splitlines(keepends=True)
            sys.stdout.writelines(
                difflib.unified_diff(old, text.splitlines(keepends=True), str(path), "generated")
            )
        else:
            path.write_text(text, "utf-8")
            print(f"written: docs/reference/{path.name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
