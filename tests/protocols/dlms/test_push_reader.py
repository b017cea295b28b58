"""Pushes out of a stream: any cut, segments, blocks, noise, damage, other traffic."""

import pytest
from dlms_messages import TIME, ciphered_apdus, plain_apdus
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import axdr_encode as ax, hdlc
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import (
    DataNotificationConfirm,
    encode_confirm,
    encode_data_notification,
)
from protocols.dlms.gbt import Block, encode_block
from protocols.dlms.hdlc import HdlcReader
from protocols.dlms.push_reader import SEGMENTS_SIZE_MAX, PushFrame, PushReader
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.errors import RemoteProtocolError

LLC = b"\xe6\xe7\x00"
PUSHES = {
    name: apdu
    for name, apdu in (plain_apdus() | ciphered_apdus()).items()
    if name in {"push", "push-flat", "event", "event-timeless", "general-glo", "general-ded"}
}
OTHERS = [plain_apdus()["got"], plain_apdus()["aare"], ciphered_apdus()["glo-got"], b""]
SERVER = hdlc.encode_address(1, 17, 2)
OTHER = hdlc.encode_address(1, 18, 2)


class Heard:
    def __init__(self) -> None:
        self.frames: list[PushFrame] = []
        self.kept: list[tuple[str, str, bytes]] = []
        self.reader = PushReader(self.frames.append, lambda *kept: self.kept.append(kept))

    def feed(self, stream: bytes, size: int = 0) -> list[bytes]:
        step = size or max(1, len(stream))
        for at in range(0, len(stream), step):
            self.reader.feed(stream[at : at + step])
        return [frame.apdu for frame in self.frames]


def segments(apdu: bytes, size: int, source: bytes = SERVER, control: int = hdlc.UI) -> list[bytes]:
    message = LLC + apdu
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return [
        hdlc.encode_frame(b"\xcf", source, control, piece, segmented=n < len(pieces) - 1)
        for n, piece in enumerate(pieces)
    ]


def blocks(apdu: bytes, size: int, *, llc_once: bool = False) -> list[bytes]:
    pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    last = len(pieces)
    return [
        hdlc.encode_frame(
            b"\xcf", SERVER, hdlc.UI,
            (b"" if llc_once and n > 1 else LLC)
            + encode_block(Block(n == last, n < last, 1, n, 0, piece)),
        )
        for n, piece in enumerate(pieces, start=1)
    ]  # fmt: skip


sent = st.lists(st.sampled_from(sorted(PUSHES)), max_size=4)


@settings(max_examples=many(0.6))
@given(sent, st.integers(1, 200), st.integers(1, 100))
def test_wrapper_pushes_however_cut(names: list[str], size: int, between: int) -> None:
    heard = Heard()
    stream = b"".join(
        encode_wpdu(1, 103, PUSHES[n]) + encode_wpdu(1, 1, OTHERS[between % 4]) for n in names
    )
    assert heard.feed(stream, size) == [PUSHES[name] for name in names]
    assert {(f.logical, f.physical) for f in heard.frames} <= {(1, None)}
    assert not names or heard.reader.framing == "wrapper"


@settings(max_examples=many(0.6))
@given(sent, st.integers(1, 200), st.integers(3, 90), st.sampled_from([hdlc.UI, 0x10, 0x03]))
def test_hdlc_pushes_however_cut(names: list[str], size: int, piece: int, control: int) -> None:
    heard = Heard()
    stream = b"".join(b"".join(segments(PUSHES[n], piece, control=control)) for n in names)
    answers = b"".join([*segments(OTHERS[0], 50), hdlc.encode_frame(b"\x03", SERVER, hdlc.UA)])
    assert heard.feed(answers + stream + answers, size) == [PUSHES[name] for name in names]
    assert {(f.logical, f.physical) for f in heard.frames} <= {(1, 17)}
    assert heard.reader.framing == "hdlc"


@settings(max_examples=many(0.4))
@given(st.sampled_from(sorted(PUSHES)), st.integers(1, 60), st.integers(1, 90), st.booleans())
def test_blocks_are_joined(name: str, size: int, piece: int, llc_once: bool) -> None:
    heard = Heard()
    stream = b"".join(blocks(PUSHES[name], piece, llc_once=llc_once) * 2)
    assert heard.feed(stream, size) == [PUSHES[name]] * 2
    assert not heard.kept


def test_a_missing_block_is_kept_with_its_reason() -> None:
    heard = Heard()
    sent = blocks(PUSHES["push"], 20)
    assert heard.feed(b"".join([sent[0], *sent[2:]])) == []
    assert heard.kept[0][0] == "gbt-gap"
    assert heard.feed(b"".join(sent)) == [PUSHES["push"]]


