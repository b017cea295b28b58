import pytest
from hypothesis import given, strategies as st
from link_tools import cuts, feed, pieces_of

from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import DataNotification, encode_data_notification
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import RemoteProtocolError
from protocols.links.alarm_push import decode_dsmr4, encode_dsmr4, smr5_alarm
from protocols.links.base import Identified, LinkSettings, MeterBytes
from protocols.links.dsmr4 import Dsmr4Link
from protocols.links.forcecontrol import ForceControlLink, encode_login
from protocols.links.notices import AlarmTold
from protocols.links.translate import translate

METER = "E0099000000000042"
REGISTER = METER.encode() + b"," + bytes.fromhex("00000010")
EVENT = METER.encode() + b"," + bytes.fromhex("0001190900ff")
NAME = Identified(METER, "device-id")
BY_REGISTER = AlarmTold(source=METER, code="alarm-register", register=b"\0\0\0\x10")
BY_EVENT = AlarmTold(source=METER, code="event", obis="0.1.25.9.0.255")


def dsmr4() -> Dsmr4Link:
    return Dsmr4Link(LinkSettings())


@pytest.mark.parametrize("size", [1, 2, 5, 17, 18, 22, 99])
def test_the_longer_form_is_whole_at_once_the_shorter_after_a_pause(size: int) -> None:
    made = dsmr4()
    assert feed(made, cuts(EVENT, size)) == [NAME, BY_EVENT]
    assert feed(made, cuts(REGISTER, size)) == []
    assert made.idle() == [BY_REGISTER]
    assert made.idle() == []


@given(st.data(), st.lists(st.sampled_from([REGISTER, EVENT]), min_size=1, max_size=5))
def test_alarms_behind_each_other_are_told_apart(
    data: st.DataObject, messages: list[bytes]
) -> None:
    made = dsmr4()
    said = feed(made, data.draw(pieces_of(b"".join(messages)))) + made.idle()
    assert said == [NAME, *[BY_EVENT if m == EVENT else BY_REGISTER for m in messages]]


@pytest.mark.parametrize("raw", [b"E009900000000004/,....", METER.encode() + b";1234", b"\0"])
def test_what_is_no_alarm_ends_the_connection(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        dsmr4().receive(raw)


def test_a_part_is_no_alarm_and_another_meter_does_not_share_the_line() -> None:
    made = dsmr4()
    made.receive(REGISTER[:-1])
    with pytest.raises(RemoteProtocolError):
        made.idle()
    made = dsmr4()
    made.receive(EVENT)
    with pytest.raises(RemoteProtocolError, match="line of"):
        made.receive(EVENT.replace(b"42,", b"43,"))


def test_both_forms_are_written_as_they_are_read() -> None:
    assert encode_dsmr4(METER, b"\0\0\0\x10") == REGISTER
    assert decode_dsmr4(REGISTER) == BY_REGISTER


def test_an_alarm_in_a_notification_of_smr5() -> None:
    name = bytes.fromhex("0001190900ff")
    told = smr5_alarm(DataNotification(1, None, [METER.encode(), name, 16]))
    expected = AlarmTold(
        source=METER, code="alarm-register", register=b"\0\0\0\x10", obis="0.1.25.9.0.255"
    )
    assert told == expected
    for body in (
        None, [], [METER.encode(), name], [b"short", name, 1], [METER.encode(), b"12345", 1],
        [METER.encode(), name, "1"], [METER.encode(), name, -1], [METER, name, 1],
    ):  # fmt: skip
        assert smr5_alarm(DataNotification(1, None, body)) is None


@given(st.binary(max_size=100))
def test_garbage_is_a_remote_error_or_nothing(raw: bytes) -> None:
    for made in (dsmr4(), ForceControlLink(LinkSettings())):
        try:
            made.receive(raw)
            made.idle()
        except RemoteProtocolError:
            pass


LOGIN = b"\xaa\x01" + b"13700137000" + b"\r"
BRIDGE = Identified("13700137000", "registration")


@pytest.mark.parametrize("size", [1, 2, 3, 13, 14, 15, 99])
def test_a_bridge_logs_in_and_is_a_pipe(size: int) -> None:
    made = ForceControlLink(LinkSettings())
    assert feed(made, cuts(LOGIN + b"\x68\x16", size)) == [BRIDGE, MeterBytes(b"\x68\x16")]
    assert made.receive(b"\xaa\x01") == [MeterBytes(b"\xaa\x01")]
    assert made.wrap(b"/?!\r\n") == b"/?!\r\n"
    assert encode_login("13700137000") == LOGIN


@pytest.mark.parametrize("raw", [b"\xab", b"\xaa\x02", b"\xaa\x01\n", LOGIN[:-1] + b"\n"])
def test_a_wrong_login_ends_the_connection(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ForceControlLink(LinkSettings()).receive(raw)


def test_the_translator_of_first_messages() -> None:
    told = translate({"protocol": "dsmr4-push", "raw_hex": EVENT.hex()})
    assert (told["equipment"], told["obis"]) == (METER, "0.1.25.9.0.255")
    told = translate({"protocol": "dsmr4-push", "raw_hex": REGISTER.hex()})
    assert (told["equipment"], told["alarm_register"], "obis" in told) == (METER, "00000010", False)
    body = ax.structure(ax.octets(METER.encode()), ax.octets(EVENT[-6:]), ax.u32(16))
    push = encode_wpdu(1, 102, encode_data_notification(1, None, body))
    told = translate({"protocol": "smr5-push", "raw_hex": push.hex()})
    assert (told["equipment"], told["alarm_register"]) == (METER, "00000010")
    assert told["obis"] == "0.1.25.9.0.255"
    told = translate({"protocol": "ascii-registration", "raw_hex": LOGIN.hex()})
    assert (told["id"], told["sniff"]) == ("13700137000", "forcecontrol-bridge")
    told = translate({"protocol": "ascii-registration", "raw_hex": b"METER7\r\n".hex()})
    assert (told["id"], told["sniff"]) == ("METER7", "ascii-registration")
    for protocol, raw in [
        ("ascii-registration", b"\x01\x02"), ("ascii-registration", LOGIN[:-1]),
        ("ascii-registration", b" \r\n"), ("smr5-push", b"\0\1\0\1"), ("dsmr4-push", b"x"),
        ("smr5-push", bytes.fromhex("000100010001000405010203")),
    ]:  # fmt: skip
        assert not translate({"protocol": protocol, "raw_hex": raw.hex()})["ok"]
