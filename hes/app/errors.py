"""Why a node cannot start."""


class StartError(Exception):
    """The node cannot start; the message says in a sentence what to mend."""
