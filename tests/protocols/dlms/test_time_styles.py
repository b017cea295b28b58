"""How meters write their local time, and that they are written to in the same way."""

from datetime import UTC, datetime

import pytest

from protocols.dlms.cosem_time import decode_time, encode_time
from protocols.dlms.reader import TimeRules

NOON = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)
"""Noon in Vietnam."""
LOCAL = bytes.fromhex("07ea0601010c000000")
MINUS, PLUS, UNSET, ZERO = (bytes.fromhex(x) for x in ("fe5c00", "01a400", "800000", "000000"))


@pytest.mark.parametrize("written", [MINUS, PLUS, UNSET])
def test_noon_is_noon_whichever_sign_the_maker_uses(written: bytes) -> None:
    assert decode_time(LOCAL + written, utc_offset_min=420) == NOON


def test_a_deviation_of_elsewhere_is_taken_as_written() -> None:
    assert decode_time(LOCAL + bytes.fromhex("00f000"), utc_offset_min=420) == NOON.replace(hour=16)
    assert decode_time(LOCAL + PLUS, utc_offset_min=0) == NOON.replace(hour=19)


@pytest.mark.parametrize(
    ("clock", "sent"),
    [
        (LOCAL + MINUS, LOCAL + MINUS),
        (LOCAL + PLUS, LOCAL + PLUS),
        (LOCAL + UNSET, LOCAL + UNSET),
        (LOCAL[:5] + b"\x05" + LOCAL[6:] + ZERO, LOCAL[:5] + b"\x05" + LOCAL[6:] + ZERO),
    ],
    ids=["as the standard has it", "the other sign", "without", "a clock in UTC"],
)
def test_a_meter_is_asked_as_its_own_clock_writes(clock: bytes, sent: bytes) -> None:
    rules = TimeRules(utc_offset_min=420).as_written(clock)
    assert rules.decode(clock) == NOON
    assert rules.encode(NOON) == sent
    assert rules.as_written(clock) == rules, "seeing it again changes nothing"


def test_the_other_way_differs_in_the_deviation_only() -> None:
    rules = TimeRules(utc_offset_min=420)
    assert rules.encode(NOON) == LOCAL + MINUS
    assert rules.other_way().encode(NOON) == LOCAL + UNSET
    assert rules.other_way().other_way() == rules


def test_the_sign_is_for_those_who_read_it_so() -> None:
    octets = encode_time(NOON, utc_offset_min=420, positive_east=True)
    assert octets == LOCAL + PLUS
    assert decode_time(octets, positive_east=True) == NOON
