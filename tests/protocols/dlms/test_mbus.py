"""Wired M-Bus frames that carry DLMS messages."""

import pytest
from hypothesis import given, strategies as st

from protocols.dlms.mbus import read_capture
from protocols.errors import RemoteProtocolError


def frame(piece: bytes, ci: int) -> bytes:
    body = b"\x53\xff" + bytes((ci, 0x01, 0x67)) + piece
    length = bytes((len(body),))
    return b"\x68" + length * 2 + b"\x68" + body + bytes((sum(body) & 0xFF, 0x16))


def frames(message: bytes, size: int) -> bytes:
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    last = len(pieces) - 1
    return b"".join(
        frame(piece, (n & 0x0F) | (0x10 if n == last else 0)) for n, piece in enumerate(pieces)
    )


@given(st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=3), st.integers(20, 250))
def test_pieces_are_joined(messages: list[bytes], size: int) -> None:
    assert read_capture(b"".join(frames(m, size) for m in messages)) == messages


def test_more_than_sixteen_pieces() -> None:
    assert read_capture(frames(bytes(range(40)), 1)) == [bytes(range(40))]


WHOLE = frames(bytes(range(60)), 40)


def test_every_cut_is_truncated() -> None:
    for at in range(len(WHOLE)):
        with pytest.raises(RemoteProtocolError) as refused:
            read_capture(WHOLE[:at])
        assert refused.value.category == "truncated"


def test_every_changed_byte_outside_the_addresses_is_refused() -> None:
    for at in range(len(WHOLE)):
        with pytest.raises(RemoteProtocolError):
            read_capture(WHOLE[:at] + bytes((WHOLE[at] ^ 0x11,)) + WHOLE[at + 1 :])


@pytest.mark.parametrize(("capture", "category"), [
    (b"\x10\x40\x01\x41\x16", "format"), (b"\x68\x05\x06\x68" + bytes(9), "format"),
    (b"\x68\x04\x04\x68" + bytes(9), "format"), (frame(b"a", 0x11), "mbus-gap"),
    (frame(b"a", 0x00) + frame(b"b", 0x12), "mbus-gap"), (frame(b"a", 0x10)[:-1] + b"\0", "format"),
    (frame(b"a", 0x10)[:-2] + b"\0\x16", "fcs"), (frame(b"a", 0x10)[:-2] + b"\0\0", "format"),
    (frame(b"a", 0x10) + frame(b"b", 0x10)[:-1], "truncated"), (b"", "truncated"),
])  # fmt: skip
def test_refused_with_its_category(capture: bytes, category: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read_capture(capture)
    assert refused.value.category == category


@given(st.binary(max_size=200))
def test_garbage_is_a_protocol_error_or_messages(noise: bytes) -> None:
    for capture in (noise, b"\x68" + noise, WHOLE + noise):
        try:
            read_capture(capture)
        except RemoteProtocolError:
            pass


@pytest.mark.parametrize(
    "noise",
    [b"\r\nCONNECT\r\n", bytes(4), b"\xe5", b"\x16\x16", b"\x68\x10", b"\x68\x05\x06\x68\x01"],
)
def test_noise_around_the_frames_is_skipped(noise: bytes) -> None:
    first, second = frames(bytes(range(60)), 40), frames(b"another", 40)
    assert read_capture(noise + first + noise + second + noise) == [bytes(range(60)), b"another"]
    cut = len(frame(bytes(range(40)), 0))
    assert read_capture(first[:cut] + noise + first[cut:]) == [bytes(range(60))]


def test_what_looks_like_a_frame_by_chance_is_noise() -> None:
    by_chance = b"\x68\x05\x05\x68\x01"
    assert read_capture(by_chance + WHOLE) == [bytes(range(60))]
