"""What the server says of its own accord, each sentence once.

Codes by RFC 5321 section 4.2, enhanced codes by RFC 3463 and the registry of RFC 5248. The greeting, 354 and the
answers to EHLO and HELO carry no enhanced code (RFC 2034 section 3). A refusal says what to do instead.
"""

from __future__ import annotations

from functools import lru_cache

from mailsponge.mail.reply import Reply, printable


# These are the same for every session of a server, and a busy one opens thousands a second: hence the caches.
@lru_cache(maxsize=64)
def greeting(hostname: str, lmtp: bool = False) -> Reply:
    """The server's first words (RFC 5321 section 3.1, RFC 2033 section 4.1)."""
    return Reply(220, None, f"{hostname} {'LMTP' if lmtp else 'ESMTP'} mailsponge")


@lru_cache(maxsize=64)
def hello(hostname: str) -> Reply:
    """The answer to HELO (RFC 5321 section 4.1.1.1)."""
    return Reply(250, None, hostname)


@lru_cache(maxsize=64)
def extensions(
    hostname: str,
    message_size: int,
    recipients: int,
    starttls: bool,
    auth: tuple[str, ...],
    requiretls: bool = False,
) -> Reply:
    """The answer to EHLO: what the server offers (RFC 5321 section 4.1.1.1)."""
    return Reply(
        250,
        None,
        f"{hostname} offers you:",
        f"SIZE {message_size}",  # RFC 1870
        "PIPELINING",  # RFC 2920
        "8BITMIME",  # RFC 6152
        "SMTPUTF8",  # RFC 6531
        "ENHANCEDSTATUSCODES",  # RFC 2034
        "DSN",  # RFC 3461
        "CHUNKING",  # RFC 3030
        f"LIMITS RCPTMAX={recipients}",  # RFC 9422
        *(("STARTTLS",) if starttls else ()),  # RFC 3207
        *(("REQUIRETLS",) if requiretls else ()),  # RFC 8689
        *((f"AUTH {' '.join(auth)}",) if auth else ()),  # RFC 4954
        "HELP",  # RFC 5321 section 4.1.1.1
    )


# Taken.
SENDER_TAKEN = Reply(250, "2.1.0", "Sender taken")
RECIPIENT_TAKEN = Reply(250, "2.1.5", "Recipient taken")
SEND_MESSAGE = Reply(354, None, "Send the message; end it with a line that holds a single dot")
MESSAGE_TAKEN = Reply(250, "2.0.0", "Message taken")
FORGOTTEN = Reply(250, "2.0.0", "Forgotten: there is no transaction now")
NOTHING_DONE = Reply(250, "2.0.0", "Nothing done, as you wished")
NOT_TOLD = Reply(252, "2.0.0", "I do not say who lives here; send the mail, and RCPT will answer")
HELP = Reply(
    214,
    "2.0.0",
    "A mail goes like this, one line at a time:",
    "  EHLO your.host.name",
    "  MAIL FROM:<you@example.org>",
    "  RCPT TO:<them@example.net>     (again for each recipient)",
    "  DATA                           (then the message, then a line with a single dot)",
    "  QUIT",
    "Also: HELO RSET NOOP VRFY HELP",
)
GOODBYE = Reply(221, "2.0.0", "Goodbye")
START_TLS = Reply(220, "2.0.0", "Go ahead, start TLS")

# Out of order (RFC 5321 section 4.1.4).
HELLO_FIRST = Reply(503, "5.5.1", "Say hello first: EHLO your.host.name")
LHLO_FIRST = Reply(503, "5.5.1", "Say hello first: LHLO your.host.name")
MAIL_FIRST = Reply(503, "5.5.1", "Name the sender first: MAIL FROM:<you@example.org>")
NO_RECIPIENT = Reply(554, "5.5.1", "There is no valid recipient; name one first: RCPT TO:<them@example.net>")
ONE_AT_A_TIME = Reply(
    503, "5.5.1", "A transaction is already open; finish it with DATA, or drop it with RSET"
)

