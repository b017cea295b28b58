"""HDLC frames: addresses, checks, cuts, noise, shared flags, limits."""

import pytest
from dlms_messages import check_category
from hypothesis import given, settings, strategies as st

from protocols.dlms import hdlc
from protocols.dlms.fcs import fcs16
from protocols.dlms.hdlc import HdlcFrame, HdlcReader, Kind
from protocols.dlms.hdlc_limits import HdlcLimits, decode_limits, encode_limits
from protocols.errors import LocalProtocolError, RemoteProtocolError

FRAME_SIZE_MAX = hdlc.LENGTH_MAX + 2


@st.composite
def addresses(draw: st.DrawFn) -> bytes:
    size = draw(st.sampled_from(hdlc.ADDRESS_SIZES))
    part = st.integers(0, 0x3FFF if size == 4 else 0x7F)
    return hdlc.encode_address(draw(part), None if size == 1 else draw(part), size)


frames = st.builds(
    HdlcFrame, addresses(), addresses(), st.integers(0, 255), st.booleans(), st.binary(max_size=200)
)


def encode(frame: HdlcFrame) -> bytes:
    return hdlc.encode_frame(
        frame.destination, frame.source, frame.control, frame.information,
        segmented=frame.segmented,
    )  # fmt: skip


def read_all(chunks: list[bytes], reader: HdlcReader | None = None) -> list[HdlcFrame]:
    reader = reader or HdlcReader()
    found = []
    for chunk in chunks:
        reader.receive_data(chunk)
        while (frame := reader.next_frame()) is not None:
            found.append(frame)
        assert reader.pending <= FRAME_SIZE_MAX
    return found


def cut(stream: bytes, data: st.DataObject) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def test_known_frame() -> None:
    """A receive-ready of client 1 to server 1/17, its check computed by hand with CRC-16/X-25."""
    frame = hdlc.encode_frame(b"\x02\x23", b"\x03", hdlc.receive_ready(0))
    assert frame[:7] == bytes.fromhex("7ea00802230311")
    assert frame[1:-3] + fcs16(frame[1:-3]).to_bytes(2, "little") + b"\x7e" == frame[1:]
    assert read_all([frame])[0].kind is Kind.RR


def test_check_of_the_standard() -> None:
    """CRC-16/X-25 has the well-known check value 906E for "123456789"."""
    assert fcs16(b"123456789") == 0x906E


def test_addresses_on_the_wire() -> None:
    assert hdlc.encode_address(16, None, 1) == b"\x21"
    assert hdlc.encode_address(1, 17, 2) == b"\x02\x23"
    assert hdlc.encode_address(1, 17, 4) == b"\x00\x02\x00\x23"
    assert hdlc.encode_address(0x3FFF, 0x3FFF, 4) == b"\xfe\xfe\xfe\xff"
    assert hdlc.encode_address(1, None, 4) == b"\x00\x02\x00\x01"


@given(st.sampled_from([2, 4]), st.data())
def test_addresses_there_and_back(size: int, data: st.DataObject) -> None:
    part = st.integers(0, 0x7F if size == 2 else 0x3FFF)
    upper, lower = data.draw(part), data.draw(part)
    assert hdlc.decode_address(hdlc.encode_address(upper, lower, size)) == (upper, lower)
    assert hdlc.decode_address(hdlc.encode_address(upper & 0x7F, None, 1)) == (upper & 0x7F, None)


@pytest.mark.parametrize(("upper", "lower", "size"), [
    (128, None, 1), (128, 1, 2), (1, 128, 2), (0x4000, 1, 4), (1, 0x4000, 4), (1, 1, 3), (-1, 0, 2),
])  # fmt: skip
def test_addresses_that_do_not_fit_are_our_mistake(
    upper: int, lower: int | None, size: int
) -> None:
    with pytest.raises(LocalProtocolError):
        hdlc.encode_address(upper, lower, size)


def test_addresses_of_other_sizes_are_none() -> None:
    with pytest.raises(RemoteProtocolError, match="3 bytes"):
        hdlc.decode_address(b"\x02\x02\x03")


