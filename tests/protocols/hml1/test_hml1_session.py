import pytest
from examples import many
from hml1_bench import NAME, SECRET, Wire, flash, record
from hypothesis import given, settings, strategies as st

from protocols.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from protocols.hml1 import handshake, states
from protocols.hml1.frame import Frame, FrameReader, encode_frame
from protocols.hml1.greeting import decode_greeting, decode_welcome
from protocols.hml1.kinds import Kind, Reason, Setting, Tag
from protocols.hml1.modem import ClockTold, Hml1Modem, ToSerial
from protocols.hml1.peer import Peer
from protocols.hml1.states import HeadEnd, HeadEndSignal, Modem, ModemSignal
from protocols.hml1.tlv import encode_tlv
from protocols.links.base import Heartbeat, Identified, LinkSettings, MeterBytes
from protocols.links.hml1 import Hml1Link
from protocols.links.notices import (
    ChannelBytes,
    ConfigTold,
    ModemTold,
    Nak,
    PipeStatus,
    Refused,
    SaidGoodbye,
)


def test_both_prove_themselves_and_the_session_is_open() -> None:
    wire = Wire().connect()
    assert (wire.link.state, wire.modem.state) == (HeadEnd.OPEN, Modem.OPEN)
    assert wire.events[0] == Identified(NAME, "hmac")
    told = wire.said(ModemTold)[0]
    assert (told.modem_id, told.model, told.firmware, told.rssi_dbm) == (NAME, "TEST", "1.0", -77)
    assert wire.ordered(ClockTold) == [ClockTold(1795835473)]


@pytest.mark.parametrize("size", [1, 5, 11])
def test_the_session_opens_however_the_wire_cuts(size: int) -> None:
    wire = Wire()
    wire.do(wire.modem.connected())
    wire.run(size)
    assert (wire.link.state, wire.modem.state) == (HeadEnd.OPEN, Modem.OPEN)


def test_the_proofs_are_those_of_the_specification() -> None:
    nonces = handshake.Nonces(b"modem...", b"head-end")
    from hashlib import sha256
    from hmac import new

    def proof(letter: bytes, first: bytes, second: bytes) -> bytes:
        return new(SECRET, letter + first + second + NAME.encode(), sha256).digest()

    right = proof(b"H", b"modem...", b"head-end")[:16]
    assert handshake.head_end_proof(SECRET, nonces, NAME) == right
    assert handshake.modem_proof(SECRET, nonces, NAME) == proof(b"D", b"head-end", b"modem...")[:16]
    assert handshake.session_key(SECRET, nonces, NAME) == proof(b"S", b"modem...", b"head-end")
    with pytest.raises(LocalProtocolError):
        handshake.session_key(b"", nonces, NAME)


def test_a_head_end_that_does_not_know_the_secret_is_left() -> None:
    wire = Wire(secrets={NAME: b"another"}).connect()
    assert wire.hung_up == ["the head-end did not prove that it knows us"]
    assert (wire.modem.state, wire.said(Identified)) == (Modem.OFFLINE, [])


def test_a_modem_that_is_not_known_is_refused() -> None:
    wire = Wire(secrets={}).connect()
    assert wire.events == [Refused(NAME, "there is no key for it")]
    assert wire.hung_up == ["the head-end does not want us"]
    assert wire.link.state is HeadEnd.CLOSED
    assert wire.link.receive(Peer(None).send(Kind.PING)) == []


def test_a_modem_with_a_wrong_proof_is_refused() -> None:
    wire = Wire()
    wire.do(wire.modem.connected())
    wire._take(wire.link.receive(wire.to_head_end.pop()))
    forger = Peer(None)
    forger._next = 2
    wire._take(wire.link.receive(forger.send(Kind.AUTH, encode_tlv({Tag.PROOF: bytes(16)}))))
    assert wire.events == [Refused(NAME, "its proof is wrong")]
    assert wire.link.state is HeadEnd.CLOSED


