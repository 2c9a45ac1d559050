"""Opening what the post office keeps, from beside it: for every command that looks at mail or at the queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mailsponge import config as configuration
from mailsponge.config import Machine
from mailsponge.data_place import DataPlace
from mailsponge.store.opening import open_beside
from mailsponge.store.protocol import Beside


@contextmanager
def opened(data: DataPlace | None, config: Path | None) -> Iterator[Beside]:
    """What is kept where the options say, else the configuration. Raises StoreError, ConfigError."""
    where = data or configuration.load(config, Machine.here()).config.data
    with closing(open_beside(where)) as store:
        yield store
