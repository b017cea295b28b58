"""Pushes in blocks whose sender waits for us: whatever gets lost, each comes once and whole."""

import random
from collections.abc import Callable

import pytest
from dlms_messages import TIME, ciphered_apdus, plain_apdus
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import axdr_encode as ax, hdlc
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.gbt import JOINED_SIZE_MAX, TAG, Block, decode_block, encode_block
from protocols.dlms.hdlc import HdlcReader
from protocols.dlms.push_reader import WINDOW, PushFrame, PushReader
from protocols.dlms.wrapper import WrapperReader, encode_wpdu

LONG = encode_data_notification(5, TIME, ax.octets(bytes(range(256)) * 3))
PUSHES = {
    "plain": LONG, "ciphered": ciphered_apdus()["general-glo"], "event": plain_apdus()["event"],
}  # fmt: skip
SERVER = hdlc.encode_address(1, 17, 2)


class Link:
    """What the reader says back, and what comes out of it."""

    def __init__(self, framing: str = "wrapper") -> None:
        self.framing = framing
        self.frames: list[PushFrame] = []
        self.kept: list[str] = []
        self.said: list[Block] = []
        self.reader = PushReader(self.frames.append, lambda why, *_: self.kept.append(why))
        self.reader.answer = self._hear

    def _hear(self, data: bytes) -> None:
        if self.framing == "wrapper":
            reader = WrapperReader()
            reader.receive_data(data)
            found = reader.next_wpdu()
            assert found is not None
            assert (found.source, found.destination) == (103, 1)
            self.said.append(decode_block(found.apdu))
            return
        frames = HdlcReader()
        frames.receive_data(data)
        frame = frames.next_frame()
        assert frame is not None
        assert frame.destination == SERVER
        self.said.append(decode_block(frame.information[3:]))

    def say(self, block: Block) -> None:
        apdu = encode_block(block)
        if self.framing == "wrapper":
            self.reader.feed(encode_wpdu(1, 103, apdu))
        else:
            self.reader.feed(hdlc.encode_frame(b"\xcf", SERVER, hdlc.UI, b"\xe6\xe7\x00" + apdu))

    @property
    def came(self) -> list[bytes]:
        return [frame.apdu for frame in self.frames]


def transfer(link: Link, apdu: bytes, size: int, lost: Callable[[], bool] = lambda: False) -> None:
    """Send an APDU as the standard says: one block, then as many as the other end takes.

    Written for the test, not with the sender of the program.
    """
    pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    have, window, heard, tries = 0, 1, 0, 0
    while have < len(pieces):
        tries += 1
        assert tries < 500, "there is no end"
        chosen = range(have, min(have + window, len(pieces)))
        before = len(link.said)
        for at in chosen:
            last = at + 1 == len(pieces)
            streamed = at != chosen[-1]
            if not lost():
                link.say(Block(last, streamed, 4, at + 1, heard, pieces[at]))
        for told in link.said[before:]:
            if not lost():
                assert told.data == b""
                assert told.last
                have, window, heard = max(have, told.acknowledged), told.window, told.number


@pytest.mark.parametrize("name", PUSHES)
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_sender_that_waits_is_answered(name: str, framing: str, size: int) -> None:
    link = Link(framing)
    apdu = PUSHES[name]
    transfer(link, apdu, max(size, len(apdu) // 60))
    assert link.came == [apdu]
    assert link.kept == []
    assert {told.window for told in link.said} == {WINDOW if framing == "wrapper" else 1}
    assert [told.number for told in link.said] == list(range(1, len(link.said) + 1))
    transfer(link, apdu, 50)
    assert link.came == [apdu, apdu], "the next one comes as well"


@settings(max_examples=many(0.5))
@given(st.integers(), st.integers(8, 120), st.sampled_from(sorted(PUSHES)))
def test_what_gets_lost_is_sent_again_and_nothing_comes_twice(
    seed: int, size: int, name: str
) -> None:
    rng = random.Random(seed)
    link = Link()
    size = min(size, len(PUSHES[name]) // 2)  # one block that comes twice may be two pushes
    for _ in range(2):
        transfer(link, PUSHES[name], size, lambda: rng.random() < 0.25)
    assert link.came == [PUSHES[name]] * 2
    assert link.kept == []


def test_a_sender_that_waits_for_nobody_is_not_answered() -> None:
    link = Link()
    pieces = [LONG[at : at + 100] for at in range(0, len(LONG), 100)]
    for number, piece in enumerate(pieces, start=1):
        last = number == len(pieces)
        link.say(Block(last, not last, 0, number, 0, piece))
    assert (link.came, link.said) == ([LONG], [])
    link.say(Block(True, False, 0, 1, 0, PUSHES["event"]))
    assert (link.came, link.said) == ([LONG, PUSHES["event"]], [])


def test_the_answer_to_a_question_is_acknowledged_by_who_asked() -> None:
    link = Link()
    answer = plain_apdus()["got"] * 40
    for number in range(1, 4):
        link.say(Block(number == 3, False, 1, number, 0, answer[:50]))
    assert (link.came, link.said) == ([], [])
    link.say(Block(False, False, 1, 1, 7, LONG[:50]))  # to one in blocks
    assert link.said == []


def test_one_that_begins_anew_does_so() -> None:
    link = Link()
    for number in (1, 2, 3):
        link.say(Block(False, False, 1, number, 0, LONG[(number - 1) * 50 : number * 50]))
    transfer(link, LONG, 60)
    assert link.came == [LONG]


def test_there_is_an_end_to_it() -> None:
    link = Link()
    piece = LONG[:1] + bytes(4000)
    for number in range(1, JOINED_SIZE_MAX // len(piece) + 3):
        link.say(Block(False, False, 1, number, 0, piece))
    assert link.kept[0] == "size"
    assert link.came == []
    transfer(link, LONG, 60)
    assert link.came == [LONG]


@settings(max_examples=many(0.5))
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 5), st.integers(0, 3)), max_size=30))
def test_any_blocks_are_answered_or_not_and_nothing_breaks(
    sent: list[tuple[int, int, int]],
) -> None:
    link = Link()
    for control, number, acknowledged in sent:
        head = bytes((TAG, control)) + number.to_bytes(2) + acknowledged.to_bytes(2)
        link.reader.feed(encode_wpdu(1, 103, head + bytes((3,)) + LONG[:3]))
    assert len(link.said) <= len(sent)
