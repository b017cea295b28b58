"""Supervised actors: one modem, one meter, one task each; they own state and emit events."""