def test_a_proof_is_good_for_one_session_only() -> None:
    wire = Wire()
    wire.do(wire.modem.connected())
    hello = wire.to_head_end[0]
    wire._take(wire.link.receive(wire.to_head_end.pop()))
    wire.do(wire.modem.receive(wire.to_modem.pop(), 0))
    auth = wire.to_head_end[0]
    other = Wire()
    other.nonces.count = 7
    other._take(other.link.receive(hello + auth))
    assert other.said(Refused)
    assert not other.said(Identified)


@pytest.mark.parametrize("kind", [Kind.RECORD, Kind.PIPE_DATA, Kind.PING, Kind.AUTH, Kind.FW_PULL])
def test_before_the_proof_nothing_is_listened_to(kind: Kind) -> None:
    link = Wire().link
    said = link.receive(Peer(None).send(kind, bytes(40)))
    frame = FrameReader().feed(said[0].data)[0]  # type: ignore[union-attr]
    assert (frame.kind, frame.payload) == (Kind.NAK, bytes((Reason.NOT_NOW,)))
    assert link.receive(Peer(None).send(Kind.NAK, b"\2")) == []
    with pytest.raises(LocalProtocolError, match="no session"):
        link.wrap(b"1")


def test_a_modem_that_starts_anew_on_the_same_connection_proves_itself_again() -> None:
    wire = Wire().connect()
    wire.modem.lost()
    wire.do(wire.modem.connected())
    wire.run()
    assert (wire.link.state, len(wire.said(Identified))) == (HeadEnd.OPEN, 2)


def test_another_modem_on_the_same_connection_is_refused() -> None:
    wire = Wire(secrets={NAME: SECRET, "x": SECRET}).connect()
    hello = encode_tlv({Tag.ID: b"x", Tag.NONCE: bytes(8)})
    with pytest.raises(RemoteProtocolError, match="modem x"):
        wire.link.receive(Peer(None).send(Kind.HELLO, hello))


@pytest.mark.parametrize("tags", [{}, {Tag.ID: b"x"}, {Tag.ID: b"\n", Tag.NONCE: bytes(8)},
                                  {Tag.ID: b"x" * 65, Tag.NONCE: bytes(8)}])  # fmt: skip
