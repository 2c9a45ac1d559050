"""What the sponge remembers from run to run: the protocol, and the stores that keep to it."""

from mailsponge.sponge.ledger.protocol import Folded, Ledger, Standing

__all__ = ["Folded", "Ledger", "Standing"]
