"""The raw link: the modem's own texts come out, the meter's bytes come through as they were."""

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms.hdlc import UI, encode_frame
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import Heartbeat, Held, Identified, LinkEvent, LinkSettings, MeterBytes
from protocols.links.raw import RawLink
from protocols.links.texts import compile_text, match_text

TEMPLATE = r"MODEM:(?P<modem_id>\w+)\r\n"
TEXT = b"MODEM:4711\r\n"
HB = b"HB"
HDLC = encode_frame(b"\x21", b"\x03", UI, b"\xe6\xe7\x00" + bytes(range(40)))
WRAPPED = encode_wpdu(1, 16, bytes(range(60)))


def link(
    mode: str = "link", *, registration: str = TEMPLATE, heartbeat: str | None = None
) -> RawLink:
    return RawLink(
        LinkSettings(registration=registration, registration_mode=mode, heartbeat=heartbeat)
    )


def hear(modem: RawLink, pieces: Iterable[bytes], *, pause: bool = True) -> list[LinkEvent]:
    events = [event for piece in pieces for event in modem.receive(piece)]
    return events + (modem.idle() if pause else [])


def names(events: Sequence[LinkEvent]) -> list[str]:
    return [event.modem_id for event in events if isinstance(event, Identified)]


def meter_bytes(events: Sequence[LinkEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, MeterBytes))


def beats(events: Sequence[LinkEvent]) -> int:
    return sum(isinstance(event, Heartbeat) for event in events)