@given(st.lists(frames, max_size=5), st.data())
def test_same_frames_however_the_stream_is_cut(sent: list[HdlcFrame], data: st.DataObject) -> None:
    stream = b"".join(map(encode, sent))
    assert read_all(cut(stream, data)) == sent
    assert read_all([bytes((byte,)) for byte in stream]) == sent


@given(st.lists(frames, min_size=2, max_size=5), st.data())
def test_frames_may_share_their_flags(sent: list[HdlcFrame], data: st.DataObject) -> None:
    stream = b"\x7e" + b"".join(encode(frame)[1:] for frame in sent)
    assert read_all(cut(stream, data)) == sent


@given(frames, st.integers(1, 20))
def test_idle_flags_are_no_frames(frame: HdlcFrame, idle: int) -> None:
    assert read_all([b"\x7e" * idle + encode(frame) + b"\x7e" * idle]) == [frame]


@given(st.binary(max_size=300), frames, st.data())
def test_a_good_frame_behind_noise_comes_out(
    noise: bytes, frame: HdlcFrame, data: st.DataObject
) -> None:
    assert read_all(cut(noise + encode(frame) * 2, data))[-2:] == [frame, frame]


@given(st.binary(max_size=300).filter(lambda b: b"\x7e" not in b), frames)
def test_noise_is_counted(noise: bytes, frame: HdlcFrame) -> None:
    reader = HdlcReader()
    assert read_all([noise + encode(frame)], reader) == [frame]
    assert reader.dropped == len(noise)
    assert reader.pending == 1  # the closing flag may open the next frame


@given(frames, frames, st.data())
def test_a_damaged_frame_costs_only_itself(
    bad: HdlcFrame, good: HdlcFrame, data: st.DataObject
) -> None:
    raw = bytearray(encode(bad))
    at = data.draw(st.integers(1, len(raw) - 2))
    raw[at] ^= data.draw(st.integers(1, 255))
    found = read_all(cut(bytes(raw) + encode(good) * 3, data))
    assert found[-1] == good
    assert all(frame == good for frame in found)


@given(frames, st.data())
def test_a_frame_without_its_end_does_not_hide_the_next(
    frame: HdlcFrame, data: st.DataObject
) -> None:
    raw = encode(frame)
    at = data.draw(st.integers(0, len(raw) - 1))
    assert read_all([raw[:at], raw, *[raw] * 12])[-1] == frame


@given(st.binary(max_size=3000))
def test_garbage_raises_nothing_and_is_not_kept(noise: bytes) -> None:
    read_all([noise])
    read_all([noise[at : at + 7] for at in range(0, len(noise), 7)])


def test_two_stray_bytes_do_not_make_us_wait() -> None:
    """A header that announces 2,047 bytes is believed only with a good check."""
    frame = HdlcFrame(b"\x03", b"\x21", hdlc.UA, False, b"")
    assert read_all([b"\x7e\xa7\xff" + encode(frame)]) == [frame]


def test_a_flag_inside_is_no_border() -> None:
    frame = HdlcFrame(b"\x03", b"\x21", 0x7E, False, b"\x7e\x7e\xa0\x07\x7e")
    assert read_all([encode(frame)]) == [frame]


