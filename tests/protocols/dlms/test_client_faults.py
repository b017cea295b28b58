"""The client on a bad line: lost, repeated, damaged and foreign bytes."""

import random
from collections.abc import Iterable

import pytest
from dlms_bench import NOW, Bench, Tamper, check_profile, check_registers, whole
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import apdu_get, apdu_push, axdr_encode as ax, hdlc
from protocols.dlms.acse import Mechanism
from protocols.dlms.client import DlmsClient
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.hdlc import HdlcReader
from protocols.dlms.reader import TimeRules, read_clock
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.errors import MeterSilent, ProtocolError, RemoteProtocolError

ENERGY = Attribute(3, obis_bytes("1.0.1.8.0.255"), 2)
NOISE = b"\xff\x00~~\x7e\xa0HB\r\n"
CHATTER = hdlc.encode_frame(b"\x03", hdlc.encode_address(1, 99, 2), 0x30, b"\xe6\xe7\x00\xc4")


def every(n: int, harm: Tamper) -> Tamper:
    return lambda number, data: harm(number, data) if number % n == 0 else whole(number, data)


def lost(_number: int, _data: bytes) -> list[bytes | None]:
    return []


def damaged(number: int, data: bytes) -> list[bytes | None]:
    raw = bytearray(data)
    if raw:
        raw[number * 7 % len(raw)] ^= 0x15
    return [bytes(raw)]


def cut_off(_number: int, data: bytes) -> list[bytes | None]:
    return [data[: len(data) // 2], None]


HARM: dict[str, Tamper] = {
    "lost": every(3, lost),
    "damaged": every(3, damaged),
    "cut-off": every(4, cut_off),
    "twice": lambda _, data: [data + data],
    "twice-apart": lambda _, data: [data, data],
    "late": every(5, lambda _, data: [None, data]),
    "noise-before": lambda _, data: [NOISE, data],
    "noise-around": lambda _, data: [NOISE + data + NOISE],
    "others-on-the-line": lambda _, data: [CHATTER + data + CHATTER],
    "in-two": lambda _, data: [data[:5], data[5:]],
}


@pytest.mark.parametrize("way", ["out", "back"])
@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])
def test_hdlc_gets_over_it(harm: str, way: str, auth: Mechanism) -> None:
    """Numbers and checks of the frames let every reading come out right."""
    if (harm, way) == ("late", "out"):
        return  # the meter hears it when it comes
    bench = Bench("hdlc", auth, information=64, physical=17, **{way: HARM[harm]}).associate()
    check_registers(bench)
    check_profile(bench, hours=6)


def test_an_echo_is_not_an_answer() -> None:
    bench = Bench("hdlc", physical=17)
    answer = bench.line.answer
    bench.line.answer = lambda data: data + answer(data)
    bench.associate()
    check_registers(bench)


def test_nothing_is_done_twice() -> None:
    """An answer that got lost is given again: the meter carries no request out a second time."""
    bench = Bench("hdlc", Mechanism.GMAC, back=every(2, lost)).associate()
    before = bench.meter.requests
    bench.run(bench.client.action(Attribute(8, obis_bytes("0.0.1.0.0.255"), 6), ax.i16(30)))
    assert bench.meter.requests - before == 1
    assert bench.meter.clock.drift_s == 30


@pytest.mark.parametrize("harm", ["twice", "twice-apart", "in-two"])
@pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])
def test_the_wrapper_gets_over_repeats(harm: str, auth: Mechanism) -> None:
    bench = Bench("wrapper", auth, max_pdu=200, back=HARM[harm]).associate()
    check_registers(bench)
    check_profile(bench, hours=6)


def test_the_wrapper_passes_over_what_is_not_the_answer() -> None:
    def among_others(_number: int, data: bytes) -> list[bytes | None]:
        push = apdu_push.encode_data_notification(1, None, ax.u8(1))
        event = apdu_push.encode_event_notification(None, ENERGY, ax.u32(666))
        stale = apdu_get.encode_response(0xCE if data[10:11] == b"\xc0" else 0xCF, ax.u32(666))
        foreign = encode_wpdu(2, 1, apdu_get.encode_response(0xC1, ax.u32(666)))
        to_other = encode_wpdu(1, 16, apdu_get.encode_response(0xC1, ax.u32(666)))
        empty = encode_wpdu(1, 1, b"")
        own = [encode_wpdu(1, 1, apdu) for apdu in (push, event, stale)]
        return [b"".join([empty, foreign, to_other, *own]), data]

    bench = Bench("wrapper")
    bench.associate()
    bench.line.back = among_others
    for _ in range(12):
        value = bench.run(bench.client.get(ENERGY))
        assert value == bench.meter.objects.consumption.energy_wh(NOW)


def test_a_late_answer_is_not_taken_for_the_next() -> None:
    bench = Bench("wrapper").associate()
    late: list[bytes] = []
    answer = bench.line.answer

    def slow(data: bytes) -> bytes:
        late.append(answer(data))
        return b"" if len(late) == 1 else late[-2] + late[-1]

    bench.line.answer = slow
    with pytest.raises(MeterSilent):
        bench.run(bench.client.get(ENERGY))
    time = bench.run(read_clock(bench.client, TimeRules()))
    assert time == NOW


