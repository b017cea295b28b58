"""Link management of DL/T 698.45: login, heartbeat, logout, and the answer with three times."""

from datetime import datetime
from typing import Final

import msgspec

from protocols.dlt698.frame import FROM_TERMINAL, FUNCTION_LINK, PRIMARY, Frame
from protocols.errors import RemoteProtocolError

REQUEST: Final = 0x01
RESPONSE: Final = 0x81
LOGIN: Final = 0
HEARTBEAT: Final = 1
LOGOUT: Final = 2
CLOCK_TRUSTED: Final = 0x80
OK: Final = 0
DUPLICATE_ADDRESS: Final = 1
ILLEGAL_DEVICE: Final = 2
FULL: Final = 3
TIME_SIZE: Final = 10
REQUEST_SIZE: Final = 5 + TIME_SIZE
RESPONSE_SIZE: Final = 3 + 3 * TIME_SIZE


class LinkRequest(msgspec.Struct, frozen=True):
    """What a terminal sends; ``raw_time`` is its local time as on the wire."""

    piid: int
    kind: int
    """0 login, 1 heartbeat, 2 logout."""
    heartbeat_s: int
    raw_time: bytes


class LinkResponse(msgspec.Struct, frozen=True):
    """The answer; its times let the terminal measure the way as NTP does."""

    piid: int
    result: int
    """0 ok, 1 duplicate address, 2 illegal device, 3 no room."""
    clock_trusted: bool
    requested: bytes
    received: bytes
    sent: bytes


def encode_time(at: datetime) -> bytes:
    """Return date_time: year, month, day, weekday (0 Sunday), h, m, s, ms."""
    weekday = at.isoweekday() % 7
    parts = bytes((at.month, at.day, weekday, at.hour, at.minute, at.second))
    return at.year.to_bytes(2) + parts + (at.microsecond // 1000).to_bytes(2)


def decode_time(raw: bytes) -> datetime | None:
    """Return the local time, without a zone; None when it is no time."""
    if len(raw) != TIME_SIZE:
        return None
    year, ms = int.from_bytes(raw[:2]), int.from_bytes(raw[8:])
    try:
        # The zone is not in the frame: the terminal means its own.
        return datetime(  # noqa: DTZ001
            year, raw[2], raw[3], raw[5], raw[6], raw[7], ms * 1000
        )
    except ValueError:
        return None


def decode_request(apdu: bytes) -> LinkRequest:
    """Return a LINK-Request.

    Raises:
        RemoteProtocolError: it is none.

    """
    if len(apdu) < REQUEST_SIZE or apdu[0] != REQUEST or apdu[2] > LOGOUT:
        raise RemoteProtocolError("link", f"{apdu[:24].hex()} is no LINK-Request")
    return LinkRequest(apdu[1], apdu[2], int.from_bytes(apdu[3:5]), apdu[5:REQUEST_SIZE])


def encode_request(request: LinkRequest) -> bytes:
    """Return the bytes of a LINK-Request."""
    head = bytes((REQUEST, request.piid, request.kind)) + request.heartbeat_s.to_bytes(2)
    return head + request.raw_time


def decode_response(apdu: bytes) -> LinkResponse:
    """Return a LINK-Response.

    Raises:
        RemoteProtocolError: it is none.

    """
    if len(apdu) < RESPONSE_SIZE or apdu[0] != RESPONSE:
        raise RemoteProtocolError("link", f"{apdu[:48].hex()} is no LINK-Response")
    times = [apdu[at : at + TIME_SIZE] for at in (3, 13, 23)]
    return LinkResponse(apdu[1], apdu[2] & 0x07, bool(apdu[2] & CLOCK_TRUSTED), *times)


def encode_response(response: LinkResponse) -> bytes:
    """Return the bytes of a LINK-Response."""
    result = response.result | (CLOCK_TRUSTED if response.clock_trusted else 0)
    head = bytes((RESPONSE, response.piid, result))
    return head + response.requested + response.received + response.sent


def answer(frame: Frame, received_at: datetime | None) -> Frame:
    """Return the answer to a link request; without a clock it says that it has none.

    The client address of the request comes back, as the standard has it for every answer.

    Raises:
        RemoteProtocolError: ``frame`` is no link request.

    """
    request = decode_request(frame.apdu)
    # Between arrival and answer of a sans-io link there is no time.
    ours = request.raw_time if received_at is None else encode_time(received_at)
    trusted = received_at is not None
    response = LinkResponse(request.piid, OK, trusted, request.raw_time, ours, ours)
    return Frame(
        control=FUNCTION_LINK,
        address=frame.address,
        apdu=encode_response(response),
        client=frame.client,
        address_flags=frame.address_flags,
    )


def link_frame(address: str, request: LinkRequest) -> Frame:
    """Return the frame in which a terminal sends ``request``."""
    return Frame(FROM_TERMINAL | FUNCTION_LINK, address, encode_request(request))


def is_request(frame: Frame) -> bool:
    """Return whether a terminal wants its link managed."""
    return frame.from_terminal and not frame.control & PRIMARY and frame.apdu[:1] == b"\x01"
