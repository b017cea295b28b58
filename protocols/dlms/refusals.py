"""The meter's "no" to a whole request, as an error."""

from typing import Any

from protocols.dlms.apdu_errors import ConfirmedServiceError, ExceptionResponse
from protocols.errors import MeterRefused, RemoteProtocolError, SessionRefused


class CounterTooLow(SessionRefused):
    """The meter wants a higher invocation counter: jump to ``wanted`` and associate again."""

    def __init__(self, wanted: int) -> None:
        super().__init__(f"the meter wants invocation counter {wanted} or higher")
        self.wanted = wanted


def refusal(answer: Any) -> MeterRefused | RemoteProtocolError:
    """Return the error for an answer that is not one to the question."""
    if isinstance(answer, ExceptionResponse):
        if answer.invocation_counter is not None:
            return CounterTooLow(answer.invocation_counter)
        return MeterRefused(f"the meter refused the request: {answer}")
    if isinstance(answer, ConfirmedServiceError):
        return MeterRefused(f"the meter refused the request: {answer}")
    return RemoteProtocolError("answer", f"a {type(answer).__name__} is no answer to this request")
