"""Date-time of COSEM: known octets, there and back, what is not specified, what is no date."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from dlms_messages import check_category
from hypothesis import given, strategies as st

from protocols.dlms.cosem_time import (
    decode_time,
    decode_times,
    deviation_of,
    encode_time,
    has_other_sign,
    resolution_s,
)
from protocols.errors import RemoteProtocolError

FIRST = datetime(1990, 1, 1, tzinfo=UTC).replace(tzinfo=None)
LAST = FIRST.replace(year=2090)

instants = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(
    lambda t: t.replace(microsecond=t.microsecond // 10_000 * 10_000)
)
offsets = st.integers(-840, 840)


def test_known_octets() -> None:
    """13:30 in Vietnam on Tuesday, 31 March 2026 is 06:30 UTC; the deviation is -420, FE5C."""
    instant = datetime(2026, 3, 31, 6, 30, tzinfo=UTC)
    raw = bytes.fromhex("07ea031f020d1e0000fe5c00")
    assert encode_time(instant, utc_offset_min=420) == raw
    assert decode_time(raw) == instant
    local = instant.astimezone(timezone(timedelta(hours=7)))
    assert encode_time(local, utc_offset_min=420) == raw


@given(instants, offsets, offsets)
def test_there_and_back(instant: datetime, offset_min: int, other_min: int) -> None:
    raw = encode_time(instant, utc_offset_min=offset_min)
    assert decode_time(raw, utc_offset_min=other_min) == instant or -offset_min == other_min != 0
    bare = encode_time(instant, utc_offset_min=offset_min, with_deviation=False)
    assert bare[9:11] == b"\x80\x00"
    assert decode_time(bare, utc_offset_min=offset_min) == instant
    assert deviation_of(bare) is None
    east = encode_time(instant, utc_offset_min=offset_min, positive_east=True)
    assert decode_time(east, positive_east=True) == instant
    assert decode_time(east, utc_offset_min=offset_min) == instant


def test_the_other_sign_shows_by_itself() -> None:
    west = bytes.fromhex("07ea031f020d1e000001a400")
    assert has_other_sign(west, 420)
    assert not has_other_sign(west, 0)
    assert decode_time(west, utc_offset_min=420) == datetime(2026, 3, 31, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("raw", [
    "ffff031f020d1e0000fe5c00", "07eaff1f020d1e0000fe5c00", "07ea03ff020d1e0000fe5c00",
    "07ea031f02ff1e0000fe5c00", "07eafd1f020d1e0000fe5c00", "ff" * 12, "07ea03feff0d1e0000fe5c00",
    "07ea03fdff0d1e0000fe5c00",
])  # fmt: skip
def test_not_specified(raw: str) -> None:
    assert decode_time(bytes.fromhex(raw)) is None


def test_smaller_parts_may_be_missing() -> None:
    raw = bytes.fromhex("07ea031fff0dffffff8000ff")
    assert decode_time(raw) == datetime(2026, 3, 31, 13, tzinfo=UTC)


@pytest.mark.parametrize("raw", [
    "", "07ea", "00" * 12, "07ea021f020d1e0000fe5c00", "07ea031f02181e0000fe5c00",
    "07ea031f020d3c0000fe5c00", "07ea031f020d1e3c00fe5c00", "07ea031f020d1e0064fe5c00",
    "07ea031f020d1e000003e800", "0001010101000000000348" + "00", "270f0c1f02173b3b00fcb800",
    "07ea031f020d1e0000fe5c0000",
])  # fmt: skip
def test_what_is_no_date(raw: str) -> None:
    octets = bytes.fromhex(raw)
    if raw.startswith("0001"):
        octets = octets[:9] + b"\xfc\xb8\x00"
    if raw.startswith("270f"):
        octets = octets[:9] + b"\x03\x48\x00"
    with pytest.raises(RemoteProtocolError) as refused:
        decode_time(octets)
    assert refused.value.category == "date-time"


@given(st.binary(min_size=12, max_size=12), offsets, st.booleans())
def test_any_octets_are_a_time_or_a_protocol_error(raw: bytes, offset_min: int, east: bool) -> None:
    try:
        instant = decode_time(raw, utc_offset_min=offset_min, positive_east=east)
    except RemoteProtocolError as refused:
        check_category(refused, "date-time")
    else:
        assert instant is None or instant.tzinfo is UTC


@given(
    st.lists(
        st.one_of(
            st.builds(encode_time, instants, utc_offset_min=st.sampled_from([0, 420])),
            st.binary(min_size=12, max_size=12),
            st.integers(0, 65535).map(
                lambda n: bytes.fromhex("07ea031f02") + n.to_bytes(2) + bytes.fromhex("0000fe5c00")
            ),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_many_times_are_told_as_each_alone(cells: list[bytes], east: bool) -> None:
    try:
        alone = [decode_time(c, utc_offset_min=420, positive_east=east) for c in cells]
    except RemoteProtocolError:
        with pytest.raises(RemoteProtocolError):
            decode_times(cells, utc_offset_min=420, positive_east=east)
    else:
        assert decode_times(cells, utc_offset_min=420, positive_east=east) == alone


@pytest.mark.parametrize("day", ["00010101", "270f0c1f"])
def test_many_times_at_the_ends_of_the_calendar(day: str) -> None:
    cells = [bytes.fromhex(f"{day}ff{hour:02x}00000000{'00'}00") for hour in (8, 1, 23)]
    assert decode_times(cells) == [decode_time(cell) for cell in cells]
    assert None not in decode_times(cells)


def test_a_cell_of_another_size_is_no_time() -> None:
    good = bytes.fromhex("07ea031f020d1e0000fe5c00")
    for bad in (b"", good[:6], good[:11], good + b"\0"):
        with pytest.raises(RemoteProtocolError):
            decode_times([good, good, bad])


@pytest.mark.parametrize(("shown", "steps_s"), [
    ("0c1e0000", 0.0), ("0c1e0563", 0.0), ("0c1e05ff", 1.0), ("0c1effff", 60.0),
    ("0cffffff", 3600.0),
])  # fmt: skip
def test_what_is_left_out_of_a_time_makes_its_steps(shown: str, steps_s: float) -> None:
    octets = bytes.fromhex("07ea031f02" + shown + "fe5c00")
    assert resolution_s(octets) == steps_s
