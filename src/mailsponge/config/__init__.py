"""The configuration: TOML becomes frozen structs, and every setting carries its reason.

units.py knows sizes, times and listening addresses as people write them, hops.py where mail is handed on to;
settings.py has every setting with its default and its reason; machine.py asks the machine for its name, its user and
where data goes; read.py makes a Config of a file, or an error that says where (lines.py) and what instead; checks.py
knows what goes together; inforce.py says where each value comes from; reference.py makes a page of documentation.
"""

from __future__ import annotations

from mailsponge.config.checks import check
from mailsponge.config.machine import Machine
from mailsponge.config.read import Loaded, load, parse
from mailsponge.config.settings import (
    Config,
    Domain,
    Limits,
    Lmtp,
    Local,
    Metrics,
    Queue,
    Relay,
    Smtp,
    Submission,
    Tls,
    User,
    Web,
)
from mailsponge.config.units import Endpoint, Place

__all__ = [
    "Config",
    "Domain",
    "Endpoint",
    "Limits",
    "Lmtp",
    "Loaded",
    "Local",
    "Machine",
    "Metrics",
    "Place",
    "Queue",
    "Relay",
    "Smtp",
    "Submission",
    "Tls",
    "User",
    "Web",
    "check",
    "load",
    "parse",
]
