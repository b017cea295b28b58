from zlib import crc32

import pytest
from hypothesis import given, strategies as st
from link_tools import cuts, pieces_of

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1 import messages, tlv
from protocols.hml1.frame import Frame, FrameReader, encode_frame
from protocols.hml1.kinds import Kind

# PING, number 3, the other side's 1 taken: by hand, with a bit-wise CRC-16/X-25.
PING_HEAD = bytes.fromhex("89 10 04 00 0003 0001 0000")


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc ^ 0xFFFF


def by_hand(head: bytes, payload: bytes = b"") -> bytes:
    body = head + crc16(head).to_bytes(2) + payload
    return body + crc32(body).to_bytes(4)


PING = by_hand(PING_HEAD)
FRAMES = st.builds(
    Frame,
    kind=st.integers(0, 255), payload=st.binary(max_size=60), channel=st.integers(0, 255),
    flags=st.integers(0, 15), seq=st.integers(0, 65535), ack=st.integers(0, 65535),
)  # fmt: skip


def test_the_wire_form() -> None:
    assert len(PING) == 16
    assert encode_frame(Frame(Kind.PING, seq=3, ack=1)) == PING
    assert FrameReader().feed(PING) == [Frame(Kind.PING, seq=3, ack=1)]


@given(st.data(), st.lists(FRAMES, max_size=5))
def test_frames_come_out_as_they_went_in(data: st.DataObject, frames: list[Frame]) -> None:
    reader = FrameReader()
    pieces = data.draw(pieces_of(b"".join(map(encode_frame, frames))))
    assert [frame for piece in pieces for frame in reader.feed(piece)] == frames
    assert (reader.left_over, reader.skipped) == (0, 0)


@given(st.binary(max_size=60), FRAMES, st.binary(max_size=20))
def test_noise_around_a_frame_does_not_hide_it(before: bytes, frame: Frame, after: bytes) -> None:
    reader = FrameReader()
    assert frame in reader.feed(before + encode_frame(frame) + after) + reader.idle()


@given(FRAMES, st.data())
def test_a_damaged_frame_never_passes_and_never_takes_the_next_with_it(
    frame: Frame, data: st.DataObject
) -> None:
    raw = encode_frame(frame)
    at, flip = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 255))
    damaged = raw[:at] + bytes((raw[at] ^ flip,)) + raw[at + 1 :]
    reader = FrameReader()
    found = reader.feed(damaged + PING) + reader.idle()
    assert found[-1] == Frame(Kind.PING, seq=3, ack=1)
    assert frame not in found[:-1]


@given(FRAMES, st.data())
def test_lost_bytes_cost_one_frame_only(frame: Frame, data: st.DataObject) -> None:
    raw = encode_frame(frame)
    kept = raw[: data.draw(st.integers(0, len(raw) - 1))]
    reader = FrameReader()
    found = reader.feed(kept + PING + PING) + reader.idle()
    assert found.count(Frame(Kind.PING, seq=3, ack=1)) == 2


def test_a_length_beyond_the_limit_is_not_waited_for() -> None:
    reader = FrameReader()
    huge = by_hand(bytes.fromhex("89 10 04 00 0003 0001 1001"))
    assert reader.feed(huge[:12] + PING) == [Frame(Kind.PING, seq=3, ack=1)]
    assert reader.skipped == 12
    with pytest.raises(LocalProtocolError):
        encode_frame(Frame(0x11, bytes(4097)))


@given(st.binary(max_size=400))
def test_garbage_is_nothing(raw: bytes) -> None:
    reader = FrameReader()
    for piece in cuts(raw, 7):
        reader.feed(piece)
    reader.idle()
    assert reader.left_over == 0


@given(st.dictionaries(st.integers(0, 255), st.binary(max_size=50), max_size=6))
def test_tagged_values_go_both_ways(values: dict[int, bytes]) -> None:
    assert tlv.decode_tlv(tlv.encode_tlv(values)) == values


@given(st.binary(max_size=80))
def test_any_payload_is_read_or_a_remote_error(raw: bytes) -> None:
    for read in (
        tlv.decode_tlv, messages.decode_record, messages.decode_alarm, messages.decode_number,
        messages.decode_pull, messages.decode_part,
    ):  # fmt: skip
        try:
            read(raw)
        except RemoteProtocolError:
            pass


def test_of_double_tags_the_first_counts_and_an_open_end_is_an_error() -> None:
    assert tlv.decode_tlv(bytes.fromhex("01000161 01000162")) == {1: b"a"}
    for open_end in ("01", "0100", "010002aa"):
        with pytest.raises(RemoteProtocolError):
            tlv.decode_tlv(bytes.fromhex(open_end))


def test_numbers_and_texts_of_tags() -> None:
    values = {1: b"abc", 2: b"\xff", 3: b"\xb3", 4: b"\x01\x00"}
    assert tlv.text(values, 1) == "abc"
    assert tlv.text(values, 2) is None
    assert tlv.text(values, 4) is None
    assert tlv.text(values, 9) is None
    assert tlv.signed(values, 3) == -77
    assert tlv.number(values, 4) == 256
    assert tlv.number(values, 9) is tlv.signed(values, 9) is None
