import pytest
from hypothesis import given, strategies as st
from link_tools import cuts

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1.frame import ACK_WANTED, GOES_ON, MORE, SIGNED, Frame, FrameReader, encode_frame
from protocols.hml1.kinds import Kind
from protocols.hml1.peer import MESSAGE_SIZE_MAX, Message, Peer

KEY = b"k" * 32


def pair() -> tuple[Peer, Peer]:
    one, other = Peer(None), Peer(None)
    one.key = other.key = KEY
    return one, other


def test_numbers_begin_at_one_and_carry_what_was_taken() -> None:
    one, other = pair()
    other.receive(one.send(Kind.PING) + one.send(Kind.PING))
    frame = FrameReader().feed(other.send(Kind.PONG))[0]
    assert (frame.seq, frame.ack) == (1, 2)
    one.receive(encode_frame(frame))
    assert one.acked == 2


def test_after_the_last_number_comes_one() -> None:
    one, other = pair()
    one._next = other._seen = 65535
    other._seen = 65534
    assert len(other.receive(one.send(Kind.PING) + one.send(Kind.PING))) == 2
    assert (other._seen, other.gaps) == (1, 0)


def test_a_repeated_frame_is_taken_once() -> None:
    one, other = pair()
    first, second = one.send(Kind.PING), one.send(Kind.PING)
    assert len(other.receive(first + second + first + second)) == 2
    assert other.receive(encode_frame(Frame(Kind.PING, seq=0))) == []


@given(st.integers(0, 9000), st.integers(1, 5000))
def test_a_long_message_arrives_whole(size: int, cut: int) -> None:
    one, other = pair()
    payload = bytes(at * 7 & 0xFF for at in range(size))
    raw = one.send(Kind.RECORD, payload, channel=2, ack=True)
    said = [message for piece in cuts(raw, cut) for message in other.receive(piece)]
    assert said == [Message(Kind.RECORD, 2, payload)]
    assert other.owes_ack


def test_another_message_may_come_between_the_pieces() -> None:
    one, other = pair()
    pieces = [encode_frame(f) for f in FrameReader().feed(one.send(Kind.RECORD, bytes(2000)))]
    one._next = 2
    alarm = one.send(Kind.ALARM, b"now")
    one._next = 3
    late = FrameReader().feed(pieces[1])[0]
    raw = encode_frame(Frame(late.kind, late.payload, late.channel, late.flags, 3, 0))
    said = other.receive(pieces[0] + alarm + raw)
    assert [(m.kind, len(m.payload)) for m in said] == [(Kind.ALARM, 3), (Kind.RECORD, 2000)]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_message_with_a_lost_piece_is_never_taken_for_a_whole_one(lost: int) -> None:
    one, other = pair()
    frames = FrameReader().feed(one.send(Kind.RECORD, bytes(3000)))
    assert [f.flags for f in frames] == [MORE, MORE | GOES_ON, GOES_ON]
    raw = b"".join(encode_frame(f) for at, f in enumerate(frames) if at != lost)
    assert other.receive(raw) == []
    assert [m.kind for m in other.receive(one.send(Kind.PING))] == [Kind.PING]


def test_limits_of_messages() -> None:
    one, other = pair()
    with pytest.raises(LocalProtocolError):
        one.send(Kind.RECORD, bytes(MESSAGE_SIZE_MAX + 1))
    raw = [
        Frame(Kind.RECORD, bytes(4096), 1, MORE | (GOES_ON if n else 0), n + 1) for n in range(17)
    ]
    with pytest.raises(RemoteProtocolError, match="more pieces"):
        other.receive(b"".join(map(encode_frame, raw)))
    one, other = pair()
    begun = [Frame(Kind.RECORD, b"1", channel, MORE, channel + 1) for channel in range(5)]
    with pytest.raises(RemoteProtocolError):
        other.receive(b"".join(map(encode_frame, begun)))


def test_another_version_ends_the_connection() -> None:
    with pytest.raises(RemoteProtocolError, match="version 2"):
        Peer(None).receive(encode_frame(Frame(Kind.HELLO, seq=1, version=2)))


def test_an_acknowledgement_is_owed_until_anything_is_sent() -> None:
    one, other = pair()
    other.receive(one.send(Kind.ALARM, b"1", ack=True))
    frame = FrameReader().feed(other.acknowledge())[0]
    assert (frame.kind, frame.ack) == (Kind.ACK, 1)
    assert other.acknowledge() == b""
    other.receive(one.send(Kind.ALARM, b"1", ack=True))
    other.send(Kind.PING)
    assert other.acknowledge() == b""


def test_a_signed_message_is_judged() -> None:
    one, other = pair()
    raw = one.send_signed(Kind.CFG_SET, b"value")
    frame = FrameReader().feed(raw)[0]
    assert frame.flags == ACK_WANTED | SIGNED
    assert other.receive(raw) == [Message(Kind.CFG_SET, 0, b"value", signature_ok=True)]
    assert other.receive(raw) == []  # nobody can send it again


@pytest.mark.parametrize("what", ["payload", "kind", "channel", "seq", "key", "no key", "pieces"])
def test_whatever_is_changed_under_a_signature_shows(what: str) -> None:
    one, other = pair()
    frame = FrameReader().feed(one.send_signed(Kind.CFG_SET, b"value"))[0]
    payload, kind, channel, seq, flags = frame.payload, frame.kind, 0, frame.seq, frame.flags
    match what:
        case "payload":
            payload = b"VALUE" + payload[5:]
        case "kind":
            kind = Kind.FW_OFFER
        case "channel":
            channel = 1
        case "seq":
            seq = 2
        case "key":
            other.key = b"K" * 32
        case "no key":
            other.key = b""
        case "pieces":
            flags |= MORE
    raw = encode_frame(Frame(kind, payload, channel, flags, seq, frame.ack))
    assert [m.signature_ok for m in other.receive(raw)] == [False]


def test_signing_needs_a_session_and_one_frame() -> None:
    one, other = pair()
    with pytest.raises(LocalProtocolError):
        one.send_signed(Kind.CFG_SET, bytes(1017))
    other.key = b""
    with pytest.raises(LocalProtocolError):
        other.send_signed(Kind.CFG_SET, b"")


def test_a_new_beginning_takes_the_key_away() -> None:
    one, other = pair()
    other.restart_on = Kind.HELLO
    other.receive(one.send(Kind.PING))
    signed = one.send_signed(Kind.CFG_SET, b"1")
    other.receive(signed)
    other.receive(Peer(None).send(Kind.HELLO, b""))
    assert other.key == b""
    assert [m.signature_ok for m in other.receive(signed)] == [False]


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_garbage_is_a_remote_error_or_nothing(pieces: list[bytes]) -> None:
    peer = Peer(Kind.HELLO)
    for piece in pieces:
        peer.receive(piece)
    peer.idle()
