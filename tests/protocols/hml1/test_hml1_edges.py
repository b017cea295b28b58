"""HML/1 at its edges: labels too long, keys that are none, lines given back, a closed session."""

from typing import Any

import pytest
from hml1_bench import Wire, flash, record

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1 import messages
from protocols.hml1.frame import Frame, encode_frame
from protocols.hml1.greeting import decode_welcome, encode_welcome
from protocols.hml1.kinds import ALARM_CODES, Kind, Reason
from protocols.hml1.modem import HangUp
from protocols.hml1.peer import Peer
from protocols.hml1.states import HeadEnd, Modem
from protocols.hml1.translate import translate
from protocols.links.base import LinkSettings
from protocols.links.hml1 import Hml1Link
from protocols.links.notices import Nak


def test_what_is_not_known_is_left_out_of_a_welcome() -> None:
    told = {"nonce": bytes(8), "proof": bytes(16), "ping_s": 60}
    bare = decode_welcome(encode_welcome(**told, utc_s=None, stored=None))
    assert (bare.utc_s, bare.stored, bare.ping_s) == (None, None, 60)
    full = decode_welcome(encode_welcome(**told, utc_s=7, stored=9))
    assert (full.utc_s, full.stored) == (7, 9)


def test_a_label_is_at_most_255_bytes() -> None:
    good = messages.encode_record(record(b"x"))
    kept = messages.decode_record(good)
    at = good.index(kept.label) - 2
    with pytest.raises(RemoteProtocolError, match="label of 256 bytes"):
        messages.decode_record(good[:at] + (256).to_bytes(2) + bytes(300))


def test_a_modem_that_is_refused_hangs_up() -> None:
    wire = Wire()
    wire.do(wire.modem.connected())
    wire.do(wire.modem.receive(Peer(None).send(Kind.NAK, b"\x01"), 0.0))
    assert wire.hung_up == ["the head-end does not want us"]
    assert wire.modem.state is Modem.OFFLINE
    # What comes behind the goodbye is nobody's.
    assert wire.modem.receive(Peer(None).send(Kind.PING), 1.0) == []
    assert wire.ordered(HangUp) == [HangUp("the head-end does not want us")]


def test_a_welcome_without_the_time_sets_no_clock() -> None:
    wire = Wire()
    wire.link = Hml1Link(
        LinkSettings(
            world=wire.link._world.__class__(
                random_bytes=wire.nonces, secret_of=wire.secrets.get, stored_up_to=lambda _: None
            )
        )
    )
    wire.do(wire.modem.connected())
    wire.run()
    assert wire.modem.state is Modem.OPEN
    assert wire.orders == []


def test_records_that_nobody_confirms_are_not_sent_for_ever() -> None:
    wire = Wire(flash())
    wire.do(wire.modem.connected())
    wire.run()
    later = wire.modem.due(10_000.0)
    assert later != []


def test_serial_lines_are_given_back() -> None:
    wire = Wire()
    assert wire.link.release() == b""
    with pytest.raises(LocalProtocolError):
        wire.link.close_pipe()
    wire.connect()
    wire.down(wire.link.wrap(b"/?!\r\n"))
    closing = wire.link.release()
    assert closing != b""
    wire.down(closing)
    assert wire.link.release() == b""


def test_a_closed_session_listens_to_nothing() -> None:
    wire = Wire().connect()
    peer = Peer(None)
    peer._next = 100
    assert len(wire.link.receive(peer.send(Kind.BYE) + peer.send(Kind.PING))) == 1
    assert wire.link.state is HeadEnd.CLOSED
    assert wire.link.receive(peer.send(Kind.PING)) == []


@pytest.mark.parametrize("key", ["xyz", 5, ["00"]])
def test_a_key_that_is_none(key: Any) -> None:
    frame = encode_frame(Frame(Kind.PING))
    told = translate({"raw_hex": frame.hex(), "session_key": key})
    assert (told["ok"], told["error"]) == (False, "hex")


@pytest.mark.parametrize(
    ("kind", "payload", "shown"),
    [
        (Kind.RECORD_ACK, messages.encode_number(7), {"no": 7}),
        (Kind.FW_PULL, messages.encode_pull(4096, 512), {"offset": 4096, "size": 512}),
        (Kind.FW_DATA, messages.encode_part(4096, b"\x01\x02"), {"offset": 4096, "data": "0102"}),
        (Kind.PING, b"", {"type": "PING"}),
        (
            Kind.ALARM,
            messages.encode_alarm(messages.Alarm(utc_s=5, clock_quality=1, code=1, meter="42")),
            {"alarm": {"at": 5, "clock": 1, "code": 1, "means": ALARM_CODES[1], "meter": "42"}},
        ),
        (
            Kind.RECORD,
            messages.encode_record(record(b"\x01\x02", "42")),
            {
                "record": {
                    "no": 0, "meter": "42", "proto": 3, "kind": 0, "at": 1_795_000_000, "clock": 1,
                    "label": b"00010000".hex(), "data": "0102",
                }
            },
        ),
    ],
)  # fmt: skip
def test_what_the_translator_shows(kind: Kind, payload: bytes, shown: dict[str, Any]) -> None:
    told = translate({"raw_hex": encode_frame(Frame(kind, payload)).hex()})
    assert told["ok"]
    assert told | shown == told


def test_why_the_translator_finds_no_frame() -> None:
    good = encode_frame(Frame(Kind.RECORD_ACK, messages.encode_number(7)))
    for raw, error in [
        (good[:-1] + bytes((good[-1] ^ 1,)), "checksum"), (good[:-1], "framing"), (b"", "framing"),
    ]:  # fmt: skip
        told = translate({"raw_hex": raw.hex()})
        assert (told["ok"], told["error"]) == (False, error)


def test_a_payload_that_cannot_be_read_is_shown_with_its_problem() -> None:
    told = translate({"raw_hex": encode_frame(Frame(Kind.RECORD, b"\0")).hex()})
    assert told["valid"]
    assert "problem" in told["decoded"][0]


def test_an_order_that_cannot_be_read_is_refused_as_malformed() -> None:
    wire = Wire().connect()
    wire.down(wire.link._peer.send(Kind.RECORD_ACK, b"\x01"))
    assert wire.modem.state is Modem.OPEN
    assert [nak.reason for nak in wire.said(Nak)] == [Reason.MALFORMED]


def test_what_stands_behind_a_goodbye_is_not_heard() -> None:
    wire = Wire().connect()
    peer = wire.link._peer
    orders = wire.modem.receive(peer.send(Kind.BYE) + peer.send(Kind.PING), 1.0)
    assert [type(order) for order in orders] == [HangUp]
