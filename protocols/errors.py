"""Errors of the wire. Whoever catches one knows who broke the rule, and therefore what to do."""


class ProtocolError(Exception):
    """A rule of a protocol was broken. Abstract: raise one of those below.

    ``category`` is one word for a program (``truncated``, ``fcs``, ``auth-tag``, ...); the message
    is a sentence for a person.
    """

    def __init__(self, category: str, message: str) -> None:
        super().__init__(message)
        self.category = category


class RemoteProtocolError(ProtocolError):
    """The device sent something its standard forbids. Count it against the device."""


class MeterNonsense(RemoteProtocolError):
    """A whole answer whose contents make no sense: a clock without a date, a row without columns.

    What was asked for is lost; the conversation is not, and other things can be asked.
    """


class LocalProtocolError(ProtocolError):
    """We tried to send something the standard forbids. A bug of ours: do not retry."""


class MeterSilent(ProtocolError):
    """The meter did not answer within the time and the repeats that the dialogue allows."""

    def __init__(self, message: str) -> None:
        super().__init__("no-answer", message)


class MeterRefused(ProtocolError):
    """The meter answered that it will not do the whole thing: wrong password, no association.

    A refusal of one object is a result (``DataAccessResult``), not this.
    """

    def __init__(self, message: str) -> None:
        super().__init__("refused", message)


class SessionRefused(MeterRefused):
    """The meter refuses to be talked to at all: nothing more should be asked of it now."""
