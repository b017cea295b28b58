"""The commands, one file each: a module with ``register(app)`` is found by ``hes.cli.program``."""
