"""One question and its answer: what is taken for it, what is not, and how long it takes."""

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from protocols.dialogue import Exchange
from protocols.dlt645.exchange import PIECES_MAX, Line, Refusal
from protocols.dlt645.frame import ANY, BROADCAST, FrameReader, encode_frame
from protocols.dlt645.options import Dlt645Options, Dlt645Timers, line_s
from protocols.errors import LocalProtocolError, MeterSilent, RemoteProtocolError

ME = "000012345678"
TIMERS = Dlt645Timers(answer_s=6.0, gap_s=3.0, broadcast_s=1.0, repeats=2)
TOTAL, VOLTAGE = 0x00010000, 0x02010100
VALUE = bytes.fromhex("45230100")
Script = list[bytes | None]


def line(address: str = ME, *, old: bool = False) -> Line:
    return Line(address, TIMERS, Dlt645Options(), old=old)


def answer(di: int, data: bytes, *, control: int = 0x91, address: str = ME) -> bytes:
    return encode_frame(address, control, di.to_bytes(4, "little") + data)


REFUSED = encode_frame(ME, 0xD1, b"\x02")


class Told:
    """What a dialogue sent and how long it was ready to wait; None means that time went by."""

    def __init__(self, dialogue: Generator[Exchange, bytes | None, Any], script: Script) -> None:
        self.sent: list[bytes] = []
        self.waited_s = 0.0
        self.result: Any = None
        self.failure: Exception | None = None
        script = list(script)
        try:
            step = next(dialogue)
            while True:
                self.sent += [step.send] if step.send else []
                got = script.pop(0) if script else None
                self.waited_s += step.wait_s if got is None else 0.0
                step = dialogue.send(got)
        except StopIteration as end:
            self.result = end.value
        except (MeterSilent, RemoteProtocolError, LocalProtocolError) as failure:
            self.failure = failure


def test_a_value() -> None:
    told = Told(line().read(TOTAL), [answer(TOTAL, VALUE)])
    assert told.result == VALUE
    assert told.sent == [encode_frame(ME, 0x11, bytes.fromhex("00000100"))]


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(answer(VOLTAGE, b"\x01\x23"), id="late answer about something else"),
        pytest.param(answer(TOTAL, b"\x01" * 4, address="1"), id="another meter"),
        pytest.param(answer(TOTAL, b"\x01" * 4, control=0x94), id="another control code"),
        pytest.param(answer(TOTAL, b"\x01" * 4, control=0x81), id="the other standard"),
        pytest.param(answer(TOTAL, b"", control=0x11), id="echo"),
        pytest.param(answer(TOTAL, VALUE)[:-1] + b"\x17", id="wrong end mark"),
        pytest.param(b"\r\nCONNECT 9600\r\n", id="modem"),
        pytest.param(encode_frame(ME, 0x91, b"\x00"), id="too short for a name"),
    ],
)
def test_what_is_no_answer_is_passed_over(foreign: bytes) -> None:
    assert Told(line().read(TOTAL), [foreign + answer(TOTAL, VALUE)]).result == VALUE
    assert Told(line().read(TOTAL), [foreign, answer(TOTAL, VALUE)]).result == VALUE
    alone = Told(line().read(TOTAL), [foreign])
    assert isinstance(alone.failure, MeterSilent)


def test_silence_takes_three_questions_of_known_length() -> None:
    told = Told(line().read(TOTAL), [])
    assert isinstance(told.failure, MeterSilent)
    assert len(told.sent) == 3
    # Request 20 bytes, the longest answer 212, 11 bits each at 1200 baud and half as much again.
    assert told.waited_s == pytest.approx(3 * (6.0 + 232 * 11 / 1200 * 1.5))
    assert line_s(1200, 11) == pytest.approx(1800.0)


def test_a_faster_line_is_given_less_time() -> None:
    quick = Line(ME, TIMERS, Dlt645Options(baud=9600, wake_up=0), old=False)
    told = Told(quick.read(TOTAL), [])
    assert told.waited_s == pytest.approx(3 * (6.0 + 228 * 11 / 9600 * 1.5))
    assert told.sent[0][0] == 0x68


def test_a_frame_that_stops_is_given_up_after_the_gap() -> None:
    told = Told(line().read(TOTAL), [answer(TOTAL, VALUE)[:-3], None, None, answer(TOTAL, VALUE)])
    assert told.result == VALUE
    assert len(told.sent) == 2


