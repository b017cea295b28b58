import pytest
from hypothesis import given, strategies as st
from link_tools import cuts, feed, pieces_of

from protocols.ddp.frame import LENGTH_MAX, Layout, Packet, PacketReader, encode_packet
from protocols.ddp.translate import translate
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import Heartbeat, Identified, LinkSettings, MeterBytes, Reply
from protocols.links.ddp import DdpLink
from protocols.links.notices import ForeignFrame, SaidGoodbye

ID = b"13700137000".hex()
OTHER = b"13700137001".hex()


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


REGISTER = raw(f"7b 01 0016 {ID} 0a000007 1388 7b")
REGISTERED = raw(f"7b 81 0010 {ID} 7b")
AGAIN = raw(f"7b 83 0010 {ID} 7b")
TAKEN = raw(f"7b 85 0010 {ID} 7b")
INSIDE = raw(f"7b 09 0013 {ID} 010203 7b")
HEADER16 = raw(f"7b 09 0010 {ID} 7b 010203")
CLOSED = raw(f"7b 09 0013 {ID} 7b 010203")
ACK = raw(f"7b 05 0010 {ID} 7b")
NAME = Identified("13700137000", "registration")
DATA = MeterBytes(b"\x01\x02\x03")


def link() -> DdpLink:
    return DdpLink(LinkSettings())


def opened() -> DdpLink:
    made = link()
    made.receive(REGISTER)
    return made


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 22, 99])
def test_registers_and_is_answered_however_it_arrives(size: int) -> None:
    assert feed(link(), cuts(REGISTER, size)) == [NAME, Heartbeat(), Reply(REGISTERED)]


def test_a_later_registration_is_the_keep_alive() -> None:
    assert opened().receive(REGISTER) == [Heartbeat(), Reply(REGISTERED)]


@pytest.mark.parametrize("packet", [INSIDE, HEADER16, CLOSED])
@pytest.mark.parametrize("size", [1, 2, 5, 16, 99])
def test_data_of_all_layouts_come_out_and_are_acknowledged_once(packet: bytes, size: int) -> None:
    assert feed(opened(), cuts(packet, size)) == [Reply(TAKEN), DATA]


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        (INSIDE, f"7b 89 0012 {ID} 0405 7b"),
        (HEADER16, f"7b 89 0010 {ID} 7b 0405"),
        (CLOSED, f"7b 89 0012 {ID} 7b 0405"),
        (REGISTER, f"7b 89 0012 {ID} 0405 7b"),
    ],
)
def test_data_go_down_in_the_layout_last_seen(packet: bytes, answer: str) -> None:
    made = opened()
    made.receive(packet)
    assert made.wrap(b"\x04\x05") == raw(answer)


@pytest.mark.parametrize(("packet", "turn"), [(INSIDE, 0), (HEADER16, 1), (CLOSED, 2)])
def test_what_is_asked_again_goes_in_the_next_layout(packet: bytes, turn: int) -> None:
    made = opened()
    asked = [made.wrap(b"\x04\x05") for _ in range(6)]
    assert asked[:3] == asked[3:]
    assert len(set(asked)) == 3
    made.receive(packet)
    for said in (b"", REGISTER, ACK, packet):
        made.receive(said)
        assert {made.wrap(b"\x04\x05") for _ in range(20)} == {asked[turn]}


def test_only_what_is_asked_again_goes_in_the_next_layout() -> None:
    """A meter is called and told to end its session by turns, without parity and with it."""
    end, call = b"\x01B0\x03q", b"/?4711!\r\n"
    in_turn = []
    made = opened()
    for said in (end, call, end, b"\xaf\x3f\xb47\xb11!\x8d\n", end, call, call):
        made.wrap(said)
        in_turn.append(made.layout.value)
    first, second, third = "inside", "header16", "closed"
    assert in_turn == [first, first, second, second, third, third, first]


def test_what_is_never_said_twice_is_said_in_every_layout_too() -> None:
    made = opened()
    in_turn = []
    for challenge in range(12):
        made.wrap(bytes((challenge,)))
        in_turn.append(made.layout.value)
    assert in_turn == ["inside"] * 3 + ["header16"] * 3 + ["closed"] * 3 + ["inside"] * 3


def test_a_modem_that_confirms_the_first_layout_is_asked_in_no_other() -> None:
    """Its meter may be silent for other reasons."""
    made = opened()
    first = made.wrap(b"\x04\x05")
    assert made.receive(ACK) == []
    assert {made.wrap(b"\x04\x05") for _ in range(20)} == {first}
    other = opened()
    asked = [other.wrap(b"\x04\x05") for _ in range(2)]
    other.receive(ACK)  # of the closed head alone, perhaps
    asked += [other.wrap(b"\x04\x05") for _ in range(20)]
    assert len(set(asked)) == len(set(asked[2:])) == 3


def test_a_modem_that_calls_a_packet_invalid_says_nothing_of_the_layout() -> None:
    made, other = opened(), opened()
    first = made.wrap(b"\x04\x05")
    assert first == other.wrap(b"\x04\x05")
    assert made.receive(raw(f"7b 04 0010 {ID} 7b")) == []
    assert made.wrap(b"\x04\x06") == other.wrap(b"\x04\x06")
    assert made.wrap(b"\x04\x05") == other.wrap(b"\x04\x05") != first


def test_data_without_a_length_end_where_the_next_packet_of_the_modem_begins() -> None:
    said = feed(opened(), cuts(HEADER16 + HEADER16 + REGISTER))
    assert said == [Reply(TAKEN), DATA, Reply(TAKEN), DATA, Heartbeat(), Reply(REGISTERED)]


