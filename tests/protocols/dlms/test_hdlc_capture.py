"""Whole captures of HDLC: strict where a live line forgives."""

import pytest
from hypothesis import given, strategies as st

from protocols.dlms import hdlc
from protocols.dlms.hdlc_capture import join_information, read_capture
from protocols.dlms.hdlc_limits import HdlcLimits, encode_limits
from protocols.errors import RemoteProtocolError

LLC = b"\xe6\xe7\x00"


def frame(information: bytes = b"", control: int = hdlc.UI, *, segmented: bool = False) -> bytes:
    return hdlc.encode_frame(b"\xce\xff", b"\x03", control, information, segmented=segmented)


WHOLE = frame(LLC + b"\x0f" + bytes(30))
NOISES = [
    b"",
    b"HB\r\n",
    bytes(9),
    b"\x7e" * 7,
    b"\x7e\xa7\xff",
    b"\x7e\xa0\x02",
    b"~\xa0\x10\x03\x21\x93",
]


@pytest.mark.parametrize("before", NOISES)
@pytest.mark.parametrize("after", NOISES[:4])
def test_noise_around_and_between(before: bytes, after: bytes) -> None:
    frames = read_capture(before + WHOLE + after + WHOLE + after)
    assert [f.information for f in frames] == [LLC + b"\x0f" + bytes(30)] * 2


@pytest.mark.parametrize(("capture", "category"), [
    (b"", "truncated"), (b"no frame at all", "truncated"), (b"\x7e" * 20, "truncated"),
    (b"\x7e\xa0", "truncated"), (WHOLE[:-1], "truncated"), (WHOLE[:20], "truncated"),
    (WHOLE[:-1] + b"\x00", "format"), (WHOLE + WHOLE[1:-1], "truncated"),
    (b"\x7e\xa7\xff" + b"A" * 20, "truncated"), (b"\x7e\xa0\x08" + b"A" * 20, "format"),
    (WHOLE[:-3] + b"\x00" + WHOLE[-2:], "fcs"), (WHOLE[:7] + b"\x00" + WHOLE[8:], "hcs"),
    (WHOLE + WHOLE[:-3] + b"\x00" + WHOLE[-2:], "fcs"), (WHOLE[:-1] + WHOLE[:9], "truncated"),
])  # fmt: skip
def test_refused(capture: bytes, category: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read_capture(capture)
    assert refused.value.category == category


def test_every_cut_behind_the_header_is_truncated() -> None:
    for at in range(2, len(WHOLE) - 1):
        with pytest.raises(RemoteProtocolError) as refused:
            read_capture(WHOLE + WHOLE[:at])
        assert refused.value.category == "truncated"


def test_every_damaged_byte_is_refused() -> None:
    for at in range(1, len(WHOLE)):
        for flip in (0x01, 0x80, 0xFF):
            bad = WHOLE[:at] + bytes((WHOLE[at] ^ flip,)) + WHOLE[at + 1 :]
            with pytest.raises(RemoteProtocolError):
                read_capture(bad)


@given(st.binary(max_size=400))
def test_garbage_is_a_protocol_error_or_frames(noise: bytes) -> None:
    for capture in (noise, b"\x7e\xa0" + noise, noise + WHOLE):
        try:
            join_information(read_capture(capture))
        except RemoteProtocolError:
            pass


def test_segments_are_joined_and_their_llc_taken_off() -> None:
    message = LLC + bytes(range(100))
    pieces = [message[at : at + 30] for at in range(0, len(message), 30)]
    sent = [frame(p, segmented=n < len(pieces) - 1) for n, p in enumerate(pieces)]
    ready = frame(control=hdlc.receive_ready(1))
    assert join_information(read_capture(ready.join(sent))) == [bytes(range(100))]
    with pytest.raises(RemoteProtocolError, match="without end"):
        join_information(read_capture(b"".join(sent[:-1])))


def test_only_parameters_of_other_frames_are_messages() -> None:
    opened = frame(encode_limits(HdlcLimits()), hdlc.UA)
    rejected = frame(b"\x93\x00\x01", hdlc.FRMR)
    assert join_information(read_capture(opened + rejected)) == [encode_limits(HdlcLimits())]
