"""What a run needs when it ends, in one place, so that it can be loaded by itself."""

from mailsponge.sponge.fold import failed_sources
from mailsponge.sponge.squeeze import Squeezer
from mailsponge.sponge.transport import to

__all__ = ["Squeezer", "failed_sources", "to"]
