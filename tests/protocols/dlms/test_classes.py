"""Interface classes: known encodings, written out by hand from the layout, and what is refused."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from protocols.dlms.axdr import BitString, decode_all
from protocols.dlms.classes import (
    activity_calendar,
    auto_connect,
    clock,
    dates,
    disconnect_control,
    gprs_modem_setup,
    gsm_diagnostic,
    image_transfer,
    limiter,
    push_setup,
    register_monitor,
    security_setup,
    single_action_schedule,
    special_days,
    tcp_udp_setup,
)
from protocols.dlms.classes.common import Script, Watched
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.dates import ALWAYS, Date, Moment, Time, decode_date, decode_moment
from protocols.dlms.classes.kinds import U8, U16, named
from protocols.errors import LocalProtocolError, RemoteProtocolError

CLASSES: list[CosemClass[Any]] = [
    clock.CLOCK, image_transfer.IMAGE_TRANSFER, push_setup.PUSH_SETUP,
    single_action_schedule.SINGLE_ACTION_SCHEDULE, activity_calendar.ACTIVITY_CALENDAR,
    special_days.SPECIAL_DAYS, gprs_modem_setup.GPRS_MODEM_SETUP, tcp_udp_setup.TCP_UDP_SETUP,
    auto_connect.AUTO_CONNECT, gsm_diagnostic.GSM_DIAGNOSTIC,
    disconnect_control.DISCONNECT_CONTROL, register_monitor.REGISTER_MONITOR, limiter.LIMITER,
    security_setup.SECURITY_SETUP,
]  # fmt: skip
NUMBERS = {
    "Clock": 8, "SpecialDays": 11, "ImageTransfer": 18, "ActivityCalendar": 20,
    "RegisterMonitor": 21, "SingleActionSchedule": 22, "AutoConnect": 29, "PushSetup": 40,
    "TcpUdpSetup": 41, "GprsModemSetup": 45, "GsmDiagnostic": 47, "SecuritySetup": 64,
    "DisconnectControl": 70, "Limiter": 71,
}  # fmt: skip
ATTRIBUTES = {8: 9, 11: 2, 18: 7, 20: 10, 21: 4, 22: 4, 29: 6, 40: 7, 41: 6, 45: 4, 47: 8, 64: 5,
              70: 4, 71: 11}  # fmt: skip
"""Class to its last attribute."""


def test_each_class_has_its_number_and_its_attributes_without_a_hole() -> None:
    assert {kind.values.__name__: kind.class_id for kind in CLASSES} == NUMBERS
    for kind in CLASSES:
        assert list(kind.kinds) == list(range(2, ATTRIBUTES[kind.class_id] + 1))
        assert len(kind.values.__struct_fields__) == len(kind.kinds)
        for index in kind.kinds:
            assert kind.index(kind.field(index)) == index


NEW_YEAR = Moment(Date(None, 1, 1), Time(0, 0, 0, 0))
TARIFFS = bytes((0, 0, 10, 0, 100, 255))
KNOWN: list[tuple[CosemClass[Any], int, Any, str]] = [
    # a time: 2026-03-31, a Tuesday, 13:40:00.00, deviation -420, daylight saving off
    (
        clock.CLOCK, 2,
        Moment(Date(2026, 3, 31, 2), Time(13, 40, 0, 0), -420, 0),
        "090c 07ea 03 1f 02 0d 28 00 00 fe5c 00",
    ),
    (clock.CLOCK, 3, -420, "10 fe5c"),
    (clock.CLOCK, 7, 60, "0f 3c"),
    (clock.CLOCK, 8, True, "03 01"),
    (special_days.SPECIAL_DAYS, 2, (special_days.SpecialDay(1, Date(None, 4, 30), 9),),
     "01 01 02 03 12 0001 09 05 ffff 04 1e ff 11 09"),
    (image_transfer.IMAGE_TRANSFER, 2, 200, "06 000000c8"),
    (image_transfer.IMAGE_TRANSFER, 3, "110", "04 03 c0"),
    (image_transfer.IMAGE_TRANSFER, 6, image_transfer.ImageStatus.VERIFICATION_FAILED, "16 04"),
    (image_transfer.IMAGE_TRANSFER, 7, (image_transfer.ImageInfo(300, b"FW2", b""),),
     "01 01 02 03 06 0000012c 09 03 465732 09 00"),
    (activity_calendar.ACTIVITY_CALENDAR, 7,
     (activity_calendar.Season(b"Y", NEW_YEAR, b"W"),),
     "01 01 02 03 09 01 59 09 0c ffff 01 01 ff 00 00 00 00 8000 ff 09 01 57"),
    (activity_calendar.ACTIVITY_CALENDAR, 8,
     (activity_calendar.Week(b"W", 1, 1, 1, 1, 1, 2, 2),),
     "01 01 02 08 09 01 57 11 01 11 01 11 01 11 01 11 01 11 02 11 02"),
    (activity_calendar.ACTIVITY_CALENDAR, 9,
     (activity_calendar.Day(1, (activity_calendar.Switch(Time(17, 30, 0, 0), TARIFFS, 2),)),),
     "01 01 02 02 11 01 01 01 02 03 09 04 11 1e 00 00 09 06 00000a0064ff 12 0002"),
    (register_monitor.REGISTER_MONITOR, 3, Watched(3, bytes((1, 0, 32, 7, 0, 255)), 2),
     "02 03 12 0003 09 06 0100200700ff 0f 02"),
    (register_monitor.REGISTER_MONITOR, 4,
     (register_monitor.Crossing(Script(TARIFFS, 1), Script(TARIFFS, 2)),),
     "01 01 02 02 02 02 09 06 00000a0064ff 12 0001 02 02 09 06 00000a0064ff 12 0002"),
    (single_action_schedule.SINGLE_ACTION_SCHEDULE, 4,
     (single_action_schedule.Execution(Time(0, 30, 0, 0), Date()),),
     "01 01 02 02 09 04 00 1e 00 00 09 05 ffff ff ff ff"),
    (auto_connect.AUTO_CONNECT, 2, 101, "16 65"),
    (auto_connect.AUTO_CONNECT, 6, ("h:1",), "01 01 09 03 683a31"),
    (push_setup.PUSH_SETUP, 2, (push_setup.PushObject(8, bytes((0, 0, 1, 0, 0, 255)), 2, 0),),
     "01 01 02 04 12 0008 09 06 0000010000ff 0f 02 12 0000"),
    (push_setup.PUSH_SETUP, 3, push_setup.Destination(0, b"h:1", 0),
     "02 03 16 00 09 03 683a31 16 00"),
    (push_setup.PUSH_SETUP, 7, 60, "12 003c"),
    (tcp_udp_setup.TCP_UDP_SETUP, 2, 4059, "12 0fdb"),
    (gprs_modem_setup.GPRS_MODEM_SETUP, 2, "net", "09 03 6e6574"),
    (gprs_modem_setup.GPRS_MODEM_SETUP, 4,
     gprs_modem_setup.Qualities(gprs_modem_setup.Quality(1, 2, 3, 4, 5),
                                gprs_modem_setup.Quality(3, 4, 3, 4, 31)),
     "02 02 02 05 11 01 11 02 11 03 11 04 11 05 02 05 11 03 11 04 11 03 11 04 11 1f"),
    (gsm_diagnostic.GSM_DIAGNOSTIC, 2, "Vina", "0a 04 56696e61"),
    (security_setup.SECURITY_SETUP, 2, 3, "16 03"),
    (disconnect_control.DISCONNECT_CONTROL, 2, False, "03 00"),
    (disconnect_control.DISCONNECT_CONTROL, 3,
     disconnect_control.ControlState.READY_FOR_RECONNECTION, "16 02"),
    (limiter.LIMITER, 6, 60, "06 0000003c"),
    (limiter.LIMITER, 8, limiter.Emergency(1, ALWAYS, 3600),
     "02 03 12 0001 09 0c ffff ff ff ff ff ff ff ff 8000 ff 06 00000e10"),
    (limiter.LIMITER, 9, (1, 2), "01 02 12 0001 12 0002"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "index", "value", "wire"), KNOWN,
    ids=[f"{kind.class_id}/{index}" for kind, index, _, _ in KNOWN],
)  # fmt: skip
def test_a_value_is_those_bytes_and_those_bytes_the_value(
    kind: CosemClass[Any], index: int, value: Any, wire: str
) -> None:
    data = bytes.fromhex(wire)
    assert kind.encode(index, value) == data
    assert kind.decode_bytes(index, data) == value


def test_what_methods_take() -> None:
    offer = image_transfer.OFFER.encode(image_transfer.Offer(b"FW2", 300))
    assert offer.hex(" ") == "02 02 09 03 46 57 32 06 00 00 01 2c"
    block = image_transfer.BLOCK.encode(image_transfer.Block(1, b"\xaa\xbb"))
    assert block.hex(" ") == "02 02 06 00 00 00 01 09 02 aa bb"
    assert image_transfer.NO_PARAMETER.hex() == clock.adjust().hex() == "0f00"
    assert clock.shift(-30).hex() == "10ffe2"
    assert special_days.delete(7).hex() == "120007"
    assert special_days.SPECIAL_DAY.encode(
        special_days.SpecialDay(2, Date(2026, 9, 2, 3), 1)
    ) == bytes.fromhex("0203 120002 0905 07ea090203 1101")
    moment = bytes.fromhex("090c 07ea 03 1f 02 0d 28 00 00 fe5c 00")
    then = Moment(Date(2026, 3, 31, 2), Time(13, 40, 0, 0), -420, 0)
    assert clock.preset(clock.Preset(then, then, then)) == b"\x02\x03" + 3 * moment


@pytest.mark.parametrize("seconds", [901, -901])
def test_a_shift_has_a_limit(seconds: int) -> None:
    with pytest.raises(LocalProtocolError):
        clock.shift(seconds)


# -- what meters do otherwise


def test_newer_versions_send_more() -> None:
    longer = bytes.fromhex("01 01 02 06 12 0008 09 06 0000010000ff 0f 02 12 0000 00 00")
    (told,) = push_setup.PUSH_SETUP.decode_bytes(2, longer)
    assert (told.class_id, told.attribute) == (8, 2)
    delay = bytes.fromhex("02 03 12 003c 12 0064 12 0e10")
    assert push_setup.PUSH_SETUP.decode_bytes(7, delay) == 60
    cell = bytes.fromhex("02 07 06 00010001 12 0002 11 13 11 00 12 01c4 12 0004 06 00000000")
    assert gsm_diagnostic.GSM_DIAGNOSTIC.decode_bytes(6, cell) == (0x10001, 2, 19, 0)
    assert auto_connect.AUTO_CONNECT.decode_bytes(5, b"\x00") == ()
    assert gsm_diagnostic.GSM_DIAGNOSTIC.decode_bytes(2, bytes.fromhex("0902 4142")) == "AB"


def test_words() -> None:
    assert clock.status_words(0x81) == ("invalid", "daylight-saving")
    assert clock.status_words(0xFF) == ()
    assert [gsm_diagnostic.signal_dbm(n) for n in (0, 19, 31, 32, 99)] == [
        -113,
        -75,
        -51,
        None,
        None,
    ]
    assert security_setup.policies(3) == ("authenticated", "encrypted")
    assert security_setup.policies(0) == ()
    assert security_setup.policies(0x24) == ("authenticated-request", "authenticated-response")
    assert named(push_setup.Transport, 0) == "tcp"
    assert named(push_setup.Transport, 203) == "203"


def test_the_pin_shows_nowhere() -> None:
    setup = gprs_modem_setup.GprsModemSetup(apn="net", pin=4711)
    assert "4711" not in repr(setup)


def test_half_hours_are_48_times_of_day() -> None:
    times = single_action_schedule.every(1800)
    assert len(times) == 48
    assert times[0].time[:3] == (0, 0, 0)
    assert times[-1].time[:3] == (23, 30, 0)
    assert all(execution.date == Date() for execution in times)


# -- keys


MASTER = bytes(range(16))
KEY = bytes.fromhex("00112233445566778899aabbccddeeff")


def test_a_key_travels_wrapped_as_the_example_of_rfc_3394_has_it() -> None:
    parameter = security_setup.key_transfer({security_setup.KeyId.GLOBAL_UNICAST: KEY}, MASTER)
    wrapped = "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"
    assert parameter.hex() == f"0101 0202 1600 0918 {wrapped}".replace(" ", "")
    unwrapped = security_setup.unwrap(decode_all(parameter), MASTER)
    assert unwrapped == {security_setup.KeyId.GLOBAL_UNICAST: KEY}


def test_another_master_key_opens_nothing() -> None:
    parameter = security_setup.key_transfer({security_setup.KeyId.AUTHENTICATION: KEY}, MASTER)
    with pytest.raises(RemoteProtocolError):
        security_setup.unwrap(decode_all(parameter), KEY)


@pytest.mark.parametrize(
    ("keys", "master", "suite"),
    [({}, MASTER, 0), ({0: KEY[:8]}, MASTER, 0), ({0: KEY}, MASTER[:8], 0), ({0: KEY}, MASTER, 9),
     ({0: KEY}, MASTER, 2)],
)  # fmt: skip
def test_keys_that_no_suite_has_are_not_sent(keys: Any, master: bytes, suite: int) -> None:
    with pytest.raises(LocalProtocolError):
        security_setup.key_transfer(keys, master, suite=suite)


def test_key_agreement_is_refused_in_a_sentence() -> None:
    with pytest.raises(LocalProtocolError, match=r"key agreement .* is not done"):
        security_setup.key_agreement()


# -- nonsense


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64), st.binary(max_size=13),
        st.text("01", max_size=9).map(BitString), st.text(max_size=5), st.floats(),
    ),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=20,
)  # fmt: skip


@given(st.sampled_from(CLASSES), values, st.data())
def test_nonsense_is_the_protocol_error_or_a_value_that_can_be_sent(
    kind: CosemClass[Any], value: Any, data: st.DataObject
) -> None:
    index = data.draw(st.sampled_from(list(kind.kinds)))
    try:
        decoded = kind.decode(index, value)
    except RemoteProtocolError:
        return
    if kind.field(index).startswith("threshold"):
        return  # of any type
    again = kind.decode_bytes(index, kind.encode(index, decoded))
    assert again == decoded


@given(st.sampled_from(KNOWN), st.data())
def test_a_damaged_attribute_is_the_protocol_error_or_a_value(
    known: tuple[CosemClass[Any], int, Any, str], data: st.DataObject
) -> None:
    kind, index, _, wire = known
    raw = bytearray.fromhex(wire)
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        kind.decode_bytes(index, bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    except RemoteProtocolError:
        pass


@pytest.mark.parametrize("value", [True, 256, -1, "1", None, 1.0])
def test_a_number_is_no_other_thing(value: Any) -> None:
    with pytest.raises(RemoteProtocolError):
        U8.decode(value)
    with pytest.raises(LocalProtocolError):
        U8.encode(value)
    assert U16.decode(256) == 256


@pytest.mark.parametrize(
    "octets", ["", "07ea0d0101", "07ea002001", "07ea010008", "07ea010100", "ffff0101ff00"]
)
def test_dates_that_are_none(octets: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_date(bytes.fromhex(octets))
    with pytest.raises(RemoteProtocolError):
        decode_moment(bytes.fromhex(octets))


def test_an_object_without_what_each_has_is_none() -> None:
    with pytest.raises(RemoteProtocolError, match="attribute 3 of class 70"):
        disconnect_control.DISCONNECT_CONTROL.whole({2: True, 4: 1})


# -- the relay's control modes, told again


@pytest.mark.parametrize(
    ("mode", "after_open", "after_close"),
    [(0, 1, 1), (1, 0, 2), (2, 0, 1), (3, 0, 2), (4, 0, 1), (5, 0, 2), (6, 0, 2)],
)
def test_what_a_remote_command_does_in_each_control_mode(
    mode: int, after_open: int, after_close: int
) -> None:
    step, states = disconnect_control.step, disconnect_control.ControlState
    opened = step(mode, states.CONNECTED, disconnect_control.REMOTE_DISCONNECT)
    assert opened == after_open
    assert step(mode, opened, disconnect_control.REMOTE_RECONNECT) == after_close
    if mode:
        ready = states.READY_FOR_RECONNECTION
        assert step(mode, ready, disconnect_control.REMOTE_DISCONNECT) == states.DISCONNECTED
        assert step(mode, ready, disconnect_control.REMOTE_RECONNECT) == ready


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (dates.DATE, Date(70_000)),
        (dates.DATE, Date(2026, 255)),
        (dates.TIME, Time(-1)),
        (gprs_modem_setup.GPRS_MODEM_SETUP.kinds[2], "Đà Nẵng"),
        (special_days.SPECIAL_DAY, special_days.SpecialDay(1, Date(), 256)),
        (tcp_udp_setup.TCP_UDP_SETUP.kinds[3], b"short"),
    ],
)
def test_what_cannot_be_sent_is_our_own_mistake(kind: Any, value: Any) -> None:
    with pytest.raises(LocalProtocolError):
        kind.encode(value)


@pytest.mark.parametrize(
    ("index", "value"), [(2, 5), (2, BitString("01")), (3, 99), (7, [1, 2]), (7, 5), (7, [[1]])]
)
def test_what_a_diagnostic_does_not_say(index: int, value: Any) -> None:
    kind = gsm_diagnostic.GSM_DIAGNOSTIC if index != 3 else disconnect_control.DISCONNECT_CONTROL
    with pytest.raises(RemoteProtocolError):
        kind.decode(index, value)


def test_zeros_where_nothing_is_set() -> None:
    assert decode_date(bytes(5)) == Date()
    assert dates.decode_moment(bytes(12)).date == Date()
    for at in range(5):
        with pytest.raises(RemoteProtocolError):
            decode_date(bytes(at) + b"\x01" + bytes(4 - at))


@pytest.mark.parametrize("octets", ["18000000", "003c0000", "00", "00006400"])
def test_times_of_day_that_are_none(octets: str) -> None:
    with pytest.raises(RemoteProtocolError):
        dates.decode_time(bytes.fromhex(octets))


def test_a_structure_of_another_size_is_none() -> None:
    for parts in ([3], [3, TARIFFS, 2, 0]):
        with pytest.raises(RemoteProtocolError):
            register_monitor.REGISTER_MONITOR.decode(3, parts)
