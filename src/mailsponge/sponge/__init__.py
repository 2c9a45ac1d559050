"""Flow A: log records become one mail when it matters. Standard library alone."""
