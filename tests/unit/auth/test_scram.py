"""Rules of SCRAM-SHA-256 (RFC 5802, RFC 7677), talked to by a client written from the RFC."""

from __future__ import annotations

import base64

import pytest
from auth_house import ACCOUNTS, PASSWORDS, both, directory, only_scram
from hypothesis import given, settings
from hypothesis import strategies as st
from scram_client import ScramClient

from mailsponge.accounts import Accounts
from mailsponge.auth.directory import Directory
from mailsponge.auth.exchange import Challenge, Denied, Granted, Step
from mailsponge.auth.scram import ScramSha256
from mailsponge.auth.verifiers import Scram, Verifiers, parse

NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"


def exchange(people: Directory) -> ScramSha256:
    return ScramSha256(people.find, NONCE)


def challenge(step: Step) -> bytes:
    assert isinstance(step, Challenge), step
    return step.data


def login(people: Directory, client: ScramClient, *, extension: str = "") -> list[Step]:
    """All that the server says."""
    server = exchange(people)
    steps = [server.begin(client.first())]
    if isinstance(steps[-1], Challenge):
        steps.append(server.respond(client.final(steps[-1].data, extension)))
    if isinstance(steps[-1], Challenge):
        steps.append(server.respond(b""))
    return steps


def test_the_exchange_of_rfc_7677():
    verifier = parse(
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert isinstance(verifier, Scram)
    server = exchange(directory({"user": Verifiers(None, verifier)}, Accounts(["localhost"], ["user"])))

    assert server.begin(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == Challenge(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    assert server.respond(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    ) == Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert server.respond(b"") == Granted("user")


@pytest.mark.parametrize("name", ["me", "ME", "me@example.org", "Me@localhost"])
@pytest.mark.parametrize("gs2", ["n,,", "y,,"])
def test_who_knows_the_password_gets_in(everybody, name, gs2):
    client = ScramClient(name, PASSWORDS["me"], gs2=gs2)
    steps = login(everybody, client)

    assert client.trusts(challenge(steps[1]))
    assert steps[2] == Granted("me")


def test_the_first_message_may_come_by_itself(everybody):
    server = exchange(everybody)
    client = ScramClient("me", PASSWORDS["me"])

    assert server.begin(None) == Challenge(b"")
    final = server.respond(client.final(challenge(server.respond(client.first()))))
    assert client.trusts(challenge(final))


def test_acting_as_oneself_may_be_said(everybody):
    assert login(everybody, ScramClient("me", PASSWORDS["me"], gs2="n,a=me,"))[-1] == Granted("me")


def test_a_name_may_have_commas_and_equals_signs():
    people = directory({"a=b,c": both("x")}, Accounts(["localhost"], ["me", '"a=b,c"']))

    assert login(people, ScramClient("a=b,c", "x"))[-1] == Granted("a=b,c")


def test_unknown_extensions_are_passed_over(everybody):
    assert login(everybody, ScramClient("me", PASSWORDS["me"]), extension=",x=y=z")[-1] == Granted("me")


def test_a_wrong_password_is_denied(everybody):
    assert login(everybody, ScramClient("me", "wrong"))[-1] == Denied("wrong password of me")


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,n=me",
        b"n,,n=me,",
        b"n,,n=me,r=",
        b"n,,n=,r=abc",
        b"n,,r=abc,n=me",
        b"n,,n=me,r=a\0b",
        b"n,,n=me,r=a b",
        b"n,,n=m\0e,r=abc",
        b"n,,n=\xff,r=abc",
        b"n,,n=me=,r=abc",
        b"n,,n=me=2c,r=abc",
        b"n,,n=me,r=abc,",
        b"n,,n=me,r=abc,m=x",
        b"n,,m=x,n=me,r=abc",
        b"n,a=,n=me,r=abc",
        b"n,a=you,n=me,r=abc",
        b"n,a=\xff,n=me,r=abc",
        b"n,b=me,n=me,r=abc",
        b"x,,n=me,r=abc",
        b"N,,n=me,r=abc",
        b"p=tls-unique,,n=me,r=abc",
        b"p=,,n=me,r=abc",
        b"n,,n=me,r=" + b"a" * 513,
        b"n,,n=" + b"a" * 1025 + b",r=abc",
        b"n,,n=me,r=abc" + b",x=y" * 100_000,
        b"n,,n=me,r=abc\n",
    ],
    ids=lambda message: repr(message[:24]),
)
def test_a_first_message_that_is_none_is_denied(everybody, first):
    server = exchange(everybody)

    assert isinstance(server.begin(first), Denied)
    assert isinstance(server.respond(first), Denied)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (b"c=biws", b"c=eSws"),
        (b"c=biws", b"c=biw"),
        (b"c=biws", b"c=!"),
        (b"c=biws", b"c="),
        (b"c=biws,", b""),
        (b"r=rOpr", b"r=xOpr"),
        (b"k0,p=", b"k0x,p="),
        (b"k0,p=", b"k,p="),
        (b",p=", b",m=x,p="),
        (b",p=", b",p=AAAA,p="),
        (b",p=", b",,p="),
        (b",p=", b",q="),
        (b",p=", b",p=AAAA"),
        (b",p=", b"\0,p="),
        (b",p=", b",x=y,p="),
        (b",p=", b",p=="),
    ],
)
def test_a_final_message_that_was_changed_is_denied(everybody, written, instead):
    server = exchange(everybody)
    client = ScramClient("me", PASSWORDS["me"])
    final = client.final(challenge(server.begin(client.first())))
    assert final.count(written) == 1

    assert isinstance(server.respond(final.replace(written, instead)), Denied)
    assert isinstance(server.respond(final), Denied)


