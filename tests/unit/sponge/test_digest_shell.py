"""Commands to copy: what a shell makes of them is what was meant, whatever a name holds."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from digest_parts import flip, job, text_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailsponge.sponge.digest import shell
from mailsponge.sponge.model import JOB_ITSELF, Kind, Silence
from mailsponge.sponge.policy import telling

KNOWS_DOLLAR_QUOTES = [found for name in ("bash", "zsh", "ksh") if (found := shutil.which(name))]
SHELLS = sorted({*KNOWS_DOLLAR_QUOTES, "/bin/sh"})

NAMES = [
    "podcasts",
    "",
    "Søndag på P1",
    "it's",
    "$(touch owned); `touch owned` && x || y | z > owned &",
    "a\\b \"c\" 'd' !e #f ~g *h ?i [j] {k,l}",
    "-rf",
    "--for",
    "a\nb",
    "\n; touch owned\n",
    "'\n'; touch owned; '",
    "\\'\n\\",
    "\x1b[2J\x07\x9b",
    "a\tb\r",
    "text\u202eexe.gpj",
    "no\u00a0break, zero\u200bwidth",
    "\ufeff\u2028\U0001f9fd",
    " ",
]


def typed(words: str, shell_path: str, directory: os.PathLike[str] | str = ".") -> list[bytes]:
    """The words as a program finds them that a shell starts."""
    done = subprocess.run(
        [shell_path, "-c", f"printf '%s\\0' {words}"], capture_output=True, cwd=directory, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("shell_path", KNOWS_DOLLAR_QUOTES)
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_shell_takes_a_word_for_what_it_is(name, shell_path, tmp_path):
    word = shell.word(name)

    assert word is not None
    assert word.isprintable()
    assert typed(f"{word} {word}", shell_path, tmp_path) == [name.encode()] * 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell_path", SHELLS)
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_shell_that_knows_less_runs_nothing_else_either(name, shell_path, tmp_path):
    assert len(typed(f"{shell.word(name)} {shell.word(name)}", shell_path, tmp_path)) == 2
    assert list(tmp_path.iterdir()) == []


@hypothesis_settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30), max_size=20
    )
)
def test_any_words_come_out_as_they_went_in(names):
    words = " ".join(shell.word(name) or "" for name in names)

    for shell_path in KNOWS_DOLLAR_QUOTES:
        assert typed(words, shell_path) == [name.encode() for name in names] or not names


def test_bytes_that_are_no_text_are_typed_as_bytes():
    assert shell.word(os.fsdecode(b"x\xff y")) == "$'x\\377 y'"


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 2000])
def test_what_cannot_be_typed_is_no_word(name):
    assert shell.word(name) is None


def test_a_failing_source_has_three_commands():
    assert [command.line for command in shell.of_failing("my job", "it's")] == [
        "mailsponge show 'my job' 'it'\\''s'",
        "mailsponge ack 'my job' 'it'\\''s'",
        "mailsponge silence 'my job' 'it'\\''s' --for '1 day'",
    ]


def test_of_the_job_itself_no_other_failure_is_acknowledged_or_silenced():
    assert [command.line for command in shell.of_failing("podcasts", JOB_ITSELF)] == [
        "mailsponge show podcasts",
        "mailsponge ack podcasts ''",
        "mailsponge silence podcasts '' --for '1 day'",
    ]


def test_a_name_that_looks_like_an_option_is_none():
    assert [command.line for command in shell.of_failing("-j", "--all")] == [
        "mailsponge show -- -j --all",
        "mailsponge ack -- -j --all",
        "mailsponge silence --for '1 day' -- -j --all",
    ]


@pytest.mark.parametrize("name", ["nas*", "what?", "[old] feed", "]", "plain"])
def test_a_silence_is_of_this_name_and_no_other(name):
    line = shell.of_failing("podcasts", name)[-1].line
    pattern = typed(line.removeprefix("mailsponge silence ").removesuffix(" --for '1 day'"), "/bin/sh")[1]
    silences = [Silence(pattern.decode(), 0.0, 10.0)]

    assert telling.silence_of(name, silences, 1.0)
    assert not any(telling.silence_of(other, silences, 1.0) for other in ("nas1", "whats", "o feed", "x"))


@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        (Kind.RECOVERED, ["mailsponge history podcasts x"]),
        (Kind.GONE, ["mailsponge forget podcasts x"]),
        (Kind.MISSED, ["mailsponge history podcasts", "mailsponge silence podcasts --for '1 day'"]),
    ],
)
def test_each_kind_has_the_commands_that_help(kind, commands):
    body = text_of(job(), [flip(kind=kind)])

    shown = [
        line.rpartition("  ")[2] for line in body.split("-- \n")[0].splitlines() if "mailsponge " in line
    ]
    assert shown == commands


def test_a_name_that_cannot_be_typed_gets_no_command_and_says_so():
    body = text_of(job(), [flip("a\0b")])

    assert "no command to copy: its name is too long, or too strange, for a shell" in body
    assert "mailsponge show" not in body


def test_where_much_is_told_all_of_it_can_be_silenced():
    flips = [flip(name) for name in "abcd"]

    assert text_of(job(), flips).endswith(
        "\nAll of it quiet for a day: mailsponge silence podcasts --for '1 day'\n"
    )
    assert "All of it" not in text_of(job(), flips[:3])


def test_of_a_job_that_cannot_be_typed_all_jobs_are_shown():
    assert text_of(job(job="a\0b"), [flip()]).endswith("See how all its sources stand: mailsponge status\n")