def cut(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    marks = [0, *sorted(cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(marks) if a < b]


def every_cut(stream: bytes) -> list[list[bytes]]:
    return [
        [stream],
        *(cut(stream, [at]) for at in range(1, len(stream))),
        cut(stream, range(len(stream))),
    ]


def with_text_inside(text: bytes) -> bytes:
    return encode_frame(b"\x21", b"\x03", UI, b"\xe6\xe7\x00\x0f" + text + b"tail")


# -- who is calling


@pytest.mark.parametrize("pieces", every_cut(TEXT), ids=repr)
def test_the_name_may_come_in_any_pieces(pieces: list[bytes]) -> None:
    events = hear(link(), pieces)
    assert events == [Identified("4711", "registration")]


@pytest.mark.parametrize(
    "data", [HDLC, WRAPPED, b"/ABC5meter\r\n"], ids=["hdlc", "wrapper", "text"]
)
def test_the_name_may_be_glued_to_the_first_data(data: bytes) -> None:
    for pieces in every_cut(TEXT + data):
        events = hear(link(), pieces)
        assert names(events) == ["4711"]
        assert meter_bytes(events) == data


def test_what_modems_say_while_they_wake_up_is_no_name() -> None:
    assert names(hear(link(), [b"\x00\x00\r\n", b" ", TEXT])) == ["4711"]


def test_padding_without_an_end_is_not_collected() -> None:
    modem = link()
    for _ in range(100):
        modem.receive(b"\x00" * 10_000)
    assert modem._buffer == b""


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1", HDLC, b"MODEN:", b"MODEM:!!"], ids=repr)
def test_other_first_bytes_are_refused(first: bytes) -> None:
    for pieces in ([first], cut(first, range(len(first)))):
        with pytest.raises(RemoteProtocolError, match="no registration"):
            hear(link(), pieces)


def test_a_name_without_an_end_in_sight_is_refused() -> None:
    modem = link()
    with pytest.raises(RemoteProtocolError, match="no registration"):
        hear(modem, [b"MODEM:" + b"7" * 40] * 20, pause=False)


@pytest.mark.parametrize("expression", [r"MODEM:(?P<modem_id>\w+)", r"MODEM:(?P<modem_id>\w+)$"])
def test_a_text_without_an_end_mark_ends_with_a_pause(expression: str) -> None:
    for pieces in every_cut(b"MODEM:4711"):
        modem = link(registration=expression)
        assert hear(modem, pieces, pause=False) == []
        assert modem.idle() == [Identified("4711", "registration")]
        assert meter_bytes(hear(modem, [HDLC])) == HDLC


@pytest.mark.parametrize("mark", ["", "$", r"\Z"])
def test_a_text_of_a_fixed_size_ends_by_itself_even_glued_to_data(mark: str) -> None:
    imei = b"861234567890123"
    for pieces in every_cut(imei + HDLC):
        events = hear(link(registration=r"^\d{15}" + mark), pieces, pause=False)
        assert names(events) == [imei.decode()]
        assert meter_bytes(events) == HDLC


def test_a_dollar_may_be_a_letter_of_the_text() -> None:
    assert compile_text(r"ID\$").fullmatch(b"ID$") is not None
    assert compile_text(r"ID\$").fullmatch(b"ID") is None
    assert compile_text(r"ID\\$").fullmatch(b"ID\\") is not None


def test_a_literal_name_of_bytes_is_shown_in_hex() -> None:
    assert names(hear(link(registration=r"\xf1\x01\x02\x03"), [b"\xf1\x01\x02\x03"])) == [
        "f1010203"
    ]


def test_a_wrong_expression_is_the_fault_of_the_configuration() -> None:
    with pytest.raises(LocalProtocolError, match="missing"):
        link(registration="(MODEM")


def test_a_pathological_expression_ends_the_connection_not_the_program() -> None:
    modem = link(registration=r"(?:(?:a|aa)+)+b(?P<modem_id>.)")
    began = time.perf_counter()
    with pytest.raises(RemoteProtocolError):
        hear(modem, [b"a" * 200 + b"!"])
    assert time.perf_counter() - began < 10


def test_a_pathological_heartbeat_sees_the_first_bytes_only() -> None:
    modem = link(heartbeat=r"HBx*x*x*z")
    modem.receive(TEXT)
    noise = HB + b"x" * 10_000 + b"y"
    assert meter_bytes(hear(modem, [noise], pause=False)) == noise


# -- what it says by itself


def test_the_name_again_is_a_heartbeat() -> None:
    for pieces in every_cut(TEXT + HDLC + TEXT + WRAPPED + TEXT):
        events = hear(link(), pieces)
        assert names(events) == ["4711"]
        assert meter_bytes(events) == HDLC + WRAPPED
        assert beats(events) == 2


def test_heartbeats_between_frames_come_out() -> None:
    for pieces in every_cut(TEXT + HB + HDLC + HB + HB + WRAPPED + HB):
        events = hear(link(heartbeat="HB"), pieces)
        assert meter_bytes(events) == HDLC + WRAPPED
        assert beats(events) == 4


@pytest.mark.parametrize("text", [HB, TEXT])
def test_the_same_bytes_inside_a_frame_are_the_meters_own(text: bytes) -> None:
    for frame in (with_text_inside(text), encode_wpdu(1, 16, b"\x0f" + text * 3)):
        for pieces in every_cut(TEXT + frame + HB):
            events = hear(link(heartbeat="HB"), pieces)
            assert meter_bytes(events) == frame
            assert beats(events) == 1


def test_a_heartbeat_between_the_halves_of_an_answer_is_left_to_the_check_of_the_frame() -> None:
    broken = HDLC[:20] + HB + HDLC[20:]
    assert meter_bytes(hear(link(heartbeat="HB"), [TEXT, broken])) == broken


def test_data_that_begins_like_a_heartbeat_waits_for_a_pause_and_is_let_go() -> None:
    modem = link(heartbeat="HB")
    modem.receive(TEXT)
    assert modem.receive(b"H") == [Held()]
    assert modem.idle() == [MeterBytes(b"H")]
    assert modem.idle() == []


def test_data_that_begins_like_a_heartbeat_is_let_go_by_the_next_byte() -> None:
    modem = link(heartbeat="HB")
    modem.receive(TEXT)
    assert meter_bytes(hear(modem, [b"H", b"ello"], pause=False)) == b"Hello"


# -- the text in front of every packet


@pytest.mark.parametrize("mode", ["data", "both"])
def test_the_text_in_front_of_packets_comes_out(mode: str) -> None:
    stream = TEXT + (TEXT if mode == "both" else b"") + HDLC + TEXT + WRAPPED + TEXT + HDLC
    for pieces in every_cut(stream):
        events = hear(link(mode), pieces)
        assert names(events) == ["4711"]
        assert meter_bytes(events) == HDLC + WRAPPED + HDLC


@pytest.mark.parametrize("frame", [HDLC, WRAPPED], ids=["hdlc", "wrapper"])
@pytest.mark.parametrize("at", [1, 3, 9, 30])
def test_a_frame_in_several_packets_is_joined(frame: bytes, at: int) -> None:
    at = max(at, 8 if frame is WRAPPED else 3)  # the length itself must be in one packet
    stream = TEXT + frame[:at] + TEXT + frame[at:-1] + TEXT + frame[-1:] + TEXT + HDLC
    for pieces in every_cut(stream):
        assert meter_bytes(hear(link("data"), pieces)) == frame + HDLC


def test_a_frame_that_holds_the_text_keeps_it() -> None:
    frame = with_text_inside(TEXT)
    assert meter_bytes(hear(link("data"), [TEXT + frame], pause=False)) == frame
    for pieces in every_cut(TEXT + frame + TEXT + HDLC):
        assert meter_bytes(hear(link("data"), pieces)) == frame + HDLC


def test_a_wrapper_frame_that_holds_the_text_keeps_it_when_a_frame_or_nothing_follows() -> None:
    frame = encode_wpdu(1, 16, b"\x0f" + TEXT + b"more")
    for pieces in every_cut(TEXT + frame + TEXT + WRAPPED):
        assert meter_bytes(hear(link("data"), pieces)) == frame + WRAPPED
    assert meter_bytes(hear(link("data"), [TEXT + frame])) == frame


def test_text_protocols_in_packets_come_through() -> None:
    for pieces in every_cut(TEXT + b"/ABC5" + TEXT + b"meter\r\n" + TEXT + b"!\r\n"):
        assert meter_bytes(hear(link("data"), pieces)) == b"/ABC5meter\r\n!\r\n"


def test_a_frame_whose_rest_is_late_is_let_go_by_a_pause_and_goes_on() -> None:
    modem = link("data")
    events = hear(modem, [TEXT + HDLC[:30]]) + hear(modem, [TEXT + HDLC[30:], TEXT + WRAPPED])
    assert meter_bytes(events) == HDLC + WRAPPED


# -- anything


frames = st.one_of(
    st.binary(max_size=80).map(
        lambda inside: encode_frame(b"\x21", b"\x03", UI, b"\xe6\xe7\x00" + inside)
    ),
    st.binary(min_size=1, max_size=80).map(lambda inside: encode_wpdu(1, 16, inside)),
    st.sampled_from([with_text_inside(TEXT), with_text_inside(HB), encode_wpdu(1, 16, HB + TEXT)]),
)
parts = st.lists(st.one_of(frames, st.just(HB), st.just(TEXT)), max_size=6)


@settings(max_examples=many(3))
@given(parts, st.data())
def test_frames_are_never_changed_however_the_stream_is_cut(
    sent: list[bytes], data: st.DataObject
) -> None:
    stream = TEXT + b"".join(sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    wanted = b"".join(part for part in sent if part not in {HB, TEXT})
    events = hear(link(heartbeat="HB"), cut(stream, cuts))
    assert names(events) == ["4711"]
    assert meter_bytes(events) == wanted
    assert beats(events) == sum(part in {HB, TEXT} for part in sent)


@settings(max_examples=many(2))
@given(st.lists(frames, max_size=4), st.data())
def test_packets_give_the_same_frames_however_the_stream_is_cut(
    sent: list[bytes], data: st.DataObject
) -> None:
    # The modem closes with its text, so that even a wrapper frame with that text in it has an end.
    stream = TEXT + b"".join(TEXT + frame for frame in sent) + TEXT
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert meter_bytes(hear(link("data"), cut(stream, cuts))) == b"".join(sent)


@given(st.sampled_from(["link", "data", "both"]), st.lists(st.binary(max_size=60), max_size=6))
def test_garbage_is_passed_on_or_refused_and_nothing_is_left_over(
    mode: str, noise: list[bytes]
) -> None:
    modem = link(mode, heartbeat="HB")
    try:
        hear(modem, noise)
    except RemoteProtocolError:
        return
    modem = link(mode, heartbeat="HB")
    hear(modem, [TEXT, *noise])
    assert modem._buffer == b""


def test_a_machine_that_stalls_once_costs_no_modem_its_connection() -> None:
    class Stalls:
        """A pattern whose first try runs out of time."""

        def __init__(self) -> None:
            self.tries: list[float] = []
            self.real = compile_text(r"MODEM:(?P<modem_id>\w+)\r\n")

        def match(self, text: bytes, *, partial: bool, timeout: float) -> object:
            self.tries.append(timeout)
            if len(self.tries) == 1:
                raise TimeoutError
            return self.real.match(text, partial=partial, timeout=timeout)

    pattern = Stalls()
    match = match_text(pattern, b"MODEM:1\r\n")  # type: ignore[arg-type]
    assert match is not None
    assert match.group("modem_id") == b"1"
    assert pattern.tries == sorted(pattern.tries)
    assert len(pattern.tries) == 2


SOME = [TEXT, HDLC, WRAPPED, HDLC[:9], WRAPPED[:5], b"\x00", b"x"]


@given(st.lists(st.sampled_from(SOME), max_size=8))
def test_plain_bytes_are_what_the_link_would_pass_on(pieces: list[bytes]) -> None:
    straight, short = link(), link()
    for piece in [TEXT, *pieces]:
        plain = short.is_plain(piece)
        told = straight.receive(piece)
        if plain:
            assert told == [MeterBytes(piece)]
        else:
            assert short.receive(piece) == told