def test_a_broken_answer_is_asked_for_again_soon() -> None:
    whole = answer(TOTAL, VALUE)
    for broken in (whole[:-2] + b"\x00\x16", whole[:16] + b"HB" + whole[16:]):
        told = Told(line().read(TOTAL), [broken, None, whole])
        assert (told.result, len(told.sent), told.waited_s) == (VALUE, 2, 3.0)


def test_a_false_start_does_not_cost_the_answer() -> None:
    stuck = bytes.fromhex("680000000000006811c8")
    told = Told(line().read(TOTAL), [stuck, None, answer(TOTAL, VALUE)])
    assert (told.result, len(told.sent), told.waited_s) == (VALUE, 1, 3.0)


def test_a_good_frame_behind_a_false_start_is_found_when_idle() -> None:
    stuck = bytes.fromhex("680000000000006811c8")
    told = Told(line().read(TOTAL), [stuck + answer(TOTAL, VALUE), None])
    assert (told.result, len(told.sent)) == (VALUE, 1)


def test_noise_without_end_is_given_up() -> None:
    told = Told(line().read(TOTAL), [bytes(1000)] * 5)
    assert isinstance(told.failure, RemoteProtocolError)
    trickle = Told(line().read(TOTAL), [b"\x00"] * (PIECES_MAX + 1))
    assert isinstance(trickle.failure, RemoteProtocolError)


# -- refusals


def test_a_refusal_is_a_result() -> None:
    told = Told(line().read(TOTAL), [REFUSED])
    assert told.result == Refusal(2, "no requested data")
    assert len(told.sent) == 1
    bare = Told(line().read(TOTAL), [encode_frame(ME, 0xD1)])
    assert bare.result == Refusal(0, "the meter gave no reason")


def test_a_refusal_that_may_be_for_an_older_question_is_asked_about_again() -> None:
    """The first question is repeated; its second answer comes during the next question."""
    asking = line()
    assert Told(asking.read(VOLTAGE), [None, REFUSED]).result == Refusal(2, "no requested data")
    told = Told(asking.read(TOTAL), [REFUSED, answer(TOTAL, VALUE)])
    assert told.result == VALUE
    assert len(told.sent) == 2


def test_a_refusal_is_believed_in_the_end() -> None:
    asking = line()
    assert isinstance(Told(asking.read(VOLTAGE), [None, REFUSED]).result, Refusal)
    told = Told(asking.read(TOTAL), [REFUSED, REFUSED])
    assert isinstance(told.result, Refusal)
    assert len(told.sent) == 2
    assert isinstance(Told(asking.read(VOLTAGE), [REFUSED, None, None]).result, Refusal)


# -- follow-up frames


def part(di: int, data: bytes, control: int, number: int | None) -> bytes:
    tail = b"" if number is None else bytes((number,))
    return answer(di, data + tail, control=control)


def test_follow_up_frames_are_joined() -> None:
    script: Script = [
        part(TOTAL, b"\x01\x02", 0xB1, None),
        part(TOTAL, b"\x03\x04", 0xB2, 1),
        part(TOTAL, b"\x05", 0x92, 2),
    ]
    told = Told(line().read(TOTAL), script)
    assert told.result == b"\x01\x02\x03\x04\x05"
    assert told.sent[1:] == [
        encode_frame(ME, 0x12, bytes.fromhex("00000100") + bytes((number,))) for number in (1, 2)
    ]


def test_a_follow_up_frame_with_another_number_is_passed_over() -> None:
    script: Script = [
        part(TOTAL, b"\x01", 0xB1, None),
        part(TOTAL, b"\x02", 0xB2, 1),
        part(TOTAL, b"\x02", 0xB2, 1) + part(TOTAL, b"\x03", 0x92, 2),
    ]
    assert Told(line().read(TOTAL), script).result == b"\x01\x02\x03"


def test_a_lost_follow_up_frame_is_asked_for_again() -> None:
    script: Script = [part(TOTAL, b"\x01", 0xB1, None), None, part(TOTAL, b"\x02", 0x92, 1)]
    told = Told(line().read(TOTAL), script)
    assert told.result == b"\x01\x02"
    assert told.sent[1] == told.sent[2]


def test_a_refused_follow_up_refuses_the_whole() -> None:
    script: Script = [part(TOTAL, b"\x01", 0xB1, None), encode_frame(ME, 0xD2, b"\x02")]
    assert isinstance(Told(line().read(TOTAL), script).result, Refusal)


def test_follow_up_frames_have_an_end() -> None:
    script: Script = [part(TOTAL, b"\x01", 0xB1, None)]
    script += [part(TOTAL, b"\x02", 0xB2, number & 0xFF) for number in range(1, 300)]
    told = Told(line().read(TOTAL), script)
    assert isinstance(told.failure, RemoteProtocolError)


