"""Every setting: its type, its default, and as data its reason and what leaving it out means.

The reference (docs/reference/settings.md) and messages about wrong values are made from what stands here. A setting is
here because it works; what a later version will know is an unknown key today.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from mailsponge.accounts.deliver import IN_A_MAILBOX, Deliver
from mailsponge.auth.verifiers import Verifiers
from mailsponge.config.hops import Hop, Resolver
from mailsponge.config.machine import DEFAULT_LISTEN, DEFAULT_WEB
from mailsponge.config.units import Duration, Endpoint, Place, Size
from mailsponge.data_place import DataPlace


class About(NamedTuple):
    """What a person should know of a setting."""

    takes: str
    """The values that can be, with an example."""
    why: str
    """Why one would set it, and why the default is what it is."""
    left_out: str
    """What happens when it is not set."""
    secret: bool = False
    """Its value is for nobody to see: no message and no listing shows it."""


class Section(NamedTuple):
    """What a person should know of a table of settings."""

    why: str
    left_out: str
    takes: str = ""
    """What a name in it takes, if the user chooses the names and each takes a single value."""


class Targets(tuple[str, ...]):
    """Where an alias leads: one name, or several."""

    __slots__ = ()


class Smtp(Struct, frozen=True, kw_only=True):
    """Mail from other servers and local programs: accepted for those who live here alone."""

    listen: Annotated[
        tuple[Endpoint, ...],
        Meta(min_length=1),
        About(
            takes='a list of addresses and ports: ["127.0.0.1:2525", "[::1]:2525"]',
            why="Programs on this machine reach the first address and nobody else does; ports below 1024 need root. "
            "An address of the network, or 0.0.0.0 and [::], lets other machines send mail here too.",
            left_out="mail is taken on 127.0.0.1, port 2525, from this machine alone",
        ),
    ] = DEFAULT_LISTEN


class Submission(Struct, frozen=True, kw_only=True):
    """Mail from people and programs that log in (RFC 6409): nothing is taken before they have."""

    listen: Annotated[
        tuple[Endpoint, ...],
        About(
            takes='a list of addresses and ports: ["0.0.0.0:587", "[::]:587"]',
            why="Where mail programs connect, change to TLS (STARTTLS) and log in. Without [tls] it may only be on "
            "this machine (127.0.0.1, [::1]): elsewhere, passwords would cross the network for all to read.",
            left_out="there is no submission with STARTTLS",
        ),
    ] = ()
    listen_tls: Annotated[
        tuple[Endpoint, ...],
        About(
            takes='a list of addresses and ports: ["0.0.0.0:465", "[::]:465"]',
            why="The same with TLS from the first byte, which RFC 8314 prefers to STARTTLS: there is no moment in "
            "the clear that anybody could tamper with. It needs [tls].",
            left_out="there is no submission with TLS from the first byte",
        ),
    ] = ()


class Local(Struct, frozen=True, kw_only=True):
    """Mail from programs on this machine, through a Unix socket: the kernel says which user each one runs as, so
    nobody needs a password, and nobody can claim to be another.
    """

    socket: Annotated[
        Path | None,
        About(
            takes='a path: "/run/mailsponge/submit"',
            why="Every user of this machine may send through it. SpongeHandler and `mailsponge run` find it by "
            "themselves at /run/mailsponge/submit, and a user's own at $XDG_RUNTIME_DIR/mailsponge/submit. It needs "
            "Linux.",
            left_out="there is no Unix socket; programs use the addresses of smtp.listen",
        ),
    ] = None
    trusted: Annotated[
        tuple[str, ...],
        About(
            takes='a list of users of this machine: ["www-data"]',
            why="Users whose programs send for many, such as a web application, and may therefore name any sender. "
            "root may always; all others send as themselves: their name at one of the domains here, or at this "
            "machine's name.",
            left_out="root alone chooses the sender",
        ),
    ] = ()
    pickup: Annotated[
        Path | None,
        About(
            takes='a directory: "/var/spool/mailsponge/pickup"',
            why="Where mailsponge-sendmail leaves mail while the server is down; it is collected when it is up again. "
            "It is made if it is not there, so that every user of this machine can put something in and nobody but "
            "the server can look (mode 1733). Programs find it by themselves at /var/spool/mailsponge/pickup.",
            left_out="pickup in the data directory, where only the server's own user gets",
        ),
    ] = None


class Lmtp(Struct, frozen=True, kw_only=True):
    """Mail that another mail server hands over (LMTP, RFC 2033): accepted for those who live here."""

    listen: Annotated[
        tuple[Place, ...],
        About(
            takes='a list of addresses and ports, or paths: ["127.0.0.1:2424", "unix:/run/mailsponge/lmtp"]',
            why="Where a mail server in front of this one, such as Postfix, delivers to. It is told of each recipient "
            "what became of the mail, so that it need not keep a queue for those who were served.",
            left_out="LMTP is not spoken",
        ),
    ] = ()


class Tls(Struct, frozen=True, kw_only=True):
    """The certificate that this server shows. TLS 1.2 and 1.3 are spoken."""

    certificate: Annotated[
        Path | None,
        About(
            takes='a PEM file: "/etc/letsencrypt/live/mail.example.org/fullchain.pem"',
            why="The certificate and those it hangs on, in that order. A renewed one is noticed within a minute, "
            "when a client connects, and at SIGHUP; one that cannot be used is logged, and the old one stays.",
            left_out="there is no TLS, and no submission from other machines",
        ),
    ] = None
    key: Annotated[
        Path | None,
        About(
            takes='a PEM file: "/etc/letsencrypt/live/mail.example.org/privkey.pem"',
            why="The private key that belongs to the certificate, without a passphrase. Only the server's user, or "
            "root if the server is started as root, needs to be able to read it.",
            left_out="the key is looked for in the certificate's file",
        ),
    ] = None


class Limits(Struct, frozen=True, kw_only=True):
    """What a client may use up. A limit that is never met costs nothing; without one, a single client can take all."""

    message_size: Annotated[
        Size,
        About(
            takes='a size: "50 MB"',
            why="Announced to clients (SIZE, RFC 1870), so that a larger message is refused before it is sent. "
            "50 MB is what large mail providers take, attachments and all.",
            left_out="messages up to 50 MB are taken",
        ),
    ] = Size.parse("50 MB")
    header_size: Annotated[
        Size,
        About(
            takes='a size: "100 kB"',
            why="The header section of a message, which everyone who reads the mail has to take apart. The longest "
            "that honest programs write are a tenth of that.",
            left_out="a message with more than 100 kB of headers is refused (552 5.3.4)",
        ),
    ] = Size.parse("100 kB")
    recipients: Annotated[
        int,
        Meta(ge=100),
        About(
            takes="a whole number, 100 or more: 1000",
            why="Recipients in one transaction. RFC 5321 (4.5.3.1.8) asks for at least 100; further ones are told to "
            "come in another transaction (452 4.5.3), which every mail server does by itself.",
            left_out="1000 recipients are taken in one transaction",
        ),
    ] = 1000
    command_deadline: Annotated[
        Duration,
        About(
            takes='a time: "5 min"',
            why="How long the server waits for a whole command, for the next piece of a message, and for a client to "
            "read its replies. RFC 5321 (4.5.3.2.7) asks for at least 5 minutes; less frees connections sooner.",
            left_out="a client that says nothing for 5 minutes is told so (421 4.4.2) and its connection is closed",
        ),
    ] = Duration.parse("5 min")
    command_deadline_under_load: Annotated[
        Duration,
        About(
            takes='a time: "10 s"',
            why="What command_deadline becomes while more than 80 % of the connections are in use, so that those who "
            "say nothing make room for those who do. Ten seconds are ample for a mail server; Postfix does the same.",
            left_out="under load, a client that says nothing for 10 seconds is told so (421 4.4.2) and left",
        ),
    ] = Duration.parse("10 s")
    message_deadline: Annotated[
        Duration,
        About(
            takes='a time: "1 hour"',
            why="How long one message may take from DATA to its end, however steadily it drips. An hour is enough "
            "for 50 MB at 14 kB a second.",
            left_out="a message that has not ended after an hour is dropped (421 4.4.2)",
        ),
    ] = Duration.parse("1 hour")
    least_data_rate: Annotated[
        Size,
        About(
            takes='a size, which has to come each second: "1 kB"',
            why="How slowly a message may come, on average over as long as a command may take (5 minutes, less under "
            "load). 1 kB a second is a modem of 1990; whoever is slower holds a connection open to keep others out.",
            left_out="a message that comes more slowly than 1 kB a second is dropped (421 4.4.2)",
        ),
    ] = Size.parse("1 kB")
    memory: Annotated[
        Size,
        About(
            takes='a size: "100 MB"',
            why="What messages on their way to the disk may take up in memory, of all clients together. Above it no "
            "message begins, and those under way wait until the disk has caught up. What the program itself needs, "
            "and up to 256 kB for each connection, comes on top.",
            left_out="with more than 100 MB in memory, clients are told to come again in a minute (452 4.3.1)",
        ),
    ] = Size.parse("100 MB")
    least_free: Annotated[
        Size,
        About(
            takes='a size: "100 MB"',
            why="What stays free on the disk that holds the mail. A disk that is full to the last byte stops more "
            "than mail, and cannot even be tidied; so the server stops before.",
            left_out="with less than 100 MB free, clients are told to come again later (452 4.3.1)",
        ),
    ] = Size.parse("100 MB")
    connections: Annotated[
        int,
        Meta(ge=1),
        About(
            takes="a whole number, 1 or more: 1000",
            why="Connections open at the same time, from everywhere. Each costs a file descriptor and a few kB of "
            "memory.",
            left_out="the 1001st connection is told to come again later (421 4.3.2)",
        ),
    ] = 1000
    connections_per_address: Annotated[
        int,
        Meta(ge=1),
        About(
            takes="a whole number, 1 or more: 50",
            why="Connections open at the same time from one address (for IPv6, from one /64 network), so that one "
            "machine cannot keep all others out.",
            left_out="the 51st connection from one address is told to come again later (421 4.7.0)",
        ),
    ] = 50
    login_failures: Annotated[
        int,
        Meta(ge=1),
        About(
            takes="a whole number, 1 or more: 20",
            why="Wrong names and passwords from one address (for IPv6, from one /64 network) within an hour. A quarter "
            "of them is free, then each try has to wait, 15 seconds at last, and beyond all of them tries are refused "
            "until enough is forgotten. It goes by the address, so that nobody can lock somebody else out.",
            left_out="after 20 failures an address can try again every three minutes (454 4.7.0)",
        ),
    ] = 20
    errors: Annotated[
        int,
        Meta(ge=1),
        About(
            takes="a whole number, 1 or more: 20",
            why="Commands that are refused or not understood in one session. A client that goes on after twenty is "
            "guessing names or speaks another protocol.",
            left_out="the session ends (421 4.7.0) after 20 errors",
        ),
    ] = 20
    command_line: Annotated[
        int,
        Meta(ge=512),
        About(
            takes="a whole number of bytes, 512 or more: 2048",
            why="The longest command line, its end included. RFC 5321 (4.5.3.1.4) asks for 512; extensions add to it.",
            left_out="a line over 2048 bytes is refused (500 5.5.2) and never kept in memory",
        ),
    ] = 2048


class Metrics(Struct, frozen=True, kw_only=True):
    """Figures for Prometheus."""

    listen: Annotated[
        tuple[Endpoint, ...],
        About(
            takes='a list of addresses and ports: ["127.0.0.1:9925"]',
            why="Where Prometheus asks for /metrics: what was taken and refused, and why, how many are connected, how "
            "long the disk takes. Nothing in it names a person or a mail, but whoever reaches the port may read it.",
            left_out="there are no metrics, and no port for them",
        ),
    ] = ()


class Web(Struct, frozen=True, kw_only=True):
    """The pages: mail, jobs and the queue, in a browser."""

    listen: Annotated[
        tuple[Endpoint, ...],
        About(
            takes='a list of addresses and ports: ["127.0.0.1:8025", "[::1]:8025"]; [] for no web pages',
            why="Where a browser reaches them. Anywhere but on this machine (127.0.0.1, [::1]) they are spoken with "
            "TLS, which needs [tls]: passwords and mail would else cross the network for all to read.",
            left_out="they are at http://127.0.0.1:8025/, for this machine alone, unless another program has that port",
        ),
    ] = DEFAULT_WEB
    hosts: Annotated[
        tuple[str, ...],
        About(
            takes='a list of names: ["mail.example.org"]',
            why="What else the server may be called in a browser's address line, without the port: what a proxy in "
            "front of it is called, or its address in the network. Any other name is refused (421), for a page of a "
            "stranger could lead its own name here (DNS rebinding).",
            left_out="localhost, 127.0.0.1, [::1], the hostname, and the addresses that are listened on",
        ),
    ] = ()
    admins: Annotated[
        tuple[str, ...],
        About(
            takes='a list of users of this file: ["me"]',
            why="Who sees the jobs and the queue beside their own mail, and may put the queue right.",
            left_out="the first user",
        ),
    ] = ()


class Domain(Struct, frozen=True, kw_only=True):
    """A domain whose mail is taken here. An empty table is enough to name it."""

    catch_all: Annotated[
        str | None,
        About(
            takes='the name of a user or an alias: "me"',
            why="Who gets what is sent to a name of this domain that nobody has. Handy for a domain of one's own; it "
            "gets what spammers guess, too.",
            left_out="mail for a name that nobody has is refused (550 5.1.1)",
        ),
    ] = None
    system_users: Annotated[
        bool,
        About(
            takes="true or false",
            why="Everyone in /etc/passwd who could log in (with a shell, and a uid that login.defs gives to people) is "
            "a recipient at this domain, without a word here. Those who come and go are noticed within a minute.",
            left_out="only users and aliases of this file are",
        ),
    ] = False
    deliver: Annotated[
        Deliver,
        About(
            takes='what users.NAME.deliver takes, {user} standing for the name: "maildir:/home/{user}/Maildir"',
            why="How mail is delivered for system users. By default it is where mail, mutt and biff look. As only root "
            'may write for many, the server has to be started as root (it does not stay root), except for "mailbox".',
            left_out="/var/mail/{user} gets it, locked as Debian's programs lock it",
        ),
    ] = Deliver.parse("mbox:/var/mail/{user}")


class User(Struct, frozen=True, kw_only=True):
    """Someone who lives here and has a mailbox of that name."""

    password: Annotated[
        Verifiers | None,
        About(
            takes='what `mailsponge password` prints: ["$argon2id$…", "SCRAM-SHA-256$…"], or one of the two',
            why="What the user's password is known by when they log in to send mail; the password itself is nowhere. "
            "SCRAM, with which it is not even sent, is offered when all who have a password have a verifier for it.",
            left_out="the user gets mail and cannot log in",
            secret=True,
        ),
    ] = None

    deliver: Annotated[
        Deliver,
        About(
            takes='"mailbox" · "maildir:~/Maildir" · "mbox:/var/mail/me" · "lmtp:unix:/run/dovecot/lmtp" or '
            '"lmtp:127.0.0.1:24" · "pipe:/usr/bin/procmail -d me" · "forward:me@example.net"',
            why="Where the user's mail goes. The post office's own mailbox is read with `mailsponge mail`. ~ is the "
            "home directory of the user of this machine who has that name; files are written and programs started as "
            "that user, for which the server has to be started as root, or be that user. A program gets the message on "
            "standard input, without a shell. To forward to several, or to keep a copy, too, make an alias: "
            'me = ["me", "me@example.net"].',
            left_out="the post office keeps the mail in the user's mailbox",
        ),
    ] = IN_A_MAILBOX


class Relay(Struct, frozen=True, kw_only=True):
    """Mail that goes elsewhere."""

    smarthost: Annotated[
        Hop | None,
        About(
            takes='a URL: "smtp://user@smtp.example.net:587", with ?starttls=require, try or never; '
            '"smtps://user@smtp.example.net"',
            why="A server that takes all mail for elsewhere and sends it on. Home and cloud networks often let nobody "
            "else through, and receivers trust it more than an unknown address. With a user STARTTLS is required, and "
            "the certificate has to prove the host's name, unless the URL says otherwise.",
            left_out="mail goes straight to the mail exchangers (MX) that DNS names for its domain",
        ),
    ] = None
    password_file: Annotated[
        Path | None,
        About(
            takes='a file with one line: "/etc/mailsponge/smarthost-password"',
            why="The password for the smarthost's user. It stands in a file of its own, which the user that the server "
            "runs as can read and nobody else, so that this one can be shown around.",
            left_out="$MAILSPONGE_RELAY_PASSWORD, if there is one",
        ),
    ] = None
    resolver: Annotated[
        tuple[Resolver, ...],
        About(
            takes='a list of IP addresses, with a port if it is not 53: ["127.0.0.1", "[::1]:5353"]',
            why="DNS servers that are asked where mail for a domain goes. One on this machine that validates DNSSEC is "
            "quickest and safest.",
            left_out="those of /etc/resolv.conf",
        ),
    ] = ()


class Queue(Struct, frozen=True, kw_only=True):
    """Mail that waits to go on."""

    first_retry: Annotated[
        Duration,
        About(
            takes='a time: "5 min"',
            why="How long after the first failed attempt the second one is made. The time doubles with each further "
            "one. Greylisting servers want some minutes to pass.",
            left_out="it is tried again after 5 minutes",
        ),
    ] = Duration.parse("5 min")
    longest_retry: Annotated[
        Duration,
        About(
            takes='a time: "4 hours"',
            why="What that time grows to at most.",
            left_out="from the seventh attempt on, it is tried every 4 hours",
        ),
    ] = Duration.parse("4 hours")
    lifetime: Annotated[
        Duration,
        About(
            takes='a time: "5 days"',
            why="How long a message is tried until its sender is told that it could not be delivered. RFC 5321 "
            "(4.5.4.1) asks for 4 to 5 days: servers are down over a weekend.",
            left_out="after 5 days the sender gets it back",
        ),
    ] = Duration.parse("5 days")
    warn_after: Annotated[
        Duration,
        About(
            takes='a time: "4 hours"',
            why="When the sender is told, once, that a message still waits; it stays in the queue. Longer than "
            "lifetime: nobody is told.",
            left_out="the sender hears of it after 4 hours",
        ),
    ] = Duration.parse("4 hours")
    per_hop: Annotated[
        int,
        Meta(ge=1),
        About(
            takes="a whole number, 1 or more: 20",
            why="Messages on their way to one destination at the same time. It begins with 5, grows while all goes "
            "well, and shrinks when the destination is in trouble; many destinations refuse more than 20 connections.",
            left_out="20 at most",
        ),
    ] = 20
    at_once: Annotated[
        int,
        Meta(ge=1),
        About(
            takes="a whole number, 1 or more: 200",
            why="Messages on their way to all destinations together. Each costs a connection and some memory.",
            left_out="200 at most",
        ),
    ] = 200
    keep_traces: Annotated[
        Duration,
        About(
            takes='a time: "30 days"',
            why="How long `mailsponge trace` can tell what became of a message that has left the queue. Its text is "
            "removed soon.",
            left_out="for 30 days",
        ),
    ] = Duration.parse("30 days")


class Config(Struct, frozen=True, kw_only=True):
    """The whole configuration, complete: what was left out has its default."""

    hostname: Annotated[
        str,
        About(
            takes='a host name: "mail.example.org"',
            why="The name in the greeting and in the Received header of every message. Other servers expect one that "
            "DNS knows. It is never looked up here. Reports come from there, so mail to it is taken as mail to the "
            "first of the domains.",
            left_out="the machine's own name",
        ),
    ]
    data: Annotated[
        DataPlace,
        About(
            takes='a directory, "/var/lib/mailsponge", or a database, "postgresql://mail@db.example.org/mail"',
            why="Where mail is kept. A directory has it in one SQLite database, and is made if it is not there, for "
            "its owner alone. A PostgreSQL database is shared by any number of servers, which have one queue and the "
            "same mailboxes. Its password rather stands in PGPASSWORD or ~/.pgpass than here.",
            left_out="$MAILSPONGE_DATA, else mailsponge in the XDG data directory (~/.local/share/mailsponge)",
        ),
    ]
    user: Annotated[
        str,
        About(
            takes='a user of this machine: "mailsponge"',
            why="Started as root, the server leaves root's rights to a small parent that opens ports and keys, and "
            "runs as this user. Whoever finds a hole in a server then has that user's rights, not root's. \"root\" "
            "keeps root's rights on purpose.",
            left_out="the user mailsponge, if root starts it and it listens on a port below 1024 or on the network; "
            "else whoever starts it",
        ),
    ] = ""
    smtp: Annotated[Smtp, Section("How mail comes in over SMTP.", "see its settings")] = Smtp()
    submission: Annotated[
        Submission,
        Section(
            "Mail from people and programs that log in (RFC 6409). Nothing is taken before they have.",
            "there is no submission",
        ),
    ] = Submission()
    local: Annotated[
        Local,
        Section(
            "Mail from programs on this machine, through a Unix socket. The kernel says which user each one runs as: "
            "nobody needs a password, and nobody can claim to be another.",
            "there is no Unix socket",
        ),
    ] = Local()
    lmtp: Annotated[
        Lmtp,
        Section(
            "Mail that another mail server hands over (LMTP, RFC 2033), for those who live here and nobody else.",
            "LMTP is not spoken",
        ),
    ] = Lmtp()
    tls: Annotated[
        Tls,
        Section(
            "The certificate that this server shows, for STARTTLS and TLS from the first byte. TLS 1.2 and 1.3 are "
            "spoken.",
            "there is no TLS",
        ),
    ] = Tls()
    limits: Annotated[
        Limits, Section("What one client, or all of them, may use up.", "every limit has its default")
    ] = Limits()
    metrics: Annotated[Metrics, Section("Figures for Prometheus.", "there are none")] = Metrics()
    web: Annotated[
        Web, Section("Mail, jobs and the queue in a browser.", "they are at http://127.0.0.1:8025/")
    ] = Web()

    domains: Annotated[
        dict[str, Domain],
        Section(
            'The domains whose mail is taken here, each a table, be it empty: [domains."example.org"]. Mail for any '
            "other domain is refused (550 5.7.1), unless who sends it has logged in, or is a program on this machine.",
            "the host name, localhost, [127.0.0.1] and [IPv6:::1]",
        ),
    ]
    users: Annotated[
        dict[str, User],
        Section(
            "Those who live here, each in every domain, each with a mailbox: [users.me]. Upper and lower case are "
            "the same, and what follows a plus does not count: me+news@example.org is for me. The first one named "
            "gets what is for postmaster, root and abuse, unless an alias says otherwise.",
            "one user: who started the program",
        ),
    ]
    aliases: Annotated[
        dict[str, Targets],
        Section(
            'Other names, and where they lead: root = "me", team = ["me", "you@example.net"]. An alias may lead to an '
            "alias, and to addresses elsewhere; a circle stops the start. `mailsponge aliases import` makes this table "
            "out of /etc/aliases.",
            "postmaster, root and abuse lead to the first user; there are no others",
            takes='a name or a list of names and addresses: "me", or ["me", "you@example.net"]',
        ),
    ] = {}
    relay: Annotated[
        Relay,
        Section(
            "Mail for elsewhere. Who has logged in, and who comes through the Unix socket, may send to any domain; "
            "strangers reach those who live here, and where these have their mail forwarded.",
            "mail for other domains goes straight to their mail exchangers",
        ),
    ] = Relay()
    routes: Annotated[
        dict[str, Hop],
        Section(
            'Domains whose mail goes a way of its own: "lan.example" = "smtp://10.0.0.2:25". It does not make the '
            "domain one of ours: strangers still cannot send there.",
            "all mail for elsewhere goes the way that [relay] says",
            takes='a URL: "smtp://10.0.0.2:25", "smtps://mx.example.net", "lmtp://127.0.0.1:24", '
            '"lmtp:unix:/run/dovecot/lmtp"',
        ),
    ] = {}
    queue: Annotated[
        Queue,
        Section("Mail that waits to go on: when it is tried again, and when given up.", "see its settings"),
    ] = Queue()
