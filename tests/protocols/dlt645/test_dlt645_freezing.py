"""Freezes by command: what is sent for each pattern, who answers it, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pump import converse

from protocols.dlt645.client import Dlt645Client, Dlt645Settings
from protocols.dlt645.exchange import FREEZE, READ
from protocols.dlt645.frame import BROADCAST, FrameReader, encode_frame
from protocols.dlt645.freezing import FreezeWanted, freeze
from protocols.errors import LocalProtocolError, MeterRefused

ME = "000012345678"
FROZEN = bytes.fromhex("0013 28 11 26".replace(" ", ""))  # minute, hour, day, month, year
LAST = bytes.fromhex("01000105")


def client(**settings: Any) -> Dlt645Client:
    return Dlt645Client(Dlt645Settings(address=ME, utc_offset_min=420, **settings))


def told(
    wanted: FreezeWanted, *, refuses: bool = False, keeps: bool = True
) -> tuple[Any, list[Any]]:
    """Return what came of a freeze, and address, control and data of each frame that was sent."""
    sent: list[Any] = []

    def wire(data: bytes) -> bytes:
        (frame,) = FrameReader().feed(data)
        sent.append((frame.address, frame.control, frame.data.hex()))
        if frame.control == READ:
            no = encode_frame(ME, READ | 0xC0, b"\x02")
            return encode_frame(ME, READ | 0x80, LAST + FROZEN) if keeps else no
        if frame.address == BROADCAST:
            return b""
        return encode_frame(ME, FREEZE | (0xC0 if refuses else 0x80), b"\x04" if refuses else b"")

    return converse(freeze(client(), wanted), wire), sent


@pytest.mark.parametrize(
    ("wanted", "data"),
    [
        (FreezeWanted(), "99999999"),
        (FreezeWanted(minute=5, hour=7, day=3), "99999999"),
        (FreezeWanted(how="hourly", minute=30), "30999999"),
        (FreezeWanted(how="daily", hour=23, minute=45), "45239999"),
        (FreezeWanted(how="monthly", day=28, hour=1), "00012899"),
        (FreezeWanted(how="monthly"), "00000199"),
    ],
)
def test_what_is_sent(wanted: FreezeWanted, data: str) -> None:
    _, sent = told(wanted)
    assert sent[0] == (ME, FREEZE, data)
    # Only what was to be kept now can be looked for already.
    assert len(sent) == (2 if wanted.how == "now" else 1)


def test_the_meter_tells_when_it_kept_its_values() -> None:
    when, sent = told(FreezeWanted())
    assert when == datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
    assert sent[1] == (ME, READ, LAST.hex())
    when, _ = told(FreezeWanted(), keeps=False)
    assert when is None


def test_a_meter_that_says_nothing_of_it_has_kept_them_all_the_same() -> None:
    def wire(data: bytes) -> bytes:
        (frame,) = FrameReader().feed(data)
        return b"" if frame.control == READ else encode_frame(ME, FREEZE | 0x80)

    assert converse(freeze(client(), FreezeWanted()), wire) is None


def test_all_meters_on_the_line_are_told_at_once() -> None:
    when, sent = told(FreezeWanted(everybody=True))
    assert sent[0] == (BROADCAST, FREEZE, "99999999")
    assert when is not None
    _, sent = told(FreezeWanted(how="daily", hour=1, everybody=True))
    assert sent == [(BROADCAST, FREEZE, "00019999")]


def test_a_refusal_is_told() -> None:
    with pytest.raises(MeterRefused, match="keep its values"):
        told(FreezeWanted(), refuses=True)


def test_the_standard_of_1997_has_no_such_command() -> None:
    def wire(_: bytes) -> bytes:
        raise AssertionError("something was sent")

    with pytest.raises(LocalProtocolError, match="1997"):
        converse(freeze(client(old=True), FreezeWanted()), wire)


@pytest.mark.parametrize(
    "parts", [{"day": 0}, {"day": 29}, {"hour": 24}, {"minute": 60}, {"minute": -1}]
)
def test_what_is_no_time(parts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="of a freeze is"):
        FreezeWanted(how="monthly", **parts)
