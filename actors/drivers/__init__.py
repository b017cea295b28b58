"""How each meter protocol is driven: one module a protocol, found by its ``DRIVER``."""
