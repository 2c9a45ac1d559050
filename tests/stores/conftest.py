"""The fixtures that several suites of ledgers share."""

from __future__ import annotations

from ledger_fixtures import _shared_database, ledger, shared_ledger

__all__ = ["_shared_database", "ledger", "shared_ledger"]
