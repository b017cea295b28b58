"""What links do at their edges: nothing to tell apart, nothing to say, names that nobody knows."""

import pytest
from hypothesis import given, strategies as st

from protocols.dlms.apdu_push import DataNotification
from protocols.dlms.cosem import obis_text
from protocols.dlms.hdlc import UI, encode_frame
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import LocalProtocolError
from protocols.links.alarm_push import ALARM_REGISTER, alarm_bytes, alarm_event, smr5_alarm
from protocols.links.base import LinkSettings, MeterBytes, Verdict
from protocols.links.boundary import frame_size, is_one_frame
from protocols.links.classify import classify
from protocols.links.notices import AlarmTold
from protocols.links.packets import cut_frame
from protocols.links.pipe import PipeLink
from protocols.links.raw import RawLink
from protocols.links.registry import KINDS, detect, make_link

EQUIPMENT = "E0099000000000042"


FRAMES = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.binary(max_size=300).map(lambda apdu: encode_wpdu(1, 2, apdu)),
    st.binary(max_size=300).map(lambda told: encode_frame(b"\x03", b"\x21", UI, told)),
)


@given(FRAMES, st.integers(-2, 2))
def test_what_is_one_frame_has_the_size_of_one(frame: bytes, more: int) -> None:
    data = frame[:more] if more < 0 else frame + bytes(more)
    if data:
        assert is_one_frame(data) == (frame_size(data) == len(data))


def test_a_pipe_carries_what_comes() -> None:
    link = PipeLink()
    assert (link.pipe, link.name) == (True, "raw")
    assert link.receive(b"abc") == [MeterBytes(b"abc")]
    assert (link.idle(), link.wrap(b"abc")) == ([], b"abc")


@pytest.mark.parametrize("name", ["dlms-push", "dsmr4"])
def test_a_device_that_pushes_is_answered_as_it_speaks(name: str) -> None:
    link = make_link(LinkSettings(link=name))
    assert link.wrap(b"abc") == b"abc"
    assert link.idle() == []
    assert not link.pipe


def test_a_dlms_push_is_meter_bytes_and_nothing_else() -> None:
    link = KINDS["dlms-push"].make(LinkSettings())
    assert link.receive(b"abc") == [MeterBytes(b"abc")]
    assert link.is_plain(b"abc")


def test_a_link_that_nobody_knows() -> None:
    with pytest.raises(LocalProtocolError, match="no link 'pigeon'; known are"):
        make_link(LinkSettings(link="pigeon"))


def test_a_named_link_is_not_looked_for() -> None:
    assert detect(b"", LinkSettings(link="ddp")) is KINDS["ddp"]


def test_a_kind_that_is_left_out_is_not_found() -> None:
    first = bytes.fromhex("00010001000100080f00000001000000")
    assert detect(first, LinkSettings()) is KINDS["dlms-push"]
    assert detect(first, LinkSettings(left_out=("dlms-push",))) is not KINDS["dlms-push"]


# -- alarms


@pytest.mark.parametrize(
    ("told", "rest"),
    [
        ({"register": b"\0\0\0\x10"}, b"\0\0\0\x10"),
        ({"obis": "1.0.9.7.0.255"}, bytes((1, 0, 9, 7, 0, 255))),
        ({}, b"supply-lost"),
    ],
)
def test_an_alarm_is_kept_as_bytes(told: dict[str, object], rest: bytes) -> None:
    alarm = AlarmTold(source=EQUIPMENT, code="supply-lost", **told)
    assert alarm_bytes(alarm) == EQUIPMENT.encode() + b"," + rest


def test_an_alarm_as_an_event() -> None:
    register = alarm_event(AlarmTold(source=EQUIPMENT, code="x", register=b"\0\0\1\0"))
    assert register is not None
    assert (obis_text(register.attribute.obis), register.value) == (ALARM_REGISTER, 256)
    named = alarm_event(AlarmTold(source=EQUIPMENT, code="x", obis="1.0.9.7.0.255"), b"time")
    assert named is not None
    assert (obis_text(named.attribute.obis), named.value, named.time) == (
        "1.0.9.7.0.255",
        "",
        b"time",
    )
    assert alarm_event(AlarmTold(source=EQUIPMENT, code="supply-lost")) is None


NAME = bytes((0, 0, 97, 98, 20, 255))


