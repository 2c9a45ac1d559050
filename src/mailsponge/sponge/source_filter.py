"""A filter that writes on each record what only the thread that logs it knows, for a handler in another thread."""

from __future__ import annotations

import logging

from mailsponge.sponge.run import UNITS, units
from mailsponge.sponge.source import current


class SourceFilter(logging.Filter):
    """Stamps each record with the source that it is logged in, so that a QueueHandler takes it along.

    Put it on the QueueHandler, or on a logger before it: ``queue_handler.addFilter(SourceFilter())``. A record that
    names a source itself keeps that. The unit of ``with handler.run():`` is taken along, too: if the record arrives
    before the unit is left, it belongs to it; if later, to the process's own run.

    Args:
        name: only records of this logger and those below it pass, as with ``logging.Filter``; empty: all do.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Stamp the record; whether it passes."""
        if not super().filter(record):
            return False
        fields = record.__dict__
        if fields.get("source") is None:
            fields["source"] = current.get()
        if (names := units.get()) and UNITS not in fields:
            # A text: it goes through any queue, and through a formatter that writes every field as JSON.
            fields[UNITS] = " ".join(names)
        return True
