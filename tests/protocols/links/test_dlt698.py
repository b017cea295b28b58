from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st
from link_tools import cuts, feed, pieces_of

from protocols.dlt698 import forward, link_layer
from protocols.dlt698.frame import Frame, FrameReader, encode_frame
from protocols.dlt698.translate import translate
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import Heartbeat, Identified, LinkSettings, MeterBytes, Reply
from protocols.links.dlt698 import Dlt698Link
from protocols.links.notices import ForeignFrame, SaidGoodbye
from protocols.links.world import LinkWorld

# Terminal 1234 on 28 November 2026, a Saturday, 10:11:12.345; checks by a bit-wise CRC-16/X-25.
LOGIN = bytes.fromhex("681e00810534120000000000ddda010500007807ea0b1c060a0b0c01590a5e16")
HEARTBEAT = bytes.fromhex("681e00810534120000000000ddda010501007807ea0b1c060a0b0c0159a75b16")
LOGOUT = bytes.fromhex("681e00810534120000000000ddda010502007807ea0b1c060a0b0c0159505516")
ANSWER = bytes.fromhex(
    "6830000105341200000000005db581058007ea0b1c060a0b0c015907ea0b1c060a0b0d0000"
    "07ea0b1c060a0b0d0000769c16"
)
NO_CLOCK = bytes.fromhex(
    "6830000105341200000000005db581050007ea0b1c060a0b0c015907ea0b1c060a0b0c0159"
    "07ea0b1c060a0b0c0159c45116"
)
SCRAMBLED = bytes.fromhex("681e0089053412000000000017a534383433ab3a1d3e4f393d3e3f348c91a416")
MARK_IN_ADDRESS = bytes.fromhex("681e00810534006800000000a86b010500007807ea0b1c060a0b0c01590a5e16")
FORWARDED = bytes.fromhex("681d00c305341200000000107649890701f20102010103aabbcc00000d4f16")
NAME = Identified("000000001234", "registration")
NOW = datetime(2026, 11, 28, 10, 11, 13, tzinfo=timezone(timedelta(hours=7)))
SETTINGS = LinkSettings(world=LinkWorld(now=lambda: NOW))


def link() -> Dlt698Link:
    return Dlt698Link(SETTINGS)


def opened() -> Dlt698Link:
    made = link()
    made.receive(LOGIN)
    return made


@pytest.mark.parametrize("size", [1, 2, 3, 5, 13, 31, 99])
def test_a_login_is_answered_with_three_times_however_it_arrives(size: int) -> None:
    assert feed(link(), cuts(LOGIN, size)) == [NAME, Heartbeat(), Reply(ANSWER)]


def test_without_a_clock_the_answer_says_so() -> None:
    assert Dlt698Link(LinkSettings()).receive(LOGIN)[-1] == Reply(NO_CLOCK)


def test_heartbeat_and_logout() -> None:
    said = opened().receive(HEARTBEAT + LOGOUT)
    assert said[0] == Heartbeat()
    assert said[2] == SaidGoodbye("the terminal logged out")
    assert [type(event) for event in said[1::2]] == [Reply, Reply]


def test_a_scrambled_heartbeat_is_read() -> None:
    assert opened().receive(SCRAMBLED)[0] == Heartbeat()


def test_a_frame_whose_check_was_made_before_the_scrambling_is_read() -> None:
    plain = FrameReader().feed(HEARTBEAT)[0]
    scrambled = encode_frame(Frame(0x89, plain.address, plain.apdu))
    # Head of the one, body of the other: the check is over the plain bytes.
    head, body = scrambled[:14], bytes((b + 0x33) & 0xFF for b in plain.apdu)
    from protocols.dlms.fcs import fcs16

    check = fcs16(scrambled[1:14] + plain.apdu).to_bytes(2, "little")
    assert FrameReader().feed(head + body + check + b"\x16")[0].apdu == plain.apdu


def test_a_start_mark_in_the_address_deceives_nobody() -> None:
    assert feed(link(), cuts(MARK_IN_ADDRESS))[0] == Identified("000000680034", "registration")
    told = translate({"raw_hex": MARK_IN_ADDRESS.hex()})
    assert (told["sa"], told["sniff"]) == ("000000680034", "dlt698.45")


def test_meter_bytes_travel_by_forwarding() -> None:
    made = opened()
    request = FrameReader().feed(made.wrap(b"\x01\x02"))[0]
    assert request.apdu.hex() == "090701f20102010302080100000501f402010200"
    assert (request.address, request.control) == ("000000001234", 0x43)
    assert forward.decode_request(request.apdu) == b"\x01\x02"
    assert made.receive(FORWARDED) == [MeterBytes(b"\xaa\xbb\xcc")]


def test_a_forwarding_that_brought_nothing_is_nothing() -> None:
    failed = Frame(0xC3, "000000001234", bytes.fromhex("890701f2010201001a0000"), 0x10)
    assert opened().receive(encode_frame(failed)) == []


