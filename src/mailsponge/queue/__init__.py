"""The queue: when what waits is tried (`schedule.py`), how much at once (`pace.py`), and the runner that does it."""
