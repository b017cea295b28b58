"""Frames of DL/T 645: known ones, every cut, any garbage."""

import sys
import time

import pytest
from hypothesis import given, settings, strategies as st

from protocols.dlt645.frame import (
    ANY,
    BROADCAST,
    DATA_SIZE_MAX,
    FRAME_SIZE_MAX,
    Frame,
    FrameReader,
    address_bytes,
    address_matches,
    encode_frame,
    is_wildcard,
)
from protocols.errors import LocalProtocolError

# Worked out by hand from the layout: the sum of 68 .. is 68+78+56+34+12+68+11+04+33+33+34+33 = 2C6.
READ_TOTAL = bytes.fromhex("fefefefe 68 785634120000 68 11 04 33333433 c6 16")

addresses = st.integers(0, 10**12 - 1).map(lambda number: f"{number:012d}")
frames = st.tuples(addresses, st.integers(0, 255), st.binary(max_size=DATA_SIZE_MAX))


def read_all(pieces: list[bytes]) -> list[Frame]:
    reader = FrameReader()
    found = [frame for piece in pieces for frame in reader.feed(piece)]
    assert reader.left_over < FRAME_SIZE_MAX
    found += reader.idle()
    assert reader.left_over == 0
    return found


def told(frame: Frame) -> tuple[str, int, bytes]:
    return frame.address, frame.control, frame.data


def test_the_known_request() -> None:
    data = bytes.fromhex("00000100")
    assert encode_frame("12345678", 0x11, data) == READ_TOTAL
    (frame,) = read_all([READ_TOTAL])
    assert told(frame) == ("000012345678", 0x11, data)
    assert (frame.preamble, frame.checksum, frame.from_meter) == (4, 0xC6, False)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(frames, max_size=4), st.integers(0, 9), st.data())
def test_same_frames_however_the_stream_is_cut(
    sent: list[tuple[str, int, bytes]], wake_up: int, data: st.DataObject
) -> None:
    stream = b"".join(encode_frame(a, c, d, wake_up=wake_up) for a, c, d in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    for cut in (pieces, [bytes([byte]) for byte in stream]):
        found = read_all(cut)
        assert list(map(told, found)) == sent
        assert all(frame.preamble == wake_up for frame in found)


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=400))
def test_garbage_gives_frames_or_nothing(noise: bytes) -> None:
    for frame in read_all([noise]):
        assert len(frame.data) <= DATA_SIZE_MAX


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=300), frames, st.binary(max_size=300))
def test_a_good_frame_comes_out_of_noise(
    before: bytes, sent: tuple[str, int, bytes], after: bytes
) -> None:
    found = read_all([before, encode_frame(*sent), after])
    assert sent in list(map(told, found))


@settings(deadline=None)  # the machine may be busy
@given(frames, st.data())
def test_a_changed_byte_is_never_taken(sent: tuple[str, int, bytes], data: st.DataObject) -> None:
    stream = bytearray(encode_frame(*sent, wake_up=0))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    assert sent not in list(map(told, read_all([bytes(stream)])))


def test_a_bad_checksum_costs_one_byte_only() -> None:
    """The good frame stands within what the length of the bad one claims."""
    good = encode_frame("1", 0x91, b"\x01", wake_up=0)
    bad = bytearray(encode_frame("2", 0x91, good, wake_up=0))
    bad[10:-2] = good  # its data are a frame as it stands on the wire
    bad[-2] ^= 0x55
    reader = FrameReader()
    assert [frame.address for frame in reader.feed(bytes(bad))] == ["000000000001"]
    assert reader.bad_checksums == 1


def test_a_start_right_before_the_start_costs_nothing() -> None:
    good = encode_frame("1", 0x91, b"\x01", wake_up=0)
    for before in (b"\x68", b"\x68\x68", b"\xfe\x68"):
        assert [frame.address for frame in read_all([before + good])] == ["000000000001"]


def test_a_length_above_the_limit_does_not_wait() -> None:
    noise = bytes.fromhex("68000000000000681100")[:-1] + bytes((DATA_SIZE_MAX + 1,))
    reader = FrameReader()
    assert [f.address for f in reader.feed(noise + READ_TOTAL[2:])] == ["000012345678"]
    assert reader.overlong == 1


def test_a_false_start_waits_for_idle_and_then_lets_go() -> None:
    stuck = bytes.fromhex("680000000000006811c8")
    reader = FrameReader()
    assert reader.feed(stuck + READ_TOTAL) == []
    assert [frame.address for frame in reader.idle()] == ["000012345678"]
    assert reader.left_over == 0


def test_wake_up_bytes_and_end_marks_inside_data_stay() -> None:
    data = bytes((0xFE - 0x33, 0x16, (0x68 - 0x33) & 0xFF, (0x16 - 0x33) & 0xFF) * 5)
    assert told(read_all([encode_frame("7", 0x91, data)])[0])[2] == data


@pytest.mark.parametrize(
    ("own", "asked", "meant"),
    [
        ("201708176934", "201708176934", True),
        ("201708176934", "201708176935", False),
        ("201708176934", "aaaaaaaaaaaa", True),
        ("201708176934", "AAAAAAAA6934", True),
        ("201708176934", "aaaaaaaa6935", False),
        ("201708176934", "20170817aaaa", False),  # from the top only
        ("201708176934", "999999999999", True),
        ("1", "aaaaaaaaaa01", True),
    ],
)
def test_who_is_meant(own: str, asked: str, meant: bool) -> None:
    assert address_matches(own, asked) is meant


def test_addresses() -> None:
    assert address_bytes("12345678") == bytes.fromhex("785634120000")
    assert address_bytes(ANY) == b"\xaa" * 6
    assert [is_wildcard(a) for a in (ANY, BROADCAST, "aaaaaaaa6934", "12345678")] == [
        True, True, True, False
    ]  # fmt: skip
    for wrong in ("1234567890123", "12g4", "-1", "1\uff12"):
        with pytest.raises(LocalProtocolError):
            address_bytes(wrong)


def test_too_much_data_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="201 bytes"):
        encode_frame("1", 0x11, bytes(DATA_SIZE_MAX + 1))


@pytest.mark.parametrize(
    "pattern",
    ["68", "6816", "68686868686868681116", "fe68", "680000000000006811c8", "00",
     "68686868686868686816"],
)  # fmt: skip
def test_hostile_input_costs_little(pattern: str) -> None:
    size = 16 * 1024
    noise = (bytes.fromhex(pattern) * size)[:size]
    best = min(_seconds(noise) for _ in range(3))
    traced = 10 if sys.gettrace() else 1  # coverage takes its time
    assert best < 0.010 * traced * size / 1024


def _seconds(noise: bytes) -> float:
    begin = time.process_time()
    read_all([noise[at : at + 1460] for at in range(0, len(noise), 1460)])
    return time.process_time() - begin