def test_a_greeting_without_name_or_nonce_is_none(tags: dict[int, bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_greeting(encode_tlv(tags))
    with pytest.raises(RemoteProtocolError):
        decode_welcome(b"")


def test_pings_go_out_in_time_and_are_answered() -> None:
    wire = Wire().connect()
    assert wire.modem.next_due_s == 120
    wire.now_s = 119.9
    assert wire.modem.due(wire.now_s) == []
    wire.now_s = 120.0
    wire.do(wire.modem.due(wire.now_s))
    wire.run()
    assert wire.said(Heartbeat) == [Heartbeat()]
    assert wire.modem.next_due_s == 240


def test_a_head_end_that_is_silent_for_two_pings_and_a_half_is_left() -> None:
    wire = Wire().connect()
    for now_s in (120.0, 240.0):
        wire.modem.due(now_s)
    assert wire.modem.state is Modem.OPEN
    wire.do(wire.modem.due(300.0))
    assert wire.hung_up == ["the head-end is silent"]
    assert wire.modem.state is Modem.OFFLINE


def test_while_it_waits_for_welcome_a_modem_listens_to_nothing_else() -> None:
    wire = Wire()
    wire.modem.connected()
    order = Peer(None).send(Kind.PIPE_OPEN, ack=False)
    assert wire.modem.receive(order, 0.0) == []
    assert wire.modem.due(0.0) == []
    assert wire.modem.state is Modem.GREETING


def test_a_greeting_whose_numbers_cannot_be_says_nothing_of_its_oldest_record() -> None:
    tags = {Tag.ID: b"x", Tag.NONCE: bytes(8), Tag.RECORD_NUMBER: b"\5", Tag.QUEUED: b"\6"}
    assert decode_greeting(encode_tlv(tags)).oldest is None


def test_a_ping_of_the_head_end_is_answered() -> None:
    wire = Wire().connect()
    wire.down(wire.link._peer.send(Kind.PING))
    assert wire.said(Heartbeat) == [Heartbeat()]


@pytest.mark.parametrize("kind", [Kind.CFG_RESULT, Kind.FW_STATUS])
def test_a_result_without_a_status_is_malformed(kind: Kind) -> None:
    wire = Wire().connect()
    said = wire.link.receive(encode_frame(Frame(kind, b"", seq=60)))
    frame = FrameReader().feed(said[0].data)[0]  # type: ignore[union-attr]
    assert frame.payload == bytes((Reason.MALFORMED,))


def test_the_pipe_opens_by_itself_and_carries_both_ways() -> None:
    wire = Wire().connect()
    wire.down(wire.link.wrap(b"/?!\r\n"))
    wire.down(wire.link.wrap(b"\x06050\r\n"))
    assert wire.ordered(ToSerial) == [ToSerial(1, b"/?!\r\n"), ToSerial(1, b"\x06050\r\n")]
    assert wire.said(PipeStatus) == [PipeStatus(1, 0)]
    wire.do(wire.modem.from_serial(1, b"/ABC"))
    wire.run()
    assert wire.said(MeterBytes) == [MeterBytes(b"/ABC")]
    wire.down(wire.link.close_pipe())
    assert wire.modem.from_serial(1, b"late") == []
    wire.down(wire.link.wrap(b"again"))
    assert wire.ordered(ToSerial)[-1] == ToSerial(1, b"again")


def test_a_second_serial_line_has_a_channel_of_its_own() -> None:
    wire = Wire().connect()
    wire.down(wire.link.wrap_channel(2, b"hi"))
    wire.do(wire.modem.from_serial(2, b"ho"))
    wire.run()
    assert wire.ordered(ToSerial) == [ToSerial(2, b"hi")]
    assert wire.said(ChannelBytes) == [ChannelBytes(2, b"ho")]


def test_bytes_for_a_pipe_that_is_not_open_are_refused() -> None:
    wire = Wire().connect()
    wire.link._pipes.add(1)
    wire.down(wire.link.wrap(b"1"))
    assert wire.said(PipeStatus) == [PipeStatus(1, 1)]
    assert wire.ordered(ToSerial) == []


def test_goodbye_from_both_sides() -> None:
    wire = Wire().connect()
    wire.down(wire.link.goodbye())
    assert wire.hung_up == ["the head-end said goodbye"]
    link = Wire().connect().link
    peer = Peer(None)
    peer._next = 100
    assert link.receive(peer.send(Kind.BYE)) == [SaidGoodbye("the modem said goodbye")]


def test_unknown_types_and_broken_payloads_are_told_and_end_nothing() -> None:
    wire = Wire().connect()
    wire.to_head_end.append(encode_frame(Frame(0x7F, b"", seq=60)))
    wire.to_head_end.append(encode_frame(Frame(Kind.ALARM, b"", seq=61)))
    wire._take(wire.link.receive(b"".join(wire.to_head_end)))
    wire.to_head_end.clear()
    frames = FrameReader().feed(b"".join(wire.to_modem))
    assert [f.payload for f in frames] == [b"\x08", b"\x06"]
    assert wire.link.state is HeadEnd.OPEN
    wire = Wire().connect()
    wire.down(encode_frame(Frame(0x7F, b"", seq=60)) + encode_frame(Frame(0x40, b"", seq=61)))
    assert [n.reason for n in wire.said(Nak)] == [Reason.UNKNOWN_TYPE, Reason.SIGNATURE]


def test_settings_are_read() -> None:
    wire = Wire().connect()
    wire.down(wire.link.config_get())
    wire.down(wire.link.config_get((Setting.SERVER,)))
    both, one = wire.said(ConfigTold)
    assert set(both.values) == {Setting.SERVER, Setting.COLLECT_S}
    assert one.values == {Setting.SERVER: b"old:7010"}


@settings(max_examples=many(0.6))
@given(st.lists(st.one_of(
    st.binary(max_size=40),
    st.builds(lambda k, p, f, s: encode_frame(Frame(k, p, 1, f, s)), st.sampled_from(list(Kind)),
              st.binary(max_size=60), st.integers(0, 15), st.integers(1, 200)),
), max_size=8))  # fmt: skip
def test_whatever_comes_ends_in_a_protocol_error_or_nothing(pieces: list[bytes]) -> None:
    for open_session in (False, True):
        wire = Wire()
        if open_session:
            wire.connect()
        try:
            for piece in pieces:
                wire.link.receive(piece)
            wire.link.idle()
        except RemoteProtocolError:
            pass
        wire = Wire().connect()
        try:
            for piece in pieces:
                wire.modem.receive(piece, 0.0)
        except RemoteProtocolError:
            pass


def test_the_head_ends_table_told_again() -> None:
    told = [
        HeadEndSignal.GREETED,
        HeadEndSignal.PROVED,
        HeadEndSignal.GREETED,
        HeadEndSignal.PROVED,
    ]
    state, seen = HeadEnd.WAITING, []
    for signal in [*told, HeadEndSignal.BYE]:
        state = states.step_head_end(state, signal)
        seen.append(state)
    assert seen == [HeadEnd.CHALLENGED, HeadEnd.OPEN, HeadEnd.CHALLENGED, HeadEnd.OPEN,
                    HeadEnd.CLOSED]  # fmt: skip
    alive = set(HeadEnd) - {HeadEnd.CLOSED}
    for state in alive:
        assert states.step_head_end(state, HeadEndSignal.GREETED) is HeadEnd.CHALLENGED
        assert states.step_head_end(state, HeadEndSignal.UNKNOWN) is HeadEnd.CLOSED
        assert states.step_head_end(state, HeadEndSignal.BYE) is HeadEnd.CLOSED
        proofs_count = state is HeadEnd.CHALLENGED
        for signal, then in [(HeadEndSignal.PROVED, HeadEnd.OPEN),
                             (HeadEndSignal.DISPROVED, HeadEnd.CLOSED)]:  # fmt: skip
            if proofs_count:
                assert states.step_head_end(state, signal) is then
            else:
                with pytest.raises(LocalProtocolError):
                    states.step_head_end(state, signal)
    for signal in HeadEndSignal:
        with pytest.raises(LocalProtocolError):
            states.step_head_end(HeadEnd.CLOSED, signal)


def test_the_modems_table_told_again() -> None:
    greeting = states.step_modem(Modem.OFFLINE, ModemSignal.CONNECTED)
    assert greeting is Modem.GREETING
    assert states.step_modem(greeting, ModemSignal.WELCOMED) is Modem.OPEN
    for signal in (ModemSignal.DECEIVED, ModemSignal.REFUSED, ModemSignal.BYE, ModemSignal.LOST):
        assert states.step_modem(greeting, signal) is Modem.OFFLINE
    for signal in ModemSignal:
        ends = signal in {ModemSignal.BYE, ModemSignal.LOST}
        if ends:
            assert states.step_modem(Modem.OPEN, signal) is Modem.OFFLINE
        else:
            with pytest.raises(LocalProtocolError):
                states.step_modem(Modem.OPEN, signal)
        if signal is not ModemSignal.CONNECTED:
            with pytest.raises(LocalProtocolError):
                states.step_modem(Modem.OFFLINE, signal)
    assert len(states.MODEM) == 8
    assert len(states.HEAD_END) == 11


def test_without_nonces_or_secrets_nobody_is_let_in() -> None:
    modem = Hml1Modem({Tag.ID: b"x"}, SECRET, flash(), random_bytes=bytes)
    hello = b"".join(order.data for order in modem.connected())  # type: ignore[union-attr]
    said = Hml1Link(LinkSettings()).receive(hello)
    assert said[-1] == Refused("x", "there is no key for it")
    assert issubclass(LocalProtocolError, ProtocolError)
    assert record(b"1").number == 0
