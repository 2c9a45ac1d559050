"""When what waits is tried again: pure."""