def test_parts_of_1997_have_no_number_so_all_is_asked_again() -> None:
    name = bytes.fromhex("1f90")
    first = encode_frame(ME, 0xA1, name + b"\x01")
    rest = encode_frame(ME, 0x82, name + b"\x02")
    told = Told(line(old=True).read(0x901F), [first, None, first, rest])
    assert told.result == b"\x01\x02"
    assert [FrameReader().feed(sent)[0].control for sent in told.sent] == [1, 2, 1, 2]
    silent = Told(line(old=True).read(0x901F), [first, None] * 9)
    assert isinstance(silent.failure, MeterSilent)
    assert len(silent.sent) == 6


# -- writes, broadcasts, addresses


def test_a_command_is_sent_once() -> None:
    told = Told(line().command(0x14, b"\x01"), [])
    assert isinstance(told.failure, MeterSilent)
    assert len(told.sent) == 1
    accepted = Told(line().command(0x14, b"\x01"), [encode_frame(ME, 0x94)])
    assert accepted.result == b""
    refused = Told(line().command(0x14, b"\x01"), [encode_frame(ME, 0xD4, b"\x04")])
    assert refused.result == Refusal(4, "wrong password / not authorised")


@pytest.mark.parametrize("address", [ANY, BROADCAST, "aaaaaaaa5678"])
def test_a_command_to_several_is_never_sent(address: str) -> None:
    told = Told(line(address).command(0x14, b"\x01"), [])
    assert isinstance(told.failure, LocalProtocolError)
    assert told.sent == []


def test_a_wildcard_takes_the_answer_of_whom_it_means() -> None:
    assert Told(line("aaaaaaaa5678").read(TOTAL), [answer(TOTAL, VALUE)]).result == VALUE
    other = answer(TOTAL, VALUE, address="12345679")
    assert isinstance(Told(line("aaaaaaaa5678").read(TOTAL), [other]).failure, MeterSilent)
    old = encode_frame(ME, 0x81, bytes.fromhex("1090") + VALUE)
    assert Told(line(BROADCAST, old=True).read(0x9010), [old]).result == VALUE


def test_a_broadcast_waits_for_quiet_and_no_answer() -> None:
    told = Told(line().broadcast(0x08, bytes(6)), [b"echo", None])
    assert len(told.sent) == 1
    assert told.result is None
    assert told.waited_s == 1.0


def test_the_address_is_asked_for() -> None:
    script: Script = [encode_frame(ME, 0x93, bytes.fromhex("785634120000"))]
    told = Told(line("a").ask_address(), script)
    assert told.result == ME
    assert told.sent == [encode_frame(ANY, 0x13)]
    number = encode_frame(ME, 0x81, bytes.fromhex("32c0 111111111111"))
    assert Told(line("a", old=True).ask_address(), [number]).result == ME


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | st.none(), max_size=12), st.booleans(), st.data())
def test_garbage_is_a_protocol_error(script: Script, old: bool, data: st.DataObject) -> None:
    pieces = answer(TOTAL, VALUE, control=0xB1)
    script.insert(data.draw(st.integers(0, len(script))), pieces)
    told = Told(line(old=old).read(0x9010 if old else TOTAL), script)
    assert told.failure is not None or told.result is not None


@settings(deadline=None)
@given(st.integers(1, 40), st.binary(max_size=30))
def test_the_answer_comes_out_however_it_is_cut(piece: int, noise: bytes) -> None:
    stream = noise.replace(b"\x68", b"") + answer(TOTAL, VALUE)
    script: Script = [stream[at : at + piece] for at in range(0, len(stream), piece)]
    assert Told(line().read(TOTAL), script).result == VALUE


@pytest.mark.parametrize("cut", [1, 3, 12, 100])
def test_the_copy_of_a_refusal_is_not_the_answer_to_the_next_question(cut: int) -> None:
    """Some lines say everything twice; a refusal names nothing that would tell it apart."""
    copy = [REFUSED[at : at + cut] for at in range(0, len(REFUSED), cut)]
    one = line()
    first = Told(one.read(VOLTAGE), [REFUSED, *copy, None])
    assert isinstance(first.result, Refusal)
    assert first.waited_s == 0.5
    assert Told(one.read(TOTAL), [answer(TOTAL, VALUE)]).result == VALUE


def test_a_line_that_never_falls_quiet_does_not_hold_us() -> None:
    told = Told(line().read(VOLTAGE), [REFUSED, *[REFUSED * 20] * 1000])
    assert isinstance(told.result, Refusal)
