"""mailsponge: one mail when something keeps failing.

import logging
from mailsponge import SpongeHandler, source

logging.basicConfig(level="INFO", handlers=[SpongeHandler("podcasts", "me@example.org")])
for feed in feeds:
    with source(feed.title):
        download(feed)
"""

from mailsponge.sponge.handler import SpongeHandler
from mailsponge.sponge.policy import Policy
from mailsponge.sponge.smtp_handler import SMTPHandler
from mailsponge.sponge.source import source
from mailsponge.sponge.source_filter import SourceFilter

__all__ = ["Policy", "SMTPHandler", "SourceFilter", "SpongeHandler", "source"]
