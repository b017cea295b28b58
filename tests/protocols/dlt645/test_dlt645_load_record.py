"""Load records: classes, checksums, what firmware leaves out."""

import pytest
from hypothesis import given, settings, strategies as st

from protocols.dlt645 import bcd, load_record
from protocols.dlt645.load_record import decode_records, encode_record
from protocols.errors import RemoteProtocolError

TIME = bytes.fromhex("3008011126")  # 2026-11-01 08:30
ENERGIES = b"".join(bcd.encode(number, 4) for number in (12345, 67, 890, 0))
# A0 A0, 27 bytes from the time on, five classes empty, energies; worked out by hand.
KNOWN = bytes.fromhex("a0a0 1b 3008011126 aa aa aa 45230100 67000000 90080000 00000000 aa aa aa")
KNOWN += bytes((sum(KNOWN) & 0xFF, 0xE5))


def test_the_known_record() -> None:
    assert encode_record(TIME, [b"", b"", b"", ENERGIES, b"", b""]) == KNOWN
    (record,) = decode_records(KNOWN)
    assert record.time == TIME
    assert record.values == {
        "1.0.1.8.0.255": 12345, "1.0.2.8.0.255": 67, "1.0.3.8.0.255": 890, "1.0.4.8.0.255": 0,
    }  # fmt: skip


def test_all_classes_in_their_order() -> None:
    classes = [
        bytes.fromhex("0123 0223 ffff 341280 010000 020000 9849"),
        bytes.fromhex("452381 010000 020000 030000 040000 050000 060000 070080"),
        bytes.fromhex("8789 8709 8709 8709"),
        ENERGIES,
        bytes.fromhex("01000000 02000000 03000000 04000000"),
        bytes.fromhex("452301 010000"),
    ]
    (record,) = decode_records(encode_record(TIME, classes))
    assert tuple(record.values) == load_record.CODES
    told = ["32.7.0", "52.7.0", "72.7.0", "31.7.0", "14.7.0", "1.7.0", "63.7.0", "13.7.0",
            "1.8.0", "8.8.0", "1.4.0", "3.4.0"]  # fmt: skip
    values = [record.values[f"1.0.{code}.255"] for code in told]
    assert values == [2301, 2302, None, -1234, 4998, -12345, -7, -987, 12345, 4, 12345, 1]


@pytest.mark.parametrize("length", [27, 32, 30, 29, 24, 22])
def test_firmware_counts_its_length_as_it_likes(length: int) -> None:
    body = KNOWN[:2] + bytes((length,)) + KNOWN[3:-2]
    record = body + bytes((sum(body) & 0xFF, 0xE5))
    assert [r.time for r in decode_records(record * 3)] == [TIME] * 3


def test_a_class_asked_for_alone_may_come_alone() -> None:
    body = TIME + ENERGIES + b"\xaa"
    head = b"\xa0\xa0" + bytes((len(body),)) + body
    record = head + bytes((sum(head) & 0xFF, 0xE5))
    (alone,) = decode_records(record, only=4)
    assert alone.values["1.0.1.8.0.255"] == 12345
    (whole,) = decode_records(KNOWN, only=4)
    assert whole.values == alone.values


@pytest.mark.parametrize(
    "damage",
    [KNOWN[:-1], KNOWN[:-2] + b"\x00\xe5", b"\xa0" + KNOWN, KNOWN + b"\xa0\xa0", KNOWN[:7]],
)
def test_a_damaged_record_is_refused(damage: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_records(damage)


@pytest.mark.parametrize(
    "energies", [ENERGIES[:-1], ENERGIES[:2], ENERGIES + b"\x00", b"\x0b" + ENERGIES[1:]]
)
def test_a_class_of_a_wrong_size_is_refused(energies: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_records(encode_record(TIME, [b"", b"", b"", energies, b"", b""]))


def test_a_class_that_is_cut_off_is_refused() -> None:
    body = b"\xa0\xa0\x00" + TIME + b"\xaa\xaa\xaa" + ENERGIES[:-1]
    length = len(body) - 3
    body = body[:2] + bytes((length,)) + body[3:]
    with pytest.raises(RemoteProtocolError, match="cut off"):
        decode_records(body + bytes((sum(body) & 0xFF, 0xE5)))


def test_too_many_records_are_refused() -> None:
    empty = encode_record(TIME, [b""] * 6)
    assert len(decode_records(empty * load_record.RECORDS_MAX)) == load_record.RECORDS_MAX
    with pytest.raises(RemoteProtocolError, match="more than"):
        decode_records(empty * (load_record.RECORDS_MAX + 1))


def test_seven_classes_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="six"):
        decode_records(encode_record(TIME, [b""] * 7))


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=300), st.integers(0, 6))
def test_garbage_is_a_remote_error_or_nothing(noise: bytes, only: int) -> None:
    for data in (noise, b"\xa0\xa0" + noise):
        try:
            assert decode_records(data, only=only) == [] or data
        except RemoteProtocolError:
            pass


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6))
def test_any_content_behind_a_good_checksum(classes: list[bytes]) -> None:
    try:
        decode_records(encode_record(TIME, classes))
    except RemoteProtocolError:
        pass