@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
def test_silence_is_told_after_a_bounded_time(framing: str) -> None:
    bench = Bench(framing).associate()
    bench.line.answer = lambda _: b""
    bench.line.silences_s.clear()
    with pytest.raises(MeterSilent):
        bench.run(bench.client.get(ENERGY))
    assert 15 <= sum(bench.line.silences_s) <= 90
    bench.run(bench.client.release())
    bench.line.silences_s.clear()
    with pytest.raises(MeterSilent):
        bench.run(bench.client.associate())
    assert sum(bench.line.silences_s) <= 60
    assert len(bench.line.sent) < 20


def test_all_address_sizes_are_tried() -> None:
    bench = Bench("hdlc", physical=17)
    answer = bench.line.answer
    bench.line.answer = lambda data: answer(data) if data[3:7] == b"\x00\x02\x00\x23" else b""
    bench.associate()
    assert bench.carrier.address_size == 4
    check_registers(bench)


@settings(max_examples=many(0.6))
@given(
    st.integers(0, 2**32), st.sampled_from(["hdlc", "wrapper"]),
    st.sampled_from([Mechanism.LOW, Mechanism.GMAC]), st.sampled_from([0.02, 0.1, 0.4]),
)  # fmt: skip
def test_on_any_line_the_value_is_right_or_there_is_none(
    seed: int, framing: str, auth: Mechanism, rate: float
) -> None:
    rng = random.Random(seed)

    def chaos(_number: int, data: bytes) -> Iterable[bytes | None]:
        if rng.random() < rate:
            data = rng.choice(
                [b"", data + data, data[: len(data) // 2], rng.randbytes(20), data[1:]]
            )
        if rng.random() < rate and data and framing == "hdlc":
            raw = bytearray(data)
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            data = bytes(raw)
        cut = rng.randrange(len(data) + 1)
        return [piece for piece in (data[:cut], data[cut:]) if piece] or [None]

    bench = Bench(framing, auth, information=64, max_pdu=128, out=chaos, back=chaos)
    try:
        bench.associate()
        for _ in range(5):
            value = bench.run(bench.client.get(ENERGY))
            assert value == bench.meter.objects.consumption.energy_wh(NOW)
        check_profile(bench, hours=2)
    except ProtocolError:
        pass
    bench.run(bench.client.release())


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=6),
    st.sampled_from(["hdlc", "wrapper"]),
    st.booleans(),
)
def test_any_answer_is_a_protocol_error_at_worst(
    answers: list[bytes], framing: str, framed: bool
) -> None:
    """A meter that says anything at all; ``framed``: in frames that are good."""
    bench = Bench(framing, Mechanism.GMAC).associate()
    left = list(answers)

    def babble(_number: int, data: bytes) -> list[bytes | None]:
        if not left:
            return [data, None]
        return [reframed(data, left.pop()) if framed else left.pop(), None]

    bench.line.back = babble
    client = bench.client
    for dialogue in (
        client.get(ENERGY), client.set(ENERGY, ax.u8(1)), client.action(ENERGY),
        client.get_list([ENERGY] * 3), client.associate(),
    ):  # fmt: skip
        try:
            if dialogue.__name__ == "associate":
                bench.run(bench.client.release())
            bench.run(dialogue)
        except ProtocolError:
            pass


def reframed(data: bytes, apdu: bytes) -> bytes:
    """Return the frame in ``data`` with another APDU in it."""
    hdlc_reader, wrapper = HdlcReader(), WrapperReader()
    if data[:1] == b"\x7e":
        hdlc_reader.receive_data(data)
        frame = hdlc_reader.next_frame()
        assert frame is not None
        return hdlc.encode_frame(
            frame.destination, frame.source, frame.control, apdu, segmented=len(apdu) % 5 == 0
        )
    wrapper.receive_data(data)
    wpdu = wrapper.next_wpdu()
    return b"" if wpdu is None else encode_wpdu(wpdu.source, wpdu.destination, apdu)


def test_a_babbling_line_comes_to_an_end() -> None:
    for framing in ("hdlc", "wrapper"):
        bench = Bench(framing).associate()
        bench.line.back = lambda _n, _d: [encode_wpdu(1, 1, b"\xc4\x01\xcf\x00\x11\x05")] * 100
        with pytest.raises(ProtocolError):
            bench.run(bench.client.get(ENERGY))


def test_a_closed_link_is_told() -> None:
    bench = Bench("hdlc")
    client: DlmsClient = bench.client
    with pytest.raises(ProtocolError):
        bench.run(client.get(ENERGY))


def test_a_segment_with_nothing_in_it_is_no_answer_for_ever() -> None:
    bench = Bench("hdlc", physical=17).associate()
    server = hdlc.encode_address(1, 17, 2)
    link = bench.carrier._line
    counted = {"n": link.receive_number}
    sent = link.send_number

    def numbered(_data: bytes) -> bytes:
        control = hdlc.information_control(counted["n"] & 7, (sent + 1) & 7)
        counted["n"] += 1
        return hdlc.encode_frame(b"\x03", server, control, segmented=True)

    bench.line.answer = numbered
    with pytest.raises(RemoteProtocolError, match="segment"):
        bench.run(bench.client.get(ENERGY))
