"""How much is tried at once for one next hop: pure."""
