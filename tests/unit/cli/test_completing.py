"""What a shell completes: commands, options, jobs, sources; quickly, and without a word when something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailsponge.cli import COMMANDS, main
from mailsponge.sponge.ledger.sqlite import SqliteLedger
from mailsponge.sponge.model import Mail, SourceState
from mailsponge.sponge.places import job_place

SOURCES = ["In Our Time", "it's $(odd)", "nas1", "nas2", "Søndag på P1", "a*b", "x\\y"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    for job in ("podcasts", "poker", "Søndag på P1"):
        place = job_place(state, job)
        place.runs.mkdir(parents=True)
        with closing(SqliteLedger(place.ledger)) as ledger, ledger.transaction():
            ledger.put_states(dict.fromkeys(["", "line\nbreak", *SOURCES], SourceState()))
    return state


def completed(state: Path | str, *words: str) -> list[str]:
    """What could stand for the last word, as fish is told: it quotes names itself."""
    env = {
        "_MAILSPONGE_COMPLETE": "fish_complete",
        "COMP_WORDS": " ".join(["mailsponge", *words[:-1]]),
        "COMP_CWORD": words[-1],
        "MAILSPONGE_STATE": str(state),
        "XDG_CONFIG_HOME": "/nonexistent",
    }
    result = CliRunner().invoke(main, [], env=env)
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.partition(",")[2].partition("\t")[0] for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(shell):
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert f"_MAILSPONGE_COMPLETE={shell}_complete" in result.stdout


def test_another_shell_is_an_error_that_names_those_there_are():
    result = CliRunner().invoke(main, ["completion", "csh"])

    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.stderr


def test_commands_are_completed(state):
    assert completed(state, "") == list(COMMANDS)
    assert completed(state, "st") == ["status"]
    assert completed(state, "outbox", "s") == ["show", "send"] or completed(state, "outbox", "s") == [
        "send",
        "show",
    ]


def test_options_are_completed(state):
    assert "--json" in completed(state, "status", "--")


@pytest.mark.parametrize(
    "command", ["run", "status", "history", "show", "silence", "ack", "forget", "replay", "check"]
)
def test_jobs_are_completed(state, command):
    assert completed(state, command, "po") == ["podcasts", "poker"]


@pytest.mark.parametrize("command", ["history", "show", "silence", "ack", "forget"])
def test_sources_of_the_job_are_completed_if_they_can_be_typed(state, command):
    assert completed(state, command, "podcasts", "nas") == ["nas1", "nas2"]
    assert completed(state, command, "podcasts", "") == sorted(SOURCES)


def test_a_state_that_was_typed_is_looked_into(state, tmp_path):
    assert completed(tmp_path / "other", "status", "--state", str(state), "po") == ["podcasts", "poker"]


def test_mails_are_completed(state):
    with closing(SqliteLedger(job_place(state, "poker").ledger)) as ledger, ledger.transaction():
        ledger.add_mail(Mail("<5f0c@h>", 0.0, "", "a@h", ("b@h",), b""))

    assert completed(state, "outbox", "show", "5") == ["5f0c"]


@pytest.mark.parametrize(
    "where", ["/nonexistent", "/etc/passwd", "/" + "x" * 5000, "ftp://x", "postgresql://nowhere/x"]
)
def test_where_nothing_can_be_read_nothing_is_completed_and_nothing_said(where):
    assert completed(where, "history", "po") == []
    assert completed(where, "history", "podcasts", "n") == []


def test_a_damaged_ledger_completes_nothing_and_says_nothing(state):
    job_place(state, "podcasts").ledger.write_bytes(b"no ledger" * 1000)

    assert completed(state, "history", "podcasts", "n") == []


def test_a_configuration_that_cannot_be_says_nothing(state, tmp_path, monkeypatch):
    (tmp_path / "mailsponge").mkdir()
    (tmp_path / "mailsponge/sponge.toml").write_text("=")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    env = {"_MAILSPONGE_COMPLETE": "fish_complete", "COMP_WORDS": "mailsponge status", "COMP_CWORD": "p"}

    result = CliRunner().invoke(main, [], env=env)

    assert (result.exit_code, result.stderr) == (0, "")


def test_completing_a_command_loads_no_other():
    program = (
        "import sys\nfrom mailsponge.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith(('mailsponge.cli.s', 'apsw', 'msgspec'))])"
    )
    env = {
        **os.environ,
        "_MAILSPONGE_COMPLETE": "fish_complete",
        "COMP_WORDS": "mailsponge",
        "COMP_CWORD": "s",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["Søn"], [r"Søndag\ på\ P1"]),
        (["it"], [r"it\'s\ \$\(odd\)"]),
        (["a"], [r"a\*b"]),
        (["x"], [r"x\\y"]),
        (["nas"], ["nas1", "nas2"]),
        (["'In"], ["In Our Time"]),
        (["In\\ Our"], [r"In\ Our\ Time"]),
    ],
)
def test_bash_gets_names_that_it_reads_as_one_word(state, tmp_path, typed, expected):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/mailsponge"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mailsponge "$@"\n')
    program.chmod(0o755)
    words = " ".join(
        f"{word!r}" if "'" not in word else f'"{word}"' for word in ["mailsponge", "show", "podcasts", *typed]
    )
    script = (
        f"source <(mailsponge completion bash)\nCOMP_WORDS=({words}); COMP_CWORD=3\n".replace("\\\\", "\\")
        + "_mailsponge_completion mailsponge\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "MAILSPONGE_STATE": str(state)}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, env=env, check=False
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == expected