AUTH_ONCE = Reply(503, "5.5.1", "You are logged in already; go on with MAIL FROM")
AUTH_BEFORE_MAIL = Reply(
    503, "5.5.1", "Log in before a transaction, not inside one; drop it with RSET, then send AUTH"
)
AUTH_AFTER_EHLO = Reply(503, "5.5.1", "AUTH needs EHLO; say EHLO instead of HELO first")
TLS_BEFORE_MAIL = Reply(
    503, "5.5.1", "Start TLS before a transaction, not inside one; drop it with RSET, then send STARTTLS"
)
TLS_ALREADY = Reply(503, "5.5.1", "TLS has started already; go on")
SAY_LHLO = Reply(500, "5.5.1", "This is LMTP, where hello is LHLO; say LHLO your.host.name")
SAY_EHLO = Reply(500, "5.5.1", "This is SMTP, where hello is EHLO; say EHLO your.host.name")
LMTP_NO_RECIPIENT = Reply(  # RFC 2033 section 4.2 wants 503 here
    503, "5.5.1", "There is no valid recipient; name one first: RCPT TO:<them@example.net>"
)
CHUNKS_BEGUN = Reply(
    503, "5.5.1", "The message has begun with BDAT; finish it with BDAT LAST, or drop it with RSET"
)
CHUNKS_SPOILT = Reply(
    503, "5.5.1", "A chunk of this message was refused, so there is nothing to go on with; send RSET first"
)

# Lines that are no commands.
BARE_NEWLINE = Reply(
    500, "5.5.2", "That line ended in a bare LF, so it was not carried out; end each line with CRLF"
)
LINE_TOO_LONG = Reply(500, "5.5.2", "That line is too long, so it was thrown away; send a shorter one")
CONTROL_CHARACTERS = Reply(500, "5.5.2", "That line holds control characters, so it was not carried out")
EMPTY_LINE = Reply(500, "5.5.2", "That line is empty; HELP lists the commands")
LEADING_SPACE = Reply(500, "5.5.2", "That line begins with a space; begin it with the command")
TOO_MANY_ERRORS = Reply(
    421, "4.7.0", "Too many mistakes in this session; closing it. Connect again and try anew"
)
TOO_MANY_FAILURES = Reply(
    421, "4.7.0", "Too many failed logins in this session; closing it. Connect again with the right password"
)
NOT_HTTP = Reply(421, "4.7.0", "This is a mail server and does not speak HTTP; closing the connection")

# Arguments.
NAME_MISSING = Reply(501, None, "Say who you are, in one word: EHLO your.host.name")
MAIL_SYNTAX = Reply(501, "5.5.2", "Write the sender in angle brackets: MAIL FROM:<you@example.org>")
RCPT_SYNTAX = Reply(501, "5.5.2", "Write the recipient in angle brackets: RCPT TO:<them@example.net>")
PARAMETER_SYNTAX = Reply(
    501, "5.5.4", "After > come a space and parameters such as SIZE=1000, one space apart"
)
VRFY_WHOM = Reply(501, "5.5.4", "Say whom you mean: VRFY name")
NO_ARGUMENT = Reply(501, "5.5.4", "This command stands alone; send it without anything behind it")
SIZE_SYNTAX = Reply(501, "5.5.4", "SIZE needs the message's octets in digits, at most 20 of them: SIZE=1000")
BODY_UNKNOWN = Reply(555, "5.5.4", "BODY is 7BIT or 8BITMIME here; send the message as one of them")
SMTPUTF8_VALUE = Reply(501, "5.5.4", "SMTPUTF8 stands alone; send it without a value")
EHLO_NEEDED = Reply(555, "5.5.4", "Parameters need EHLO; say EHLO instead of HELO, or send none")
UTF8_NOT_ASKED = Reply(553, "5.6.7", "That address has letters beyond ASCII; add SMTPUTF8 to MAIL FROM")
ASCII_ONLY = Reply(
    501, "5.6.7", "That command has letters beyond ASCII, which only addresses may have, after SMTPUTF8"
)
NOT_UTF8 = Reply(501, "5.5.2", "That line is neither ASCII nor UTF-8")
RECIPIENT_EMPTY = Reply(553, "5.1.3", "A recipient cannot be empty; write RCPT TO:<them@example.net>")
SENDER_NEEDS_DOMAIN = Reply(
    553, "5.1.7", "A sender needs a domain: MAIL FROM:<you@example.org>, or <> for none"
)
AUTH_SYNTAX = Reply(501, "5.5.4", "Name a mechanism, and nothing or base64 behind it: AUTH PLAIN")
BDAT_SYNTAX = Reply(
    501,
    "5.5.4",
    "BDAT needs octets in digits, then LAST or nothing: BDAT 1000 LAST. What follows this line cannot be told from "
    "commands; closing the connection",
)
REQUIRETLS_VALUE = Reply(501, "5.5.4", "REQUIRETLS stands alone; send it without a value")
RET_UNKNOWN = Reply(501, "5.5.4", "RET is FULL or HDRS; send one of them, or leave it out")
ENVID_SYNTAX = Reply(501, "5.5.4", "ENVID needs 1 to 100 characters of xtext (RFC 3461 section 4)")
NOTIFY_UNKNOWN = Reply(
    501, "5.5.4", "NOTIFY is NEVER, or any of SUCCESS, FAILURE and DELAY with commas between them"
)
ORCPT_SYNTAX = Reply(
    501, "5.5.4", "ORCPT needs a type and xtext, of at most 500 characters: ORCPT=rfc822;them@example.net"
)
AUTH_VALUE = Reply(501, "5.5.4", "AUTH= needs an address in xtext, or <>; send one of them, or leave it out")