@pytest.mark.parametrize("size", [1, 30, 0])
def test_a_missing_segment_never_makes_a_message(size: int) -> None:
    """Whatever was damaged, the next whole push comes out, and no other."""
    first, whole = segments(PUSHES["push"], 20), segments(PUSHES["event"], 20)
    for damaged in range(len(first)):
        for flip in (4, -4):  # in the header, in the information
            lost = bytearray(first[damaged])
            lost[flip] ^= 0x10
            stream = b"".join([*first[:damaged], bytes(lost), *first[damaged + 1 :], *whole])
            assert Heard().feed(stream, size) == [PUSHES["event"]]


def test_segments_of_two_meters_are_not_mixed() -> None:
    ours, theirs = segments(PUSHES["push"], 20), segments(PUSHES["event"], 20, OTHER)
    assert Heard().feed(b"".join([ours[0], *theirs])) == [PUSHES["event"]]


def test_a_message_without_end_is_bounded() -> None:
    heard = Heard()
    piece = hdlc.encode_frame(b"\xcf", SERVER, hdlc.UI, LLC + bytes(1900), segmented=True)
    heard.feed(piece * (2 * SEGMENTS_SIZE_MAX // 1900))
    assert len(heard.reader._segments) <= SEGMENTS_SIZE_MAX
    heard.feed(hdlc.encode_frame(b"\xcf", SERVER, hdlc.UI, b"the end"))
    assert heard.feed(b"".join(segments(PUSHES["push"], 50)))[-1] == PUSHES["push"]


def test_the_answer_goes_back_the_way_it_came() -> None:
    confirm = encode_confirm(DataNotificationConfirm(7, None))
    heard = Heard()
    heard.feed(b"".join(segments(PUSHES["push"], 500)))
    reader = HdlcReader()
    reader.receive_data(heard.frames[0].reply(confirm))
    frame = reader.next_frame()
    assert frame is not None
    assert (frame.destination, frame.source, frame.information) == (SERVER, b"\xcf", LLC + confirm)
    heard = Heard()
    heard.feed(encode_wpdu(1, 103, PUSHES["push"]))
    wrapper = WrapperReader()
    wrapper.receive_data(heard.frames[0].reply(confirm))
    wpdu = wrapper.next_wpdu()
    assert wpdu is not None
    assert (wpdu.source, wpdu.destination, wpdu.apdu) == (103, 1, confirm)


def test_others_may_take_what_comes_from_now_on() -> None:
    heard = Heard()
    heard.feed(encode_wpdu(1, 103, PUSHES["push"]))
    later: list[PushFrame] = []
    heard.reader.rebind(later.append, lambda *_: None)
    heard.reader.feed(encode_wpdu(2, 103, PUSHES["event"]))
    assert [frame.logical for frame in later] == [2]
    assert len(heard.frames) == 1


@pytest.mark.parametrize(("first", "framing"), [
    (b"\x00", None), (b"", None), (b"\x00\x01", "wrapper"), (b"\x7e", "hdlc"),
    (b"\x00\xff", "hdlc"),
    (b"\x01", "hdlc"), (b"HB", "hdlc"),
])  # fmt: skip
def test_the_first_bytes_tell_the_framing(first: bytes, framing: str | None) -> None:
    reader = PushReader(lambda _: None, lambda *_: None)
    reader.feed(first)
    assert reader.framing == framing
    byte_by_byte = PushReader(lambda _: None, lambda *_: None)
    for byte in first:
        byte_by_byte.feed(bytes((byte,)))
    assert byte_by_byte.framing == framing


def test_a_broken_wrapper_is_told_and_forgotten() -> None:
    heard = Heard()
    heard.feed(encode_wpdu(1, 103, PUSHES["push"]))
    with pytest.raises(RemoteProtocolError):
        heard.feed(b"\x00\x02" + bytes(20))
    assert heard.reader.framing is None
    assert len(heard.feed(encode_wpdu(1, 103, PUSHES["push"]))) == 2


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_garbage_raises_only_the_protocol_error(chunks: list[bytes]) -> None:
    heard = Heard()
    for chunk in chunks:
        try:
            heard.reader.feed(chunk)
        except RemoteProtocolError:
            pass


@given(st.binary(max_size=60), st.lists(st.integers(0, 300), max_size=2), st.integers(1, 50))
def test_damage_loses_pushes_but_invents_none(noise: bytes, at: list[int], size: int) -> None:
    body = ax.structure(*(ax.u32(n) for n in range(20)))
    pushes = [encode_data_notification(n, TIME, body) for n in range(4)]
    stream = bytearray(b"".join(b"".join(segments(p, 40)) for p in pushes))
    for position in at:
        stream[position % len(stream)] ^= 0x20
    heard = Heard()
    got = [decode_apdu(apdu).body for apdu in heard.feed(b"\x7e" + noise + bytes(stream), size)]
    assert all(whole == list(range(20)) for whole in got)
    assert len(got) >= 4 - len(at) - 1
