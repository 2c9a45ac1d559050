"""A record that cannot be formatted, a source with a hostile name: told on standard error, kept all the same."""

from __future__ import annotations

import json

import pytest

from kit.programs import Job

LAST = 'log.info("went on")'


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        ('log.error("%d feeds", "many")', "'%d feeds', whose arguments cannot be put in: ('many',)"),
        (
            'log.error("no room", "for", "these")',
            "'no room', whose arguments cannot be put in: ('for', 'these')",
        ),
        ('log.error("%s and %s", "one")', "'%s and %s', whose arguments cannot be put in: ('one',)"),
        ('log.error("%(name)s", {"other": 1})', "'%(name)s', whose arguments cannot be put in: {'other': 1}"),
        ('log.error("100 %", 1)', "'100 %', whose arguments cannot be put in: (1,)"),
    ],
)
def test_arguments_that_do_not_fit_are_told_and_the_parts_are_kept(job: Job, call: str, kept: str):
    done = job.log(call, LAST, "sys.exit(3)")

    assert done.status == 3
    assert done.err.startswith("--- Logging error ---\n")
    assert call in done.err
    assert job.texts() == [kept, "went on"]
    assert job.verdicts() == [{"": 40}]


RAISING = """\
class Raising:
    def __str__(self): raise RuntimeError("no text")
    __repr__ = __format__ = __str__
class Worse(Raising):
    def __str__(self): raise NotImplementedError
    def __repr__(self): return 7
"""


@pytest.mark.parametrize("what", ["Raising()", "Worse()"])
@pytest.mark.parametrize(
    "call",
    [
        "log.error({})",
        'log.error("it says %s", {})',
        'log.error("here", extra={{"source": {}}})',
    ],
)
def test_what_cannot_even_be_shown_is_told_and_the_record_is_kept(job: Job, what: str, call: str):
    done = job.log(RAISING, call.format(what), LAST, "sys.exit(3)")

    assert done.status == 3
    assert "Logging error" in done.err
    assert len(job.texts()) == 2
    assert job.texts()[1] == "went on"
    assert [record.level for record in job.records()] == [40, 20]


@pytest.mark.parametrize("what", ["Raising()", "Worse()"])
def test_a_field_of_the_layout_that_cannot_be_shown_is_told_and_the_record_is_kept(job: Job, what: str):
    done = job.log(
        RAISING,
        'handler.setFormatter(logging.Formatter("<%(message)s %(feed)s>"))',
        f'log.error("here", extra={{"feed": {what}}})',
        'log.info("there", extra={"feed": "Søndag"})',
        'log.info("no feed")',
    )

    assert done.status == 0
    first, second, third = job.texts()
    assert "here" in first
    assert second == "<there Søndag>"
    assert third == "no feed"


@pytest.mark.parametrize("exception", ["Exception", "ValueError", "RecursionError", "MemoryError"])
def test_a_formatter_that_raises_is_told_and_the_message_is_kept(job: Job, exception: str):
    done = job.log(
        "class Broken(logging.Formatter):",
        f'    def format(self, record): raise {exception}("no idea")',
        "handler.setFormatter(Broken())",
        'log.error("%d of %d", 3, 7)',
        "sys.exit(3)",
    )

    assert done.status == 3
    assert "Logging error" in done.err
    assert "no idea" in done.err
    assert job.texts() == ["3 of 7"]


def test_a_formatter_that_makes_no_text_is_told_and_the_message_is_kept(job: Job):
    done = job.log(
        "class Broken(logging.Formatter):",
        "    def format(self, record): return b'bytes'",
        "handler.setFormatter(Broken())",
        'log.error("here")',
    )

    assert "Logging error" in done.err
    assert job.texts() == ["here"]


def test_a_filter_that_raises_is_the_programs_own_trouble_and_loses_no_other_record(job: Job):
    """The standard library lets it out to whoever logged."""
    done = job.log(
        "def broken(record): raise ValueError('no idea')",
        "handler.addFilter(broken)",
        "try: log.error('here')",
        "except ValueError as error: print(error)",
        "handler.removeFilter(broken)",
        LAST,
    )

    assert done.out == "no idea\n"
    assert job.texts() == ["went on"]


