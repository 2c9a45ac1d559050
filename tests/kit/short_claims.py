"""``mailsponge serve`` that is taken for dead when nobody has heard of it for five seconds, instead of five minutes.

    python short_claims.py serve --config FILE
"""

from __future__ import annotations

from mailsponge.store import protocol

protocol.CLAIM_RENEWED = 1.0

if __name__ == "__main__":
    from mailsponge.cli import main

    main()
