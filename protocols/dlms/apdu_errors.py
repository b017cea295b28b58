"""How a meter refuses a whole request (IEC 62056-5-3)."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from protocols.dlms.reading import Cursor

CONFIRMED_SERVICE_ERROR: Final = 0x0E
EXCEPTION_RESPONSE: Final = 0xD8
SERVICE_NOT_ALLOWED: Final = 1
SERVICE_UNKNOWN: Final = 2
INVOCATION_COUNTER_ERROR: Final = 6

_STATE: Final = {1: "service not allowed", 2: "service unknown"}
_SERVICE: Final = {
    1: "operation not possible",
    2: "service not supported",
    3: "other reason",
    4: "PDU too long",
    5: "deciphering error",
    6: "invocation counter error",
}


_CONFIRMED: Final = {1: "initiate", 2: "get status", 3: "get name list", 5: "read", 6: "write"}
_KINDS: Final[dict[int, tuple[str, tuple[str, ...]]]] = {
    0: ("application reference", (
        "other reason", "time elapsed", "application unreachable", "reference invalid",
        "context unsupported", "communication error", "deciphering error",
    )),
    1: ("hardware resource", (
        "other reason", "memory unavailable", "processor unavailable", "storage unavailable",
    )),
    2: ("device state", (
        "other reason", "no DLMS context", "loading a data set", "status: no change",
        "status: inoperable",
    )),
    3: ("service", ("other reason", "PDU too long", "service unsupported")),
    4: ("definition", (
        "other reason", "object undefined", "class inconsistent", "attribute inconsistent",
    )),
    5: ("access", (
        "other reason", "scope violated", "object access invalid", "hardware fault",
        "object unavailable",
    )),
    6: ("initiate", (
        "other reason", "DLMS version too low", "incompatible conformance", "PDU too short",
        "refused by the application",
    )),
}  # fmt: skip
"""ServiceError: kind to its name and the names of its values."""


class ExceptionResponse(msgspec.Struct, frozen=True):
    """The request was not carried out at all."""

    state_error: int
    service_error: int
    invocation_counter: int | None = None
    """The least counter that the meter would accept, when that was the reason."""

    def __str__(self) -> str:
        state = _STATE.get(self.state_error, f"state error {self.state_error}")
        service = _SERVICE.get(self.service_error, f"service error {self.service_error}")
        wanted = ""
        if self.invocation_counter is not None:
            wanted = f", next counter {self.invocation_counter}"
        return f"{state}, {service}{wanted}"


class ConfirmedServiceError(msgspec.Struct, frozen=True):
    """The request failed: service, kind of error, error."""

    service: int
    kind: int
    value: int

    def __str__(self) -> str:
        numbers = f"{self.service}/{self.kind}/{self.value}"
        service = _CONFIRMED.get(self.service, "service unknown")
        kind, values = _KINDS.get(self.kind, ("kind unknown", ()))
        value = values[self.value] if self.value < len(values) else "value unknown"
        return f"confirmed service error {numbers} ({service}: {kind}, {value})"


def _decode_exception(apdu: bytes) -> ExceptionResponse:
    cursor = Cursor(apdu, 1)
    state, service = cursor.byte(), cursor.byte()
    counter = None
    if service == INVOCATION_COUNTER_ERROR and cursor.at < len(apdu):
        counter = cursor.number(4)
    cursor.end()
    return ExceptionResponse(state, service, counter)


def _decode_service_error(apdu: bytes) -> ConfirmedServiceError:
    cursor = Cursor(apdu, 1)
    error = ConfirmedServiceError(cursor.byte(), cursor.byte(), cursor.byte())
    cursor.end()
    return error


def encode_exception(error: ExceptionResponse) -> bytes:
    """Return the bytes of an exception response."""
    head = bytes((EXCEPTION_RESPONSE, error.state_error, error.service_error))
    counter = error.invocation_counter
    return head if counter is None else head + counter.to_bytes(4)


def encode_service_error(error: ConfirmedServiceError) -> bytes:
    """Return the bytes of a confirmed service error."""
    return bytes((CONFIRMED_SERVICE_ERROR, error.service, error.kind, error.value))


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    EXCEPTION_RESPONSE: _decode_exception,
    CONFIRMED_SERVICE_ERROR: _decode_service_error,
}
