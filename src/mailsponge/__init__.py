"""mailsponge: one mail when something keeps failing."""