# Logging in (RFC 4954 section 6).
NOT_AUTHENTICATED = Reply(535, "5.7.8", "That name and password do not go together; try again")
AUTH_REQUIRED = Reply(530, "5.7.0", "Log in before you send mail here; say AUTH first")
AUTH_CANCELLED = Reply(501, "5.7.0", "Login cancelled, as you wished")
NOT_BASE64 = Reply(501, "5.5.2", "That is not base64; the login has failed, begin again with AUTH")
AUTH_LINE_TOO_LONG = Reply(
    500, "5.5.6", "That line is too long for a login, so it was thrown away; begin again with AUTH"
)
TLS_BEFORE_AUTH = Reply(538, "5.7.11", "No passwords in the clear; send STARTTLS first, then AUTH")
TLS_REQUIRED = Reply(530, "5.7.0", "Send STARTTLS first, then log in with AUTH")

# Limits.
TOO_MANY_RECIPIENTS = Reply(
    452, "4.5.3", "Enough recipients; send to these, then to the rest in a new transaction"
)


def too_large(limit: int) -> Reply:
    """The message is, or would be, larger than this server takes (RFC 1870 section 6.1). ``limit`` in octets."""
    return Reply(552, "5.3.4", f"The message is larger than {limit} octets, the most this server takes")


def header_too_large(limit: int) -> Reply:
    """The message's header section is larger than this server takes. ``limit`` in octets."""
    return Reply(
        552,
        "5.3.4",
        f"The message's header has more than {limit} octets; send it with fewer or shorter lines there",
    )


def chunk_taken(octets: int) -> Reply:
    """A chunk that is not the last has come (RFC 3030 section 2)."""
    return Reply(250, "2.0.0", f"{octets} octets received")


def mechanism_unknown(mechanisms: tuple[str, ...]) -> Reply:
    """AUTH with a mechanism that is not offered (RFC 4954 section 4)."""
    return Reply(
        504, "5.5.4", f"That mechanism is not offered here; use one of these: {' '.join(mechanisms)}"
    )


def unsound(what: str, octet: int) -> Reply:
    """The message holds a bare CR, a bare LF or a NUL; ``octet`` counts from 0, without stuffed dots."""
    return Reply(
        550,
        "5.6.0",
        f"The message holds a {what} at octet {octet}, so it was not taken; "
        "send it with CRLF at the end of each line, and without NUL",
    )


def unknown_command(word: str, meant: str | None) -> Reply:
    """No command of this protocol (RFC 5321 section 4.2.4); ``meant`` is a command with a name much like it."""
    shown = printable(word[:24])[:40]
    hint = f"did you mean {meant}?" if meant else "HELP lists the commands"
    return Reply(500, "5.5.1", f'There is no command "{shown}"; {hint}')


def not_offered(word: str) -> Reply:
    """A command of SMTP that this server did not offer in its answer to EHLO."""
    return Reply(502, "5.5.1", f"{word} is not offered here; go on without it")


def unknown_parameter(keyword: str) -> Reply:
    """A parameter of MAIL or RCPT that this server did not offer (RFC 5321 section 4.1.1.11)."""
    return Reply(555, "5.5.4", f"The parameter {keyword[:40]} is not offered here; leave it out")


def repeated_parameter(keyword: str) -> Reply:
    """A parameter may be given once a command."""
    return Reply(501, "5.5.4", f"{keyword[:40]} is given twice; give it once")


def bad_address(code: str, why: str) -> Reply:
    """An address that is none; ``code`` tells a sender's (5.1.7) from a recipient's (5.1.3)."""
    return Reply(553, code, why)