@pytest.mark.parametrize(
    "fields",
    [
        '{"name": 5, "msg": "here"}',
        '{"name": None, "msg": "here"}',
        '{"name": "program", "msg": "here", "levelno": "ERROR"}',
        '{"name": "program", "msg": "here", "levelno": 2**70}',
        '{"name": "program", "msg": "here", "levelno": 40.5}',
        '{"name": "program", "msg": "here", "levelno": None}',
        '{"name": "program", "msg": "here", "levelno": 40, "created": float("nan")}',
        '{"name": "program", "msg": "here", "levelno": 40, "created": float("inf")}',
        '{"name": "program", "msg": "here", "levelno": 40, "created": "yesterday"}',
        '{"name": "program", "msg": "here", "levelno": 40, "created": 10**400}',
        '{"name": "program", "msg": "here", "levelno": 40, "exc_info": "no exception"}',
        '{"name": "program", "msg": "here", "levelno": 40, "exc_text": b"bytes"}',
        '{"name": "program", "msg": "here", "levelno": 40, "stack_info": 7}',
        '{"name": "program", "msg": "here", "levelno": 40, "source": 7}',
    ],
)
def test_a_record_made_by_hand_is_kept_whatever_is_in_it(job: Job, fields: str):
    done = job.log(f"handler.handle(logging.makeLogRecord({fields}))", LAST, "sys.exit(3)")
    assert done.status == 3

    job.squeeze()
    job.log('log.info("the next run")')

    assert any("here" in text for text in job.texts()), job.texts()
    assert job.texts()[-1] == "the next run"
    assert [str(path.name) for path in job.place.directory.glob("*damaged*")] == []


def test_a_level_beyond_every_number_stops_no_later_run(job: Job):
    job.log('log.log(10**30, "here")', 'log.log(-(10**30), "hidden")', LAST)
    job.log('log.info("the next run")')

    here, *others = job.texts()
    assert "here" in here
    assert others == ["went on", "the next run"]
    assert list(job.place.directory.glob("*damaged*")) == []


def test_a_record_of_many_megabytes_is_kept_whole(job: Job):
    job.log('log.error("x" * 20_000_000)')

    assert [len(text) for text in job.texts()] == [20_000_000]


HOSTILE = [
    " ",
    "../../../etc/passwd",
    "a\nb\r\nc",
    "a\x00b",
    "\ud800",
    "x" * 100_000,
    "'; DROP TABLE run; --",
    "<script>alert(1)</script>",
    "\u202egnihtemos",
    "\x1b[31mred\x1b[0m \x07",
    "🧽 Søndag på P1 日本語",
    "%s %(message)s {0} $name",
    "-rf",
    "Subject: x\r\nBcc: everyone@example.org\r\n\r\nbody",
    "=?utf-8?q?=0aBcc:_a=40b?=",
]


def test_sources_with_hostile_names_are_kept_told_and_shown(job: Job):
    (job.home / "names.json").write_text(json.dumps(HOSTILE))
    job.log(
        "import json",
        'names = json.load(open("names.json"))',
        "for name in names:",
        "    with source(name): log.critical('by block')",
        "    log.critical('by extra', extra={'source': name})",
        before=(
            "import logging\nfrom mailsponge import SpongeHandler, source\n"
            'handler = SpongeHandler("job", "me@example.org", patience="now", common_cause=1.0)\n'
            "log = logging.getLogger('program'); log.addHandler(handler)\n"
            "with source('well'): pass\n"
        ),
    )

    storable = [name.encode("utf-8", "backslashreplace").decode() for name in HOSTILE]
    assert {source: level for source, level in job.verdicts()[0].items() if level} == dict.fromkeys(
        storable, 50
    )
    assert sorted(record.source for record in job.records()) == sorted(storable * 2)
    (mail,) = job.mails()
    header, _, body = mail.content.partition(b"\r\n\r\n")
    assert b"\nBcc" not in mail.content
    assert [line for line in header.split(b"\r\n") if len(line) > 998] == []
    assert not set(mail.content) & {0, 7, 27}
    assert body != b""
    shown = job.command("status")
    assert shown.status == 0
    assert "\x1b[31m" not in shown.out
    rows = json.loads(job.command("status", "job", "--json").out)
    assert {row["source"] for row in rows if row["state"] == "hard"} == set(storable)


@pytest.mark.parametrize("name", ["5", "None", "b'bytes'", "('a', 'tuple')", "ValueError"])
def test_a_source_that_is_no_text_is_named_by_its_text(job: Job, name: str):
    done = job.log(f"with source({name}): log.error('here')", LAST)

    assert done.err == ""
    assert job.records()[0].source == str(eval(name))


def test_a_job_with_a_hostile_name_has_a_directory_inside_the_state(job: Job):
    for name in ("../outside", "a/b", ".hidden", "x" * 500, "S\u00f8ndag \U0001f9fd", "a\x00b", "\ud800"):
        done = job.run(
            "import logging\nfrom mailsponge import SpongeHandler\n"
            f"logging.getLogger().addHandler(SpongeHandler({name!r}, 'me@example.org'))\nlogging.error('here')\n"
        )
        assert (done.status, done.err) == (0, ""), name

    assert len(list(job.state.iterdir())) == 7
    assert sorted(path.name for path in job.home.iterdir() if path.is_dir()) == ["state"]
