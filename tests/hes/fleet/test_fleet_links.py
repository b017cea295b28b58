"""The simulated modem and the head-end's link understand each other, whatever the link."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from link_tools import cuts

from hes.fleet.links.ddp import DdpSide
from hes.fleet.links.dlt698 import Dlt698Side
from hes.fleet.links.forcecontrol import ForceControlSide
from hes.fleet.links.gdw376 import Gdw376Side
from hes.fleet.links.hml1 import Hml1Side
from hes.fleet.links.prot import ProtSide
from hes.fleet.links.side import ModemSide
from protocols.ddp.frame import Layout
from protocols.dlt698.frame import Frame, encode_frame
from protocols.gdw376 import frame as gdw376
from protocols.hml1.messages import Alarm, Record
from protocols.links.base import Identified, Link, LinkKind, LinkSettings, MeterBytes, Notice, Reply
from protocols.links.notices import AlarmTold, RecordTold
from protocols.links.registry import KINDS, detect
from protocols.links.world import LinkWorld

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
SECRET = b"shared"
SETTINGS = LinkSettings(
    world=LinkWorld(
        now=lambda: NOW,
        random_bytes=lambda size: b"h" * size,
        secret_of=lambda _name: SECRET,
        stored_up_to=lambda _name: 0,
    )
)
REQUEST = b"\xfe\xfe\xfe\xfe\x68 request \xfd\x7b\x16"
ANSWER = b"\x68 answer \xfe\xfd\x7b\xed\xee\x16"
SIDES: dict[str, tuple[Callable[[], ModemSide], str]] = {
    "prot": (lambda: ProtSide("13800138000"), "13800138000"),
    "forcecontrol": (lambda: ForceControlSide("13700137000"), "13700137000"),
    "ddp inside": (lambda: DdpSide("13700137000"), "13700137000"),
    "ddp header16": (lambda: DdpSide("1370013", layout=Layout.HEADER16), "1370013"),
    "ddp closed": (lambda: DdpSide("13700137000", layout=Layout.CLOSED), "13700137000"),
    "gdw376": (lambda: Gdw376Side("33010042"), "33010042"),
    "gdw376 2005": (lambda: Gdw376Side("33010042", version=1), "33010042"),
    "dlt698": (lambda: Dlt698Side("000000001234", now=lambda: NOW), "000000001234"),
    "hml1": (
        lambda: Hml1Side("862000000000042", SECRET, random_bytes=lambda size: b"d" * size),
        "862000000000042",
    ),
}


class Pair:
    """A modem and the link that its first bytes were found to be of."""

    def __init__(self, side: ModemSide, size: int = 1 << 16) -> None:
        self.side, self.size = side, size
        self.names: list[str] = []
        self.at_head_end, self.at_meter = b"", b""
        self.notices: list[Notice] = []
        first = side.connected(0.0)
        kind = detect(first, LinkSettings())
        assert isinstance(kind, LinkKind), kind
        self.link: Link = KINDS[kind.name].make(SETTINGS)
        self.up(first)

    def up(self, data: bytes) -> None:
        for piece in cuts(data, self.size):
            for event in self.link.receive(piece):
                match event:
                    case Identified(modem_id=name):
                        self.names.append(name)
                    case MeterBytes(data=raw):
                        self.at_head_end += raw
                    case Reply(data=raw):
                        self.down(raw)
                    case Notice():
                        self.notices.append(event)

    def down(self, data: bytes) -> None:
        for piece in cuts(data, self.size):
            told = self.side.receive(piece, 0.0)
            assert not told.hang_up, told.hang_up
            self.at_meter += told.to_line
            self.up(told.reply)


@pytest.mark.parametrize("size", [1, 3, 1 << 16])
@pytest.mark.parametrize("name", SIDES)
def test_a_request_and_its_answer_pass_and_the_modem_is_known(name: str, size: int) -> None:
    make, modem = SIDES[name]
    pair = Pair(make(), size)
    for _ in range(3):
        pair.down(pair.link.wrap(REQUEST))
        pair.up(pair.side.heartbeat(0.0))
        pair.up(pair.side.wrap(ANSWER))
    assert pair.names == [modem]
    assert pair.at_meter == REQUEST * 3
    assert pair.at_head_end == ANSWER * 3


@pytest.mark.parametrize("name", SIDES)
def test_a_modem_that_calls_again_begins_anew(name: str) -> None:
    side = SIDES[name][0]()
    Pair(side)
    pair = Pair(side)
    pair.down(pair.link.wrap(REQUEST))
    assert (pair.names, pair.at_meter) == ([SIDES[name][1]], REQUEST)


def test_a_terminal_knows_that_its_login_was_heard() -> None:
    terminal = Gdw376Side("33010042")
    Pair(terminal)
    assert terminal.confirmed
    modern = Dlt698Side("000000001234", now=lambda: NOW)
    Pair(modern)
    assert [answer.clock_trusted for answer in modern.responses] == [True]


def test_without_a_request_a_terminal_forwards_nothing() -> None:
    assert Gdw376Side("33010042").wrap(b"1") == b""
    assert Dlt698Side("000000001234", now=lambda: NOW).wrap(b"1") == b""


def test_records_and_alarms_of_a_modem_that_stores_and_forwards() -> None:
    side = Hml1Side("862000000000042", SECRET, random_bytes=lambda size: b"d" * size)
    pair = Pair(side)
    record = Record(
        number=0, meter="000000000001", protocol=1, utc_s=1, clock_quality=1, data=b"/ABC"
    )
    pair.up(side.store(record, 0.0))
    alarm = Alarm(utc_s=2, clock_quality=1, code=2, meter="000000000001")
    pair.up(side.alarm(alarm, 0.0))
    assert [n.number for n in pair.notices if isinstance(n, RecordTold)] == [1, 2]
    assert [n.code for n in pair.notices if isinstance(n, AlarmTold)] == ["supply-restored"]
    assert side.next_due_s == 30.0


def test_a_modem_obeys_what_ddp_asks_of_it() -> None:
    side = DdpSide("13700137000")
    head = "7b{:02x}0010" + b"13700137000".hex() + "7b"
    again = side.receive(bytes.fromhex(head.format(0x83)), 0.0)
    assert again.reply == side.heartbeat(0.0)
    bye = side.receive(bytes.fromhex(head.format(0x82)), 0.0)
    assert bye.hang_up == "the head-end unregistered the modem"


def test_a_terminal_passes_over_what_it_cannot_read() -> None:
    address = "000000001234"
    side = Dlt698Side(address, now=lambda: NOW)
    for apdu, name in [(b"\x09\x07", address), (b"\x01", address), (b"\x81", "000000009999")]:
        assert side.receive(encode_frame(Frame(0x43, name, apdu)), 0.0).to_line == b""
    old = Gdw376Side("33010042")
    old.connected(0.0)
    short = gdw376.Frame(0x4B, bytes.fromhex("0133420002"), 0x10, 0x60, bytes.fromhex("00000100"))
    confirm = gdw376.Frame(0x0B, bytes.fromhex("0133420000"), 0, 0x6E, bytes.fromhex("00000100"))
    raw = gdw376.encode_frame(short) + gdw376.encode_frame(confirm)
    assert (old.receive(raw, 0.0).to_line, old.confirmed) == (b"", False)
