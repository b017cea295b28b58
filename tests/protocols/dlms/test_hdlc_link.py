"""The HDLC link and meters that drop it, answer out of turn, or never come to an end."""

from collections.abc import Callable

import pytest
from dlms_bench import Bench, check_registers

from protocols.dlms import apdu_get, axdr_encode as ax, hdlc
from protocols.dlms.acse import Mechanism
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.hdlc import HdlcFrame, HdlcReader, Kind
from protocols.errors import MeterRefused, MeterSilent, ProtocolError, RemoteProtocolError

ENERGY = Attribute(3, obis_bytes("1.0.1.8.0.255"), 2)
LLC = b"\xe6\xe7\x00"
Answer = Callable[[HdlcFrame], bytes]


def frame_in(data: bytes) -> HdlcFrame:
    reader = HdlcReader()
    reader.receive_data(data)
    frame = reader.next_frame()
    assert frame is not None
    return frame


def reply(
    to: HdlcFrame, control: int, information: bytes = b"", *, segmented: bool = False
) -> bytes:
    return hdlc.encode_frame(to.source, to.destination, control, information, segmented=segmented)


def answering(bench: Bench, answer: Answer) -> Bench:
    bench.line.answer = lambda data: answer(frame_in(data))
    return bench


@pytest.mark.parametrize("control", [hdlc.DM, hdlc.FRMR])
def test_a_meter_that_does_not_want_to_connect(control: int) -> None:
    bench = answering(Bench("hdlc", physical=17), lambda frame: reply(frame, control))
    with pytest.raises(MeterRefused, match="refused the link"):
        bench.associate()
    bench.run(bench.client.release())


@pytest.mark.parametrize("control", [hdlc.DM, hdlc.FRMR])
def test_a_dropped_link_is_told_and_opened_anew(control: int) -> None:
    bench = Bench("hdlc", physical=17).associate()
    meter = bench.line.answer
    answering(bench, lambda frame: reply(frame, control))
    with pytest.raises(RemoteProtocolError, match="dropped the link"):
        bench.run(bench.client.get(ENERGY))
    with pytest.raises(ProtocolError):  # until it is connected again
        bench.run(bench.client.get(ENERGY))
    bench.line.answer = meter
    bench.run(bench.client.release())
    check_registers(bench.associate())


def test_an_answer_of_another_number_is_not_due() -> None:
    bench = Bench("hdlc", physical=17).associate()

    def stale(frame: HdlcFrame) -> bytes:
        wrong = apdu_get.encode_response(0xC1, ax.u32(666))
        late = hdlc.information_control(frame.receive_number + 3 & 7, frame.send_number + 1 & 7)
        early = hdlc.information_control(frame.receive_number, frame.send_number + 4 & 7)
        return reply(frame, late, LLC + wrong) + reply(frame, early, LLC + wrong)

    answering(bench, stale)
    with pytest.raises(MeterSilent):
        bench.run(bench.client.get(ENERGY))


def test_what_is_no_answer_to_a_segment() -> None:
    """An I frame where a receive-ready is due: the meter has not taken the rest."""
    bench = Bench("hdlc", physical=17, information=16).associate()

    def hasty(frame: HdlcFrame) -> bytes:
        control = hdlc.information_control(frame.receive_number, frame.send_number + 1 & 7)
        return reply(frame, control, LLC + b"\xc4")

    answering(bench, hasty)
    with pytest.raises(RemoteProtocolError, match="I in answer to a segment"):
        bench.run(bench.client.get_list([ENERGY] * 3))


def test_an_answer_that_does_not_end_is_bounded() -> None:
    bench = Bench("hdlc", physical=17).associate()
    number = {"next": bench.carrier._line.receive_number, "due": 0}

    def endless(frame: HdlcFrame) -> bytes:
        if frame.kind is Kind.I:
            number["due"] = frame.send_number + 1 & 7
        control = hdlc.information_control(number["next"], number["due"])
        number["next"] = number["next"] + 1 & 7
        return reply(frame, control, bytes(1800), segmented=True)

    answering(bench, endless)
    with pytest.raises(RemoteProtocolError, match="an answer of more than"):
        bench.run(bench.client.get(ENERGY))
    assert len(bench.line.sent) < 128 * 1024 // 1800 + 10


def test_a_meter_that_takes_the_request_and_answers_when_asked() -> None:
    """RR first, the answer only to our poll."""
    bench = Bench("hdlc", physical=17).associate()
    meter = bench.line.answer
    held: list[bytes] = []

    def slow(data: bytes) -> bytes:
        frame = frame_in(data)
        if frame.kind is Kind.I:
            held.append(meter(data))
            return reply(frame, hdlc.receive_ready(frame.send_number + 1 & 7))
        return held.pop() if held else meter(data)

    bench.line.answer = slow
    check_registers(bench)


@pytest.mark.parametrize("information", [b"\x81\x80", b"\x81\x80\x14\x05", b"garbage", b""])
def test_terms_that_are_none_are_the_defaults(information: bytes) -> None:
    bench = Bench("hdlc", physical=17)
    meter = bench.line.answer

    def odd(data: bytes) -> bytes:
        frame, answer = frame_in(data), meter(data)
        return reply(frame, hdlc.UA, information) if frame.kind is Kind.SNRM else answer

    bench.line.answer = odd
    bench.associate()
    assert bench.carrier._line.limits.information_send == 128
    check_registers(bench)


def test_a_push_instead_of_an_answer_is_none() -> None:
    bench = Bench("hdlc", Mechanism.GMAC, physical=17).associate()
    meter = bench.line.answer
    push = frame_in(bench.meter.push(confirmed=False)).information

    def pushing(data: bytes) -> bytes:
        answer = frame_in(meter(data))
        return hdlc.encode_frame(answer.destination, answer.source, answer.control, push)

    bench.line.answer = pushing
    with pytest.raises(RemoteProtocolError, match="no answer"):
        bench.run(bench.client.get(ENERGY))


def test_a_replayed_answer_in_a_new_frame_is_refused() -> None:
    """Frames have numbers, but the counter inside tells that the message is an old one."""
    bench = Bench("hdlc", Mechanism.GMAC, physical=17).associate()
    meter = bench.line.answer
    first: list[bytes] = []

    def replaying(data: bytes) -> bytes:
        answer = frame_in(meter(data))
        first.append(answer.information)
        return hdlc.encode_frame(answer.destination, answer.source, answer.control, first[0])

    bench.line.answer = replaying
    bench.run(bench.client.get(ENERGY))
    with pytest.raises(RemoteProtocolError) as refused:
        bench.run(bench.client.get(ENERGY))
    assert refused.value.category == "counter"
