"""The settings as data, and as a page of documentation made from that data.

``python -m mailsponge.config.reference > docs/reference/settings.md`` writes the page anew; a test holds it to this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from mailsponge.config.lines import dotted
from mailsponge.config.settings import About, Config, Section

_INTRODUCTION = """\
# Settings

`mailsponge serve --config FILE` reads a TOML file. Everything in it may be left out; so may the file. A key that is
not known, or a value that cannot be, stops the start with the line and a suggestion. After a change, send the server
SIGHUP: everything counts for sessions that begin afterwards, except `hostname`, `data`, `user`, `[queue]`,
`relay.resolver` and where it listens, which change at the next start.

```toml
hostname = "mail.example.org"

[limits]
message_size = "20 MB"

[domains."example.org"]
[users.me]
[aliases]
team = "me"
```

This page is made from the settings themselves: `python -m mailsponge.config.reference`.
"""


class Setting(NamedTuple):
    """One setting: its key, and what a person should know of it."""

    key: str
    default: str | None
    """As TOML would have it; None when it depends on the machine."""
    about: About | Section


def settings(kind: type[msgspec.Struct] = Config, path: tuple[str, ...] = ()) -> Iterator[Setting]:
    """Every setting and every table of them, in the order of the file."""
    for field in msgspec.structs.fields(kind):
        bare, *notes = get_args(field.type)
        here = (*path, field.name)
        about = next(note for note in notes if isinstance(note, About | Section))
        yield Setting(dotted(here), None if isinstance(about, Section) else _default(field.default), about)
        inner = get_args(bare)[1] if get_origin(bare) is dict else bare
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from settings(inner, here if inner is bare else (*here, "NAME"))


def _default(value: Any) -> str | None:
    if value in (msgspec.NODEFAULT, None, ""):
        return None
    return as_toml(value)


def as_toml(value: object) -> str:
    """A single value as one would write it in the file."""
    plain = value if isinstance(value, tuple) or type(value) in (int, bool) else str(value)
    return msgspec.json.encode(plain, enc_hook=str).decode().replace("\x7f", "\\u007f")


def page() -> str:
    """The page docs/reference/settings.md."""
    return _INTRODUCTION + "".join(map(_entry, settings()))


def _entry(setting: Setting) -> str:
    if isinstance(setting.about, Section):
        return f"\n## `[{setting.key}]`\n\n{setting.about.why}\n\nLeft out: {setting.about.left_out}.\n"
    default = f"Default: `{setting.default}`. " if setting.default else ""
    facts = f"Takes {setting.about.takes}. {default}Left out: {setting.about.left_out}."
    return f"\n### `{setting.key}`\n\n{setting.about.why}\n\n{facts}\n"


if __name__ == "__main__":
    sys.stdout.write(page())
