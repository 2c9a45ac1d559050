"""mailsponge: one mail when something keeps failing.

import logging
from mailsponge import SpongeHandler, source

logging.basicConfig(level="INFO", handlers=[SpongeHandler("podcasts", "me@example.org")])
for feed in feeds:
    with source(feed.title):
        download(feed)
"""

TYPE_CHECKING = False  # as typing has it, which takes longer to load than all the rest of this file
if TYPE_CHECKING:
    from mailsponge.sponge.handler import SpongeHandler
    from mailsponge.sponge.policy import Policy
    from mailsponge.sponge.smtp_handler import SMTPHandler
    from mailsponge.sponge.source import source
    from mailsponge.sponge.source_filter import SourceFilter
del TYPE_CHECKING

__all__ = ["Policy", "SMTPHandler", "SourceFilter", "SpongeHandler", "source"]

_WHERE = {
    "Policy": "mailsponge.sponge.policy",
    "SMTPHandler": "mailsponge.sponge.smtp_handler",
    "SourceFilter": "mailsponge.sponge.source_filter",
    "SpongeHandler": "mailsponge.sponge.handler",
    "source": "mailsponge.sponge.source",
}


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for (PEP 562): the ``sendmail`` command is in this package too, wants
    none of it, and has to start at once.
    """
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(_WHERE[name], fromlist=[name]), name)
    globals()[name] = found  # from now on it is a name like any other
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
