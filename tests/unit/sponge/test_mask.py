"""Masking: no secret stays, what only talks of secrets does, and no text makes it slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsponge.errors import UsageError
from mailsponge.sponge.mask import Mask

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK+/=\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_"

MASKED = [
    # assigned to a name
    ("password=hunter2", "password=***"),
    ("passwd=hunter2 for bob", "passwd=*** for bob"),
    ("pwd = hunter2", "pwd = ***"),
    ("user=bob pass=hunter2", "user=bob pass=***"),
    ("passphrase: hunter2", "passphrase: ***"),
    ("password: hunter2 for bob", "password: *** for bob"),
    ("DB_PASSWORD=hunter2", "DB_PASSWORD=***"),
    ("export PASSWORD='hunter 2'; run", "export PASSWORD='***'; run"),
    ("client_secret=a.b-c&x=1", "client_secret=***&x=1"),
    ("token=abc, next", "token=***, next"),
    ("access_token=abc;next", "access_token=***;next"),
    ("invalid token: deadbeef", "invalid token: ***"),
    ("api_key=abc", "api_key=***"),
    ("apikey: abc", "apikey: ***"),
    ("API-KEY=abc", "API-KEY=***"),
    ("apiKey=abc", "apiKey=***"),
    ("X-Api-Key: abc", "X-Api-Key: ***"),
    ("access_key=abc", "access_key=***"),
    ("aws_secret_access_key = abc/def+g", "aws_secret_access_key = ***"),
    ("AccountKey=abc==;Endpoint=x", "AccountKey=***;Endpoint=x"),
    ("password1=abc&password2=def", "password1=***&password2=***"),
    ("password => 'x y'", "password => '***'"),
    ("password == 'x'", "password == '***'"),
    ('config["password"] = "x"', 'config["password"] = "***"'),
    ("GET /feed?a=1&token=abc HTTP/1.1", "GET /feed?a=1&token=*** HTTP/1.1"),
    ("next=%2F%3Ftoken%3Dabc", "next=%2F%3Ftoken%3D***"),
    # quoted, whatever is in it
    ('password="a b; c, d & e"', 'password="***"'),
    ('{"password": "hunter 2", "user": "bob"}', '{"password": "***", "user": "bob"}'),
    ('{"token":"abc","user":"bob"}', '{"token":"***","user":"bob"}'),
    ("{'secret': 'it''s', 'user': 'bob'}", "{'secret': '***', 'user': 'bob'}"),
    (r'{"password": "a\"b c", "x": 1}', r'{"password": "***", "x": 1}'),
    (r"{\"password\": \"a b\", \"x\": 1}", r"{\"password\": \"***\", \"x\": 1}"),
    (r"{\"password\": \"a\\\"b\", \"x\": 1}", r"{\"password\": \"***\", \"x\": 1}"),
    ("password=b'se cret' x", "password=b'***' x"),
    ('password="cut off', 'password="***'),
    ("connect(user='bob', password='a)b')", "connect(user='bob', password='***')"),
    ("x='password=abc' y", "x='password=***' y"),
    # arguments of a command
    ("run --password hunter2 -v", "run --password *** -v"),
    ("run --db-token='a b' -v", "run --db-token='***' -v"),
    ("['run', '--password', 'a b', '-v']", "['run', '--password', '***', '-v']"),
    # headers
    ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
    ("authorization: basic dXNlcjpwYXNz", "authorization: basic ***"),
    ('Authorization: Digest username="bob", response="x y"', "Authorization: Digest ***"),
    ("Authorization: Whatever abc, def", "Authorization: ***"),
    ("Proxy-Authorization: Basic abc\nHost: x", "Proxy-Authorization: Basic ***\nHost: x"),
    ('curl -H "Authorization: Bearer abc" http://x', 'curl -H "Authorization: Bearer ***" http://x'),
    ("curl -H 'Proxy-Authorization: Basic abc' x", "curl -H 'Proxy-Authorization: Basic ***' x"),
    ("{'Authorization': 'Bearer abc', 'A': 1}", "{'Authorization': 'Bearer ***', 'A': 1}"),
    ("(b'authorization', b'Basic abc=')", "(b'authorization', b'Basic ***')"),
    (r"b'Authorization: Basic abc\r\nHost: x'", r"b'Authorization: Basic ***\r\nHost: x'"),
    ("Cookie: a=b; session=c", "Cookie: ***"),
    ("Set-Cookie: a=b; Path=/\nnext", "Set-Cookie: ***\nnext"),
    # URLs
    ("https://bob:hunter2@example.org/x", "https://bob:***@example.org/x"),
    ("https://bob:a@b@example.org/x", "https://bob:***@example.org/x"),
    ("https://bob:a/b@example.org/x", "https://bob:***@example.org/x"),
    ("postgres://bob:1234@db/x", "postgres://bob:***@db/x"),
    ("redis://:pw@host", "redis://:***@host"),
    ("https://ghp_0123456789abcdef@github.com/x", "https://***@github.com/x"),
    ("https://ghp_0123456789abcdef:x-oauth-basic@github.com", "https://***:***@github.com"),
    ("https://0123456789abcdef0123456789abcdef@sentry.io/1", "https://***@sentry.io/1"),
    # shapes
    ("AKIAIOSFODNN7EXAMPLE", "***"),
    ("x ghp_16C7e42F292c6912E7710c838347Ae178B4a.", "x ***."),
    ("gho_16C7e42F292c6912", "***"),
    ("github_pat_11AB_cdefg", "***"),
    ("xoxb-123456789012-abc xoxp-1234567890123456", "*** ***"),
    ("sk-ant-api03-abcdefghijklmnop", "***"),
    (f"got {JWT} back", "got *** back"),
    (f"key: {PEM} end", "key: -----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY----- end"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE", "-----BEGIN PRIVATE KEY-----***"),
    # in containers, of other names, of other programs and services
    ("password=['XX']", "password=[***]"),
    ("password=('XX',)", "password=(***)"),
    ("password={'value': 'XX'}", "password={***}"),
    ("password=[['XX'], ['XX']]", "password=[***]"),
    ("password=SecretStr('XX')", "password=SecretStr(***)"),
    ("('password', 'XX')", "('password', '***')"),
    ("('X-Api-Key', 'XX')", "('X-Api-Key', '***')"),
    ("auth=('u', 'XX')", "auth=(***)"),
    ("pass: XX", "pass: ***"),
    ("run --pass XX", "run --pass ***"),
    ("{'pass': 'XX'}", "{'pass': '***'}"),
    ("SECRET_KEY_BASE=XX", "SECRET_KEY_BASE=***"),
    ("passwords: XX", "passwords: ***"),
    ("tokens=['XX', 'XX']", "tokens=[***]"),
    ("sessionid=XX", "sessionid=***"),
    ("session_id=XX", "session_id=***"),
    ("cookies={'a': 'XX'}", "cookies={***}"),
    ("sig=XX&x=1", "sig=***&x=1"),
    ("signature=XX", "signature=***"),
    ("X-Amz-Signature=XX", "X-Amz-Signature=***"),
    ("\x1b[36mpassword\x1b[0m=\x1b[35mXX\x1b[0m", "\x1b[36mpassword\x1b[0m=\x1b[35m***\x1b[0m"),
    ("ghs_XX0123456789abcdefghijklmnopqrstuvwx", "***"),
    ("glpat-XX0123456789abcdefgh", "***"),
    ("ASIAXX34567890123456", "***"),
    ("AIzaXX0123456789012345678901234567890", "***"),
    ("ya29.XX0AfH6SMBx1234567890123", "***"),
    ("sk_live_XX0123456789abcdef", "***"),
    ("rk_live_XX0123456789abcdef", "***"),
    ("sk_test_XX0123456789abcdef", "***"),
    ("whsec_XX0123456789abcdef", "***"),
    ("xapp-1-A0XX-123456-abcdef", "***"),
    ("https://hooks.slack.com/services/T00/B00/XX", "https://hooks.slack.com/services/***"),
    ("SG.XX0123456789abcdefghij.XX0123456789abcdef", "***"),
    ("npm_XX0123456789abcdef", "***"),
    ("pypi-AgEIcHlwaS5vcmcXX0123456789", "***"),
    ("hf_XX0123456789abcdefgh", "***"),
    ("bot 110201543:XXHdqTcvCH1vGWJxfSeofSAs0K5PALDsawa", "bot 110201543:***"),
    (
        "https://api.telegram.org/bot110201543:XXHdqTcvCH1vGWJxfSeofSAs0K5PALDsawa/getMe",
        "https://api.telegram.org/bot110201543:***/getMe",
    ),
    ("ALTER USER bob PASSWORD 'XX'", "ALTER USER bob PASSWORD '***'"),
    ("CREATE USER bob IDENTIFIED BY 'XX'", "CREATE USER bob IDENTIFIED BY '***'"),
    ("curl -u u:XX http://h", "curl -u u:*** http://h"),
    ("http -u u:XX", "http -u u:***"),
    ("['curl', '-u', 'u:XX']", "['curl', '-u', 'u:***']"),
    ("curl --user u:XX http://h", "curl --user u:*** http://h"),
    ("mysql -u root -pXX db", "mysql -u root -p*** db"),
    ("mysqldump -pXX db", "mysqldump -p*** db"),
    ("sshpass -p XX ssh h", "sshpass -p *** ssh h"),
    ("<password>XX</password>", "<password>***</password>"),
    ('<input name="password" value="XX">', '<input name="password" value="***">'),
    ("{'name': 'DB_PASSWORD', 'value': 'XX'}", "{'name': 'DB_PASSWORD', 'value': '***'}"),
    ('{"name": "DB_PASSWORD", "value": "XX"}', '{"name": "DB_PASSWORD", "value": "***"}'),
    ("got Bearer XX0123456789abcdefghijk back", "got Bearer *** back"),
    ("Basic XXNlcjpwYXNzd29yZA123456789==", "Basic ***"),
    ("jdbc:oracle:thin:u/XX@h:1521", "jdbc:oracle:thin:u/***@h:1521"),
    ("password＝XX", "password＝***"),
    ("password：XX", "password：***"),
    ("password = XX", "password = ***"),
    ("'token': ['XX']", "'token': [***]"),
    ('"api_keys": ["XX", "XX"]', '"api_keys": [***]'),
    ("key_ghp_XX0123456789abcdef01234", "key_***"),
    ("foo ghu_XX0123456789abcdef012345678901234567", "foo ***"),
    ("ghr_XX0123456789abcdef012345678901234567", "***"),
    ("passwd=XX", "passwd=***"),
    ("DB_PWD=/XX", "DB_PWD=***"),
    ("password: XX for bob", "password: *** for bob"),
    ("token: XX", "token: ***"),
    ("password: 1234 for bob", "password: *** for bob"),
    # what looks masked and is not
    ("password=***hunter2", "password=***"),
]

INNOCENT = [
    "password expired",
    "the password is wrong",
    "password: expired",
    "password: must be longer",
    "token: none found",
    "token: null, user: bob",
    "password=None)",
    '{"password": ""}',
    '{"token":"","user":"bob"}',
    "Unexpected token < in JSON at position 0",
    "secrets.token_hex(16)",
    "Secret::Key is no such class",
    "tokens=5",
    "max_tokens: 4096",
    "primary_key=5 key=7 keyboard: us monkey=3",
    "tests pass: 12",
    "bypass=1",
    "cookie: invalid signature",
    "Authorization: required",
    "authorization failed",
    "https://example.org:8080/a@b",
    "https://example.org/a:b@c",
    "ssh://git@github.com/x",
    "https://bob@example.org/",
    "write to bob@example.org: soon",
    "task-force-of-a-hundred-and-1",
    "-----BEGIN CERTIFICATE-----",
    "Søndag på P1",
    "max_token=4096",
    "max_tokens=4096",
    "maxToken: 5",
    "PWD=/home/bob",
    "OLDPWD=/home/bob",
    "pwd: /home/bob",
    "pwd=/x",
    "pwd=~/x",
    "/etc/passwd: permission denied",
    "passwd: user bob: added",
    "cookie: 3 cookies set",
    "Authorization: user bob is not allowed to read /x",
    "token: loaded from cache",
    "at token: line 5",
    "sk-learn-version-1-2-3-4-5-6",
    "checks pass: 3",
    "pass rate=5",
    "total_tokens: 4096",
    "tokens: 5 left",
    "secrets: 3 found",
    "session: opened for bob",
    "sig=11",
    "signal=9",
    "signature: (self, x)",
    "docker run -u 1000:1000 x",
    "python -u x.py",
    "rsync -u /a host:/b",
    "mysql -p",
    "mysql -h db -u root",
    "identified by its name",
    "basic authentication",
    "Basic internationalization-of-things",
    "bearer of bad news",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "2024:1234",
    "sha256:0123456789012345678901234567890123456789",
    "auth=plain",
    "password (required)",
    "passing: 5",
    "compass: north",
    "Pass through: x",
    "<token>",
    "the secret 'foo' was not found",
    "('user', 'password', 'email')",
    "hf_hub",
    "npm_config_registry=x",
    "pypi-server-one-of-many-names",
    "cookies: 5",
    "author=bob",
    "keys=5",
    "the password field is empty",
    "",
]


@pytest.mark.parametrize(("text", "masked"), MASKED, ids=lambda text: text[:40])
def test_a_secret_is_masked_and_its_name_stays(text, masked):
    assert Mask().text(text) == masked


@pytest.mark.parametrize(("text", "masked"), MASKED, ids=lambda text: text[:40])
def test_masked_once_more_a_text_stays_as_it_is(text, masked):
    assert Mask().text(masked) == masked


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_talks_of_secrets_stays(text):
    assert Mask().text(text) == text


@pytest.mark.parametrize(("text", "masked"), MASKED, ids=lambda text: text[:40])
def test_a_text_with_a_secret_is_found_among_others(text, masked):
    assert Mask().suspects(["one", "", text, "åøæ", text.upper()])[0] == 2


def test_texts_without_a_word_of_secrets_are_not_looked_at_again():
    assert Mask().suspects(["downloaded https://example.org/1.mp3: 17 bytes", "", "Søndag 🧽"]) == []
    assert Mask().suspects([]) == []


def test_a_token_is_found_beside_other_texts():
    token = "ghp_0123456789abcdef"
    assert Mask().suspects(["abc", token, "abc", f"\0{token}", "\0"]) == [1, 3]


def test_neighbours_do_not_hide_a_word():
    assert Mask().suspects(["pass", "word=x", "token=x"]) == [0, 2]


# Expressions of one's own


def test_a_group_of_ones_own_expression_is_masked():
    mask = Mask([r"pin (\d+)", r"(?:code|nip)=(\w+)-(\w+)"])

    assert mask.text("pin 1234, code=ab-cd") == "pin ***, code=***-***"


def test_without_a_group_all_of_it_is():
    assert Mask([r"\b\d{4}-\d{4}\b"]).text("card 1234-5678 declined") == "card *** declined"


def test_a_group_may_stand_beside_the_match_or_take_no_part():
    assert Mask([r"pin (?=(\d+))|x(y)"]).text("pin 1234 xy") == "pin *** x***"


def test_ones_own_expression_makes_every_text_a_suspect():
    assert Mask(["x"]).suspects(["a", "b"]) == [0, 1]


def test_what_is_masked_is_not_masked_again():
    mask = Mask([r"pin=(\S+)", ".+"])

    assert mask.text(mask.text("pin=1")) == "***"
    assert Mask([r"\*"]).text("a *** b") == "a *** b"


@pytest.mark.parametrize("broken", ["(", "[z-a]", "*", "(?P<x>a)(?P<x>b)", None, 5])
def test_a_broken_expression_is_named(broken):
    with pytest.raises(UsageError) as caught:
        Mask(["fine", broken])

    assert repr(broken) in str(caught.value)
    assert isinstance(caught.value, ValueError)


# Whatever the text

WORDS = [
    "password",
    "token",
    "api_key",
    "Authorization",
    "Cookie",
    "pass",
    "key",
    "eyJ",
    "sk-",
    "xoxb-",
    "ghp_",
    "AKIA",
]
VALUES = [
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "Bearer ",
    "abc",
    "0123456789abcdefghij",
    "none",
    "SecretStr(",
    "\x1b[0m",
]
SIGNS = ["://", "%3D", "\r\n", "\\r\\n", "--", "***", *"\"'\\@:= \n,;&*./[](){}<>\0b"]
pieces = st.sampled_from(WORDS + VALUES + SIGNS)
texts = st.lists(pieces | st.text(max_size=3), max_size=12).map("".join)


@given(texts)
def test_it_is_idempotent(text):
    mask = Mask()
    assert mask.text(mask.text(text)) == mask.text(text)


@given(st.lists(texts, max_size=4))
def test_whoever_is_no_suspect_would_stay_as_it_is(several):
    mask = Mask()
    suspects = mask.suspects(several)
    assert all(mask.text(text) == text for index, text in enumerate(several) if index not in suspects)


@given(st.text(st.characters(), max_size=60))
def test_it_never_raises(text):
    Mask().text(text)


@given(
    name=st.sampled_from(["password", "DB_PASSWORD", "token", "api_key", "client_secret"]),
    secret=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=3).filter(
        lambda text: text.lower() not in {"none", "null", "nil", "undefined", "true", "false"}
    ),
    around=st.sampled_from(['{}="{}"', "{}={}", '"{}": "{}"', "'{}': '{}'", "?{}={}&", '\\"{}\\":\\"{}\\"', "{}:{}"]),
)  # fmt: skip
def test_no_secret_of_letters_and_digits_gets_through(name, secret, around):
    assert Mask().text(around.format(name, secret)) == around.format(name, "***")


HOSTILE = [
    "password=", "password ", 'password="', "password=''", 'password\\"', "password[", "password:   ", "--password ",
    "token: ", "@", "://", "://a:", "://a:b@", "://a:x/@", "eyJ", "eyJ.", "sk-", "xox", "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----", "-", '"', "\\", "--", "Authorization: ", '"authorization":"', "cookie=\\",
    "password=[", "password=( ", "password=['", "password={[(", "('password', '", "<password>", "mysql -p", "-u a:",
    "-u ",
    "password '", "identified by '", "cookies={", "auth=(", "sk-a", "ghp_", "a-", "a" * 30 + "-", "oracle:thin:a/@",
    "1:", "bearer ", "SG.", "password\x1b[0m", "password=SecretStr('", 'name="password" value="',
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_the_text_takes_about_twice_the_time(piece):
    """Not a measurement of speed: what is quadratic takes minutes, not less than five seconds."""
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()

    Mask().text(text)

    assert time.process_time() - began < 5