@pytest.mark.parametrize(
    "body",
    [
        5, [], [EQUIPMENT.encode(), NAME], ["text", NAME, 5], [EQUIPMENT.encode(), b"short", 5],
        [EQUIPMENT.encode(), 7, 5], [EQUIPMENT.encode()[:-1], NAME, 5], [b"\xff" * 17, NAME, 5],
        [EQUIPMENT.encode(), NAME, "5"], [EQUIPMENT.encode(), NAME, -1],
        [EQUIPMENT.encode(), NAME, 1 << 32],
    ],
)  # fmt: skip
def test_what_is_no_alarm_of_a_meter(body: object) -> None:
    assert smr5_alarm(DataNotification(1, None, body)) is None


def test_an_alarm_of_a_meter() -> None:
    alarm = smr5_alarm(DataNotification(1, None, [EQUIPMENT.encode(), NAME, 16]))
    assert alarm is not None
    assert (alarm.source, alarm.register, alarm.obis) == (
        EQUIPMENT,
        b"\0\0\0\x10",
        "0.0.97.98.20.255",
    )


# -- frames in the stream


@pytest.mark.parametrize(
    ("start", "size"),
    [
        ("7e", 0), ("7ea0", 0), ("7e10", None), ("7e1000", None), ("7ea00a", 12), ("00", 0),
        ("0002", None), ("0001", 0), ("0001000100010005", 13), ("2f", None),
    ],
)  # fmt: skip
def test_sizes_of_frames(start: str, size: int | None) -> None:
    assert frame_size(bytes.fromhex(start)) == size


@pytest.mark.parametrize(
    ("first", "looks"),
    [
        ("680102030405", "dlt698.45"), ("68320032006800", "q/gdw-376.1"),
        ("fefe681234567890126811", "dlt645"), ("68123456789012681104", "dlt645"),
        ("2f3f210d0a", "iec62056-21"),
    ],
)  # fmt: skip
def test_broken_frames_are_told_by_their_marks(first: str, looks: str) -> None:
    assert classify(bytes.fromhex(first)) == looks


def test_a_frame_that_lacks_its_end_in_packets() -> None:
    """The text stands in it; without it there are too few bytes."""
    text = b"MODEM1"
    frame = bytes.fromhex("0001000100010008") + b"12345678"
    cut = frame[:10] + text + frame[10:14]
    assert cut_frame(cut, len(frame), text) is None
    assert cut_frame(cut + frame[14:], len(frame), text) == (frame, b"")


# -- raw


def test_a_raw_link_needs_an_expression() -> None:
    with pytest.raises(LocalProtocolError, match="registration expression"):
        RawLink(LinkSettings(link="raw"))
    assert KINDS["raw"].sniff(b"MODEM:1", LinkSettings()) is Verdict.NO


def raw(mode: str = "link") -> RawLink:
    return RawLink(LinkSettings(registration=r"ID(?P<modem_id>\d{4})!", registration_mode=mode))


def test_padding_in_front_of_a_registration_is_nothing() -> None:
    link = raw()
    assert link.idle() == []
    assert link.receive(b"\r\n\0") == []
    assert link.idle() == []
    assert KINDS["raw"].sniff(b"\r\n", LinkSettings(registration="ID")) is Verdict.MORE
    assert [type(event).__name__ for event in link.receive(b"ID0001!")] == ["Identified"]


def test_bytes_without_a_frame_that_are_all_held() -> None:
    """In the mode of packets: what may begin the text waits, and is let go after a pause."""
    link = raw("data")
    link.receive(b"ID0001!")
    assert [e.data for e in link.receive(b"/xID00") if isinstance(e, MeterBytes)] == [b"/x"]
    assert [e.data for e in link.receive(b"01") if isinstance(e, MeterBytes)] == []
    assert [e.data for e in link.idle() if isinstance(e, MeterBytes)] == [b"ID0001"]


def test_the_pipe_adds_nothing_and_waits_for_its_text() -> None:
    link = raw()
    assert link.wrap(b"\x7e\x00") == b"\x7e\x00"
    assert link.receive(b"ID0") == link.idle() == []
    sniff = KINDS["raw"].sniff
    assert sniff(b"other", LinkSettings(registration="ID")) is Verdict.NO
    assert sniff(b"I", LinkSettings(registration="ID")) is Verdict.MORE


def test_the_text_alone_inside_a_frame_that_was_let_go_is_nothing() -> None:
    link = raw("data")
    frame = bytes.fromhex("0001000100010008") + b"12345678"
    link.receive(b"ID0001!" + frame[:10])
    assert [e.data for e in link.idle() if isinstance(e, MeterBytes)] == [frame[:10]]
    assert [e for e in link.receive(b"ID0001!") if isinstance(e, MeterBytes)] == []
    assert [e.data for e in link.receive(frame[10:]) if isinstance(e, MeterBytes)] == [frame[10:]]