def test_a_mark_inside_data_without_a_length_is_data() -> None:
    other = raw(f"7b 09 0010 {OTHER} 7b")
    said = feed(opened(), [HEADER16 + b"{}" + other + b"\x16"])
    assert said == [Reply(TAKEN), MeterBytes(b"\x01\x02\x03{}" + other + b"\x16")]


def test_a_mark_at_the_end_of_data_without_a_length_is_let_go_by_a_pause() -> None:
    made = opened()
    assert feed(made, [HEADER16 + b"{"]) == [Reply(TAKEN), DATA]
    assert made.idle() == [MeterBytes(b"{")]


def test_when_both_layouts_fit_the_last_one_seen_decides() -> None:
    both = raw(f"7b 09 0013 {ID} 7b 0102 7b")
    assert opened().receive(both)[-1] == MeterBytes(b"\x7b\x01\x02")
    made = opened()
    made.receive(CLOSED)
    assert made.receive(both)[-1] == MeterBytes(b"\x01\x02\x7b")


def test_data_before_a_registration_name_the_modem_and_ask_it_to_register() -> None:
    assert link().receive(INSIDE) == [NAME, Reply(AGAIN), Reply(TAKEN), DATA]


def test_unregistering_ends_the_session() -> None:
    bye = opened().receive(raw(f"7b 02 0010 {ID} 7b"))
    assert bye == [SaidGoodbye("the modem unregistered"), Reply(raw(f"7b 82 0010 {ID} 7b"))]


def test_what_it_does_not_read_is_kept() -> None:
    log = raw(f"7b 0e 0012 {ID} 6869 7b")
    assert opened().receive(log) == [ForeignFrame("hongdian-ddp", log)]
    assert opened().receive(ACK) == []
    assert opened().receive(REGISTERED) == []


def test_another_modem_on_the_same_connection_is_refused_but_damage_is_skipped() -> None:
    with pytest.raises(RemoteProtocolError, match="13700137001"):
        opened().receive(REGISTER.replace(b"7000", b"7001"))
    assert opened().receive(INSIDE.replace(b"7000", b"7001")) == []


@given(st.binary(max_size=64))
def test_noise_before_a_packet_does_not_hide_it(noise: bytes) -> None:
    reader = PacketReader()
    found = reader.feed(noise + REGISTER) + reader.idle()
    assert Packet(0x01, "13700137000", raw("0a0000071388")) in found


def test_a_damaged_id_does_not_swallow_what_follows() -> None:
    made = opened()
    damaged = HEADER16.replace(raw(ID), raw(OTHER))
    assert feed(made, [damaged]) == []
    assert feed(made, [HEADER16]) == [Reply(TAKEN), DATA]
    # A wrong first id is found out when the modem registers, which it does again and again.
    wrong = link()
    assert Identified("13700137001", "registration") in feed(wrong, [damaged])
    with pytest.raises(RemoteProtocolError, match="modem 13700137000 on the connection of"):
        feed(wrong, [REGISTER])


def test_a_false_start_costs_one_byte() -> None:
    false = raw(f"7b 01 0016 {ID} 0a00")
    assert feed(link(), [false + REGISTER])[0] == NAME


@given(st.data(), st.lists(st.sampled_from([REGISTER, INSIDE, CLOSED, HEADER16]), max_size=6))
def test_the_same_however_it_is_cut(data: st.DataObject, packets: list[bytes]) -> None:
    stream = b"".join(packets)
    assert feed(link(), data.draw(pieces_of(stream))) == feed(link(), [stream])


@given(st.binary(max_size=600))
def test_garbage_is_a_remote_error_or_nothing(noise: bytes) -> None:
    made = opened()
    try:
        made.receive(noise)
        made.idle()
    except RemoteProtocolError:
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        f"7b 01 0017 {ID} 0a000007 1388 7b",
        f"7b 01 0016 {ID} 0a000007 1388 7c",
        f"7b 03 0010 {ID} 7b",
        f"7b 81 0011 {ID} 00 7b",
        f"7b 81 0010 {ID} 7c",
        "7b 81 0010 01020304050607080910aa 7b",
        "7b 81 0010 0000000000000000000000 7b",
        f"7b 09 ffff {ID} 00 7b",
        f"7b 09 0013 {ID} 010203 7c",
    ],
)
def test_what_breaks_the_form_is_no_packet(wrong: str) -> None:
    assert not translate({"raw_hex": raw(wrong).hex()})["ok"]


def test_a_packet_is_never_waited_for_beyond_the_limit() -> None:
    reader = PacketReader()
    reader.feed(raw(f"7b 09 {LENGTH_MAX:04x} {ID}") + bytes(LENGTH_MAX * 2))
    assert reader.left_over == 0


def test_long_data_go_in_several_packets_and_nothing_before_a_name_is_known() -> None:
    made = opened()
    pieces = PacketReader().feed(made.wrap(bytes(2500)))
    assert [len(packet.data) for packet in pieces] == [1024, 1024, 452]
    with pytest.raises(LocalProtocolError):
        link().wrap(b"1")
    with pytest.raises(LocalProtocolError):
        encode_packet(Packet(0x89, "x" * 12))


def test_the_translator_tells_the_layout() -> None:
    for packet, form in [(INSIDE, "inside"), (HEADER16, "header16"), (CLOSED, "closed")]:
        chunks = [piece.hex() for piece in cuts(packet)]
        told = translate({"chunks_hex": chunks})
        assert (told["form"], told["data"], told["type"]) == (form, "010203", 9)
    told = translate({"raw_hex": REGISTER.hex()})
    assert (told["ip"], told["port"], told["answer"]) == ("10.0.0.7", 5000, REGISTERED.hex())
    told = translate({"raw_hex": ACK.hex()})
    assert (told["type"], told["data"], "form" in told) == (5, "", False)
    assert Layout("inside") is Layout.INSIDE