@settings(max_examples=20)
@given(
    st.sampled_from([b"\x7e\xa0\x10", b"\x7e", b"\x7e\xa7\xff\x03\x21\x13", b"\x7e\xa0\x07\x01"])
)
def test_noise_full_of_beginnings_costs_little(beginning: bytes) -> None:
    noise = beginning * (30_000 // len(beginning))
    read_all([noise[at : at + 1460] for at in range(0, len(noise), 1460)])


@pytest.mark.parametrize(("control", "kind"), [
    (0x00, Kind.I), (0x10, Kind.I), (0xFE, Kind.I), (0x11, Kind.RR), (0xF1, Kind.RR),
    (0x15, Kind.RNR), (0x93, Kind.SNRM), (0x83, Kind.SNRM), (0x53, Kind.DISC), (0x73, Kind.UA),
    (0x63, Kind.UA), (0x1F, Kind.DM), (0x0F, Kind.DM), (0x97, Kind.FRMR), (0x87, Kind.FRMR),
    (0x13, Kind.UI), (0x03, Kind.UI), (0x09, Kind.OTHER), (0xFF, Kind.OTHER),
])  # fmt: skip
def test_kinds(control: int, kind: Kind) -> None:
    assert hdlc.kind_of(control) is kind


@given(st.integers(0, 7), st.integers(0, 7))
def test_numbers_in_the_control_field(sent: int, received: int) -> None:
    frame = HdlcFrame(b"\x03", b"\x03", hdlc.information_control(sent, received), False, b"")
    assert (frame.kind, frame.send_number, frame.receive_number) == (Kind.I, sent, received)
    assert hdlc.information_control(sent, received, final=False) == frame.control & ~hdlc.POLL
    ready = HdlcFrame(b"\x03", b"\x03", hdlc.receive_ready(received), False, b"")
    assert (ready.kind, ready.receive_number) == (Kind.RR, received)


def test_the_longest_frame() -> None:
    longest = hdlc.encode_frame(b"\x03", b"\x03", 0x13, bytes(hdlc.LENGTH_MAX - 9))
    assert len(read_all([longest])) == 1
    with pytest.raises(LocalProtocolError):
        hdlc.encode_frame(b"\x03", b"\x03", 0x13, bytes(hdlc.LENGTH_MAX - 8))


BODY = hdlc.encode_frame(b"\x03", b"\x21", 0x13, b"\xe6\xe7\x00\x0f")[1:-1]


@pytest.mark.parametrize(("body", "category"), [
    (b"\xa0\x05\x03", "format"), (b"\x90" + BODY[1:], "format"),
    (b"\xa0\x0a" + bytes(8), "address"), (b"\xa0\x07\x02\x02\x02\x03\x03", "address"),
    (b"\xa0\x07\x02\x03\x02\x03\x13", "format"),
    (BODY[:-3] + b"\x55" + BODY[-2:], "fcs"), (BODY[:5] + b"\x00" + BODY[6:], "hcs"),
    (BODY[:-2] + b"\x00\x00", "fcs"),
])  # fmt: skip
def test_what_is_no_frame(body: bytes, category: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        hdlc.decode_body(body)
    assert refused.value.category == category


# -- what SNRM and UA agree on


@given(st.integers(1, 2030), st.integers(1, 2030), st.integers(1, 7), st.integers(1, 7))
def test_limits_there_and_back(send: int, receive: int, ours: int, theirs: int) -> None:
    limits = HdlcLimits(send, receive, ours, theirs)
    assert decode_limits(encode_limits(limits)) == limits


def test_limits_have_defaults_and_bounds() -> None:
    assert decode_limits(b"") == HdlcLimits(128, 128, 1, 1)
    assert decode_limits(b"\x81\x80\x00") == HdlcLimits()
    assert decode_limits(b"\x81\x80\x03\x05\x01\x40") == HdlcLimits(64, 128)
    assert decode_limits(b"\x81\x80\x03\x05\x01\x00") == HdlcLimits()
    monster = b"\x05\xf0" + b"\xff" * 0xF0 + b"\x07\x01\xff"
    assert decode_limits(b"\x81\x80" + bytes((len(monster),)) + monster) == HdlcLimits(
        information_send=2030, window_send=7
    )


@pytest.mark.parametrize(
    "fields", [b"\x05", b"\x05\x01", b"\x05\x02\x40", b"\x05\x01\x40\x06\x04\x00"]
)
def test_parameters_that_are_cut_off_are_refused(fields: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="cut off"):
        decode_limits(b"\x81\x80" + bytes((len(fields),)) + fields)


@given(st.binary(max_size=40))
def test_any_parameters_are_limits_or_a_protocol_error(noise: bytes) -> None:
    for information in (noise, b"\x81\x80" + noise, b"\x81\x80" + bytes((len(noise),)) + noise):
        try:
            limits = decode_limits(information)
        except RemoteProtocolError as refused:
            check_category(refused, "hdlc-parameters")
        else:
            assert 1 <= limits.information_send <= 2030
            assert 1 <= limits.window_receive <= 7
