"""Flow A: log records become one mail when it matters. Standard library alone.

handler → journal → (the run ends) → squeeze: fold into the ledger → policy.decide → digest → outbox → transport
"""
