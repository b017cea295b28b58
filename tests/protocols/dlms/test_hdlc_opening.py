"""Opening an HDLC link to meters of unknown address size, dead, slow or busy ones."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from pump import converse

from protocols.dialogue import Exchange
from protocols.dlms import hdlc
from protocols.dlms.hdlc import HdlcFrame, HdlcReader, Kind
from protocols.dlms.hdlc_link import HdlcAddress, HdlcLink
from protocols.dlms.llc import RESPONSE
from protocols.dlms.timers import DlmsTimers
from protocols.errors import MeterSilent

AT = HdlcAddress(client=1, logical=1, physical=17)
RNR = 0x15


def frames_of(data: bytes) -> list[HdlcFrame]:
    reader = HdlcReader()
    reader.receive_data(data)
    return list(iter(reader.next_frame, None))


def reply(frame: HdlcFrame, control: int, information: bytes = b"") -> bytes:
    return hdlc.encode_frame(frame.source, frame.destination, control, information)


def link() -> HdlcLink:
    return HdlcLink(AT, DlmsTimers())


def held_s(dialogue: Generator[Exchange, bytes | None, Any]) -> tuple[list[int], float]:
    """Run against a dead line; return the size of the address in each call, and all waiting."""
    sizes: list[int] = []
    waited_s = 0.0
    step = next(dialogue)
    for _ in range(100):
        sizes += [len(frame.destination) for frame in frames_of(step.send)]
        waited_s += step.wait_s
        try:
            step = dialogue.send(None)
        except MeterSilent:
            return sizes, waited_s
    raise AssertionError("a dead meter is called for ever")


def test_both_address_sizes_have_their_turn_and_a_dead_meter_is_given_up_soon() -> None:
    sizes, waited_s = held_s(link().connect())
    assert sizes == [2, 4, 2, 4]
    assert waited_s < 35.0


def test_a_dead_meter_of_known_address_is_given_up_sooner() -> None:
    sizes, waited_s = held_s(HdlcLink(AT, DlmsTimers(), size=4).connect())
    assert sizes == [4, 4, 4]
    assert waited_s < 25.0


def test_an_answer_to_an_earlier_call_counts_as_well() -> None:
    """A slow meter with a two-byte address: its UA comes when the other size was called already."""
    opened = link()
    dialogue = opened.connect()
    first = frames_of(next(dialogue).send)[0]
    second = dialogue.send(None)
    assert len(frames_of(second.send)[0].destination) == 4
    with pytest.raises(StopIteration):
        dialogue.send(reply(first, hdlc.UA))
    assert opened.address_size == 2


def answering(script: Callable[[HdlcFrame, int], bytes]) -> Callable[[bytes], bytes]:
    """Return a meter that says UA and then follows the script; frames are counted from 1."""
    count = 0

    def wire(data: bytes) -> bytes:
        nonlocal count
        out = b""
        for frame in frames_of(data):
            if frame.kind is Kind.SNRM:
                out += reply(frame, hdlc.UA)
                continue
            count += 1
            out += script(frame, count)
        return out

    return wire


def test_a_busy_meter_is_asked_again_until_it_is_ready() -> None:
    kinds: list[Kind] = []

    def script(frame: HdlcFrame, count: int) -> bytes:
        kinds.append(frame.kind)
        if count < 4:
            return reply(frame, RNR | 1 << 5)
        return reply(frame, hdlc.information_control(0, 1), RESPONSE + b"\xc4\x01\xc1")

    opened, wire = link(), answering(script)
    converse(opened.connect(), wire)
    assert converse(opened.ask(b"\xc0\x01\xc1"), wire) == b"\xc4\x01\xc1"
    assert kinds == [Kind.I, Kind.RR, Kind.RR, Kind.RR], "the request itself is sent once"


def test_a_meter_that_is_busy_for_ever_is_silent() -> None:
    opened, wire = link(), answering(lambda frame, _: reply(frame, RNR | 1 << 5))
    converse(opened.connect(), wire)
    with pytest.raises(MeterSilent, match="busy"):
        converse(opened.ask(b"\xc0\x01\xc1"), wire)


def test_terms_that_cannot_be_read_are_the_defaults() -> None:
    """A length of zero and then contents: seen from a server of another maker."""
    opened = link()
    broken = bytes.fromhex("818000050180060180")

    def meter(data: bytes) -> bytes:
        return b"".join(reply(frame, hdlc.UA, broken) for frame in frames_of(data))

    converse(opened.connect(), meter)
    sent: list[int] = []

    def script(data: bytes) -> bytes:
        sent.extend(len(frame.information) for frame in frames_of(data))
        return b""

    with pytest.raises(MeterSilent):
        converse(opened.ask(b"x" * 300), script)
    assert max(sent) == 128