def test_the_terminals_view_of_forwarding_with_long_data() -> None:
    request = forward.encode_request(forward.SerialPort(), bytes(300), 5)
    answer = forward.encode_answer(request, bytes(200))
    assert forward.decode_request(request) == bytes(300)
    assert forward.decode_answer(answer) == bytes(200)


def test_a_report_is_kept() -> None:
    report = encode_frame(Frame(0x83, "000000001234", bytes.fromhex("88010000")))
    assert opened().receive(report) == [ForeignFrame("dlt698.45", report)]


def test_another_terminal_on_the_same_connection_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="000000680034"):
        opened().receive(MARK_IN_ADDRESS)


def test_our_own_echo_is_nothing_and_nothing_is_sent_before_a_login() -> None:
    assert opened().receive(ANSWER) == []
    with pytest.raises(LocalProtocolError):
        link().wrap(b"1")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_noise_around_a_frame_does_not_hide_it(before: bytes, after: bytes) -> None:
    reader = FrameReader()
    frames = reader.feed(before + LOGIN + after) + reader.idle()
    assert "000000001234" in [frame.address for frame in frames]


@given(st.data(), st.lists(st.sampled_from([LOGIN, HEARTBEAT, FORWARDED, b"\x68", b"\x16"])))
def test_the_same_however_it_is_cut(data: st.DataObject, frames: list[bytes]) -> None:
    stream = b"".join(frames)
    assert feed(link(), data.draw(pieces_of(stream))) == feed(link(), [stream])


@given(st.integers(0, len(LOGIN) - 1), st.integers(1, 255))
def test_no_damaged_byte_passes(at: int, flip: int) -> None:
    damaged = LOGIN[:at] + bytes((LOGIN[at] ^ flip,)) + LOGIN[at + 1 :]
    reader = FrameReader()
    assert reader.feed(damaged) + reader.idle() == []


@given(st.binary(max_size=600))
def test_garbage_is_a_remote_error_or_nothing(raw: bytes) -> None:
    made = link()
    try:
        made.receive(raw)
        made.idle()
    except RemoteProtocolError:
        pass


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001
def test_times_go_both_ways(at: datetime) -> None:
    whole = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert link_layer.decode_time(link_layer.encode_time(at)) == whole


def test_no_time_is_none_and_no_request_is_an_error() -> None:
    assert link_layer.decode_time(bytes(10)) is None
    assert link_layer.decode_time(b"") is None
    for apdu in (b"", b"\x01", bytes.fromhex("010003") + bytes(12), b"\x81" + bytes(20)):
        with pytest.raises(RemoteProtocolError):
            link_layer.decode_request(apdu)
    with pytest.raises(RemoteProtocolError):
        link_layer.decode_response(b"\x81" + bytes(20))
    with pytest.raises(RemoteProtocolError):
        forward.decode_request(b"\x09\x06")
    with pytest.raises(RemoteProtocolError):
        forward.decode_answer(bytes.fromhex("890701f20102010105aa"))
    assert link_layer.encode_time(datetime(2026, 11, 29, tzinfo=UTC))[4] == 0


@pytest.mark.parametrize("address", ["12", "zz0000001234", "0000000012345678"])
def test_an_address_that_does_not_fit_is_ours_to_repair(address: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_frame(Frame(0x81, address, b""))


def test_the_translator_tells_the_parts() -> None:
    told = translate({"chunks_hex": [piece.hex() for piece in cuts(LOGIN)]})
    assert (told["link"], told["heartbeat_s"]) == ("login", 120)
    assert told["at"] == "2026-11-28 10:11:12.345"
    told = translate({"raw_hex": ANSWER.hex()})
    assert (told["result"], told["clock_trusted"]) == (0, True)
    assert told["recv_at"] == "2026-11-28 10:11:13.000"
    assert translate({"raw_hex": (LOGIN[:-2] + b"\0\x16").hex()})["error"] == "checksum"
    assert translate({"raw_hex": LOGIN[:-1].hex()})["error"] == "framing"


def test_the_translator_tells_what_is_forwarded_and_what_it_cannot_read() -> None:
    assert translate({"raw_hex": FORWARDED.hex()})["forwarded"] == "aabbcc"
    request = forward.encode_request(forward.SerialPort(), b"\1", 1)
    told = translate({"raw_hex": encode_frame(Frame(0x43, "000000001234", request)).hex()})
    assert told["forwarded"] == "01"
    told = translate({"raw_hex": encode_frame(Frame(0x81, "000000001234", b"\1")).hex()})
    assert (told["ok"], "problem" in told) == (True, True)
    assert translate({"raw_hex": encode_frame(Frame(0x83, "000000001234", b"")).hex()})["ok"]
    with pytest.raises(LocalProtocolError):
        encode_frame(Frame(0x83, "000000001234", bytes(8193)))
    with pytest.raises(RemoteProtocolError):
        forward.decode_answer(b"\x89\x07")


def test_a_terminal_asks_for_its_link() -> None:
    request = link_layer.LinkRequest(3, 1, 60, bytes(10))
    frame = link_layer.link_frame("0000123456", request)
    assert link_layer.is_request(frame) != bool(frame.control & 0x40)
    assert link_layer.decode_request(frame.apdu) == request
