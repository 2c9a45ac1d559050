"""Couriers: one file a way of delivering, behind one small protocol (`protocol.py`)."""