@pytest.mark.parametrize("proof", [b"", b"x" * 31, b"x" * 33])
def test_a_proof_of_another_length_is_denied(everybody, proof):
    server = exchange(everybody)
    client = ScramClient("me", PASSWORDS["me"])
    final, _, _ = client.final(challenge(server.begin(client.first()))).partition(b",p=")

    assert isinstance(server.respond(final + b",p=" + base64.b64encode(proof)), Denied)


def test_a_right_proof_with_more_behind_it_is_denied(everybody):
    server = exchange(everybody)
    client = ScramClient("me", PASSWORDS["me"])
    final, _, proof = client.final(challenge(server.begin(client.first()))).partition(b",p=")
    longer = base64.b64encode(base64.b64decode(proof) + b"x")

    assert isinstance(server.respond(final + b",p=" + longer), Denied)


def test_a_proof_cannot_be_said_again(everybody):
    client = ScramClient("me", PASSWORDS["me"])
    said_once = client.final(challenge(exchange(everybody).begin(client.first())))
    later = ScramSha256(everybody.find, "another")
    later.begin(client.first())

    assert isinstance(later.respond(said_once), Denied)


@pytest.mark.parametrize("last", [b"x", b"v=", b"\0"])
def test_more_than_nothing_after_the_servers_proof_is_denied(everybody, last):
    server = exchange(everybody)
    client = ScramClient("me", PASSWORDS["me"])
    server.respond(client.final(challenge(server.begin(client.first()))))

    assert isinstance(server.respond(last), Denied)


def test_nothing_comes_after_the_end(everybody):
    server = exchange(everybody)
    client = ScramClient("me", PASSWORDS["me"])
    server.respond(client.final(challenge(server.begin(client.first()))))

    assert server.respond(b"") == Granted("me")
    assert isinstance(server.respond(b""), Denied)


def transcript(people: Directory, name: str) -> list[object]:
    """What a stranger sees of a login: the kinds of the steps, and what of the challenges is not chance."""
    steps = login(people, ScramClient(name, "wrong"))
    first = challenge(steps[0]).decode()
    told = dict(part.split("=", 1) for part in first.split(","))
    return [len(told["r"]), len(base64.b64decode(told["s"])), told["i"], *map(type, steps[1:])]


def salt(people: Directory, name: str) -> str:
    return challenge(login(people, ScramClient(name, "wrong"))[0]).decode().split(",")[1]


UNKNOWN = pytest.mark.parametrize(
    "name", ["nobody", "somebody", "team", "postmaster", "me@elsewhere.example", "\u00e9"]
)


@UNKNOWN
def test_who_cannot_log_in_and_a_wrong_password_look_the_same(everybody, name):
    assert transcript(everybody, name) == transcript(everybody, "me")


@UNKNOWN
def test_the_salt_of_who_cannot_log_in_stays_the_same(everybody, name):
    assert salt(everybody, name) == salt(directory(), name)


@pytest.mark.parametrize("name", ["me", "nobody"])
def test_a_name_has_one_salt_in_all_its_spellings(everybody, name):
    salts = {
        salt(everybody, each) for each in (name, name.upper(), f"{name}@example.org", f'"{name}"@LOCALHOST')
    }

    assert len(salts) == 1


@pytest.mark.parametrize("name", ["me", "nobody"])
def test_at_another_domain_it_has_another(everybody, name):
    assert salt(everybody, name) != salt(everybody, f"{name}@elsewhere.example")


def test_unknown_names_have_users_iteration_counts_in_the_same_proportion():
    people = directory({"me": only_scram("x", 4096), "You": only_scram("x", 5000)})
    counts = [transcript(people, f"nobody{n}")[2] for n in range(40)]

    assert set(counts) == {"4096", "5000"}
    assert counts == [transcript(people, f"nobody{n}")[2] for n in range(40)]


MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.lists(
        st.sampled_from(
            [b"n", b"y", b"p=x", b"", b"a=me", b"n=me", b"n==2C", b"r=abc", b"m=1", b"x=y", b"c=biws", b"p="]
        ),
        max_size=8,
    ).map(b",".join),
)


@given(st.lists(MESSAGES, min_size=1, max_size=4), st.booleans())
@settings(deadline=None)
def test_whatever_a_client_says_it_gets_a_step_and_never_gets_in(messages, with_auth):
    server = exchange(directory({"me": only_scram("x")}, ACCOUNTS))
    steps = [server.begin(messages[0] if with_auth else None), *map(server.respond, messages)]

    assert all(isinstance(step, Challenge | Denied) for step in steps)
    first_no = next((at for at, step in enumerate(steps) if isinstance(step, Denied)), len(steps))
    assert all(isinstance(step, Denied) for step in steps[first_no:])


@given(st.integers(0, 31), st.integers(1, 255))
@settings(max_examples=30, deadline=None)
def test_one_wrong_bit_of_a_proof_is_one_too_many(at, bits):
    server = exchange(directory({"me": only_scram("x")}, ACCOUNTS))
    client = ScramClient("me", "x")
    final, _, proof = client.final(challenge(server.begin(client.first()))).partition(b",p=")
    changed = bytearray(base64.b64decode(proof))
    changed[at] ^= bits

    assert isinstance(server.respond(final + b",p=" + base64.b64encode(changed)), Denied)
