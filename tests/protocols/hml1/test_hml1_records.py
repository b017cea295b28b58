"""Store and forward: nothing lost, nothing twice, nothing acknowledged before it is durable."""

import random

import msgspec
import pytest
from examples import many
from hml1_bench import Wire, flash, record
from hypothesis import given, settings, strategies as st

from protocols.errors import LocalProtocolError
from protocols.hml1.frame import Frame, FrameReader, encode_frame
from protocols.hml1.kinds import Kind, Reason, RecordKind
from protocols.hml1.messages import Alarm, Record, decode_record, encode_number, encode_record
from protocols.hml1.queue import WINDOW, RecordQueue
from protocols.hml1.records import Judgement, RecordIntake
from protocols.links.notices import AlarmTold, RecordsLost, RecordTold


def store(wire: Wire, *texts: bytes) -> Wire:
    for text in texts:
        wire.do(wire.modem.store(record(text), wire.now_s))
    return wire.run()


def durable(wire: Wire, number: int) -> Wire:
    wire.stored = number
    return wire.down(wire.link.stored_up_to(number))


def texts(wire: Wire) -> list[bytes]:
    return [told.data for told in wire.said(RecordTold)]


def test_a_record_is_handed_out_whole() -> None:
    wire = store(Wire().connect(), b"\x68raw\x16")
    assert wire.said(RecordTold) == [
        RecordTold(
            number=1, meter="000000000001", protocol="dlt645-2007", kind=0, utc_s=1_795_000_000,
            clock_quality=1, label=b"00010000", data=b"\x68raw\x16",
        )
    ]  # fmt: skip


def test_the_modem_keeps_it_until_it_is_called_durable() -> None:
    wire = store(Wire().connect(), b"a", b"b", b"c")
    assert len(wire.modem.flash.queue) == 3
    durable(wire, 2)
    assert len(wire.modem.flash.queue) == 1
    durable(wire, 3)
    assert len(wire.modem.flash.queue) == 0
    assert wire.link.stored_up_to(3) == b""


def test_only_what_was_handed_out_can_be_durable() -> None:
    wire = store(Wire(stored=0).connect(), b"a")
    with pytest.raises(LocalProtocolError, match="record 2"):
        wire.link.stored_up_to(2)


def test_no_more_than_a_window_is_under_way() -> None:
    wire = store(Wire().connect(), *[bytes((n,)) for n in range(20)])
    assert len(texts(wire)) == WINDOW
    durable(wire, 5)
    assert len(texts(wire)) == WINDOW + 5


def test_after_a_lost_connection_everything_not_durable_comes_again() -> None:
    wire = store(Wire(stored=0).connect(), b"a", b"b", b"c")
    durable(wire, 1)
    wire.connect()
    assert texts(wire) == [b"a", b"b", b"c", b"b", b"c"]
    assert [told.number for told in wire.said(RecordTold)] == [1, 2, 3, 2, 3]


def test_a_lost_acknowledgement_is_said_again() -> None:
    wire = store(Wire(stored=0).connect(), b"a")
    wire.link.stored_up_to(1)  # lost on its way
    wire.now_s = 30.0
    wire.do(wire.modem.due(wire.now_s))
    wire.run()
    assert (texts(wire), len(wire.modem.flash.queue)) == ([b"a"], 0)


def test_what_became_durable_between_two_sessions_is_not_sent_again() -> None:
    queue = RecordQueue()
    for text in (b"a", b"b"):
        queue.put(record(text))
    assert [sent.number for sent in queue.to_send()] == [1, 2]
    queue.begin_session(1)
    assert [sent.number for sent in queue.to_send()] == [2]
    assert len(queue) == 1


def test_what_nobody_called_durable_is_handed_out_again() -> None:
    wire = store(Wire(stored=0).connect(), b"a")
    wire.now_s = 30.0
    wire.do(wire.modem.due(wire.now_s))
    wire.run()
    assert texts(wire) == [b"a", b"a"]


def test_a_gap_is_never_acknowledged_over_but_asked_for_once() -> None:
    wire = Wire(stored=0).connect()
    raw = [
        encode_frame(Frame(Kind.RECORD, encode_record(_numbered(n)), seq=40 + n)) for n in (1, 3, 4)
    ]
    for piece in raw:
        wire._take(wire.link.receive(piece))
    naks = [f for f in FrameReader().feed(b"".join(wire.to_modem)) if f.kind == Kind.NAK]
    assert [nak.payload for nak in naks] == [bytes((Reason.RECORD_GAP,))]
    assert [told.number for told in wire.said(RecordTold)] == [1]
    for n in (2, 3, 4):
        again = Frame(Kind.RECORD, encode_record(_numbered(n)), seq=50 + n)
        wire._take(wire.link.receive(encode_frame(again)))
    assert [told.number for told in wire.said(RecordTold)] == [1, 2, 3, 4]


def _numbered(number: int) -> Record:
    return msgspec.structs.replace(record(b"x"), number=number)


def test_the_modem_goes_back_when_asked_to() -> None:
    wire = store(Wire(stored=0).connect(), b"a", b"b")
    orders = wire.modem.receive(
        encode_frame(Frame(Kind.NAK, bytes((Reason.RECORD_GAP,)), seq=90)), 0
    )
    assert len(orders) == 2
    assert wire.modem.receive(encode_frame(Frame(Kind.NAK, b"\6", seq=91)), 0) == []


def test_a_full_flash_says_what_it_lost() -> None:
    kept = flash(capacity=3)
    wire = Wire(kept, stored=0)
    for n in range(6):
        wire.modem.store(record(bytes((n,))), 0)
    wire.connect()
    assert wire.said(RecordsLost) == [RecordsLost(1, 4)]
    assert texts(wire) == [b"\4", b"\5"]
    durable(wire, 6)
    assert len(kept.queue) == 0


def test_a_note_of_losses_may_jump_over_more_numbers_than_a_window_has() -> None:
    wire = Wire(flash(capacity=3), stored=0)
    for n in range(1, 31):
        wire.modem.store(record(bytes((n,))), 0)
    wire.connect()
    assert (wire.said(RecordsLost), texts(wire)) == ([RecordsLost(1, 28)], [])
    durable(wire, 28)
    assert texts(wire) == [b"\x1d", b"\x1e"]


def test_records_that_are_gone_before_the_session_are_told_lost() -> None:
    wire = Wire(flash(next_number=50), stored=40).connect()
    assert wire.said(RecordsLost) == [RecordsLost(41, 49)]
    store(wire, b"x")
    assert wire.said(RecordTold)[0].number == 50


def test_a_wiped_modem_goes_on_behind_what_the_head_end_has() -> None:
    wire = Wire(stored=100)
    wire.modem.store(record(b"new"), 0)
    wire.connect()
    assert [(t.number, t.data) for t in wire.said(RecordTold)] == [(101, b"new")]
    assert wire.said(RecordsLost) == []


def test_without_knowledge_the_first_record_is_the_first() -> None:
    wire = store(Wire(flash(next_number=7), stored=None).connect(), b"x")
    assert wire.said(RecordTold)[0].number == 7
    durable(wire, 7)
    assert len(wire.modem.flash.queue) == 0


def test_an_alarm_is_told_at_once_and_kept_as_a_record() -> None:
    wire = Wire().connect()
    alarm = Alarm(utc_s=1_795_000_001, clock_quality=1, code=1, meter="000000000001")
    wire.do(wire.modem.alarm(alarm, 0))
    wire.run()
    told = wire.said(AlarmTold)[0]
    assert (told.source, told.code, told.utc_s) == ("000000000001", "supply-lost", 1_795_000_001)
    assert wire.said(RecordTold)[0].kind == RecordKind.ALARM
    offline = Wire()
    assert offline.modem.alarm(alarm, 0) == []
    offline.connect()
    assert (offline.said(AlarmTold), len(offline.said(RecordTold))) == ([], 1)


def test_an_alarm_that_names_no_meter_is_the_modems_own() -> None:
    wire = Wire().connect()
    wire.do(wire.modem.alarm(Alarm(utc_s=1, clock_quality=0, code=200, meter=""), 0))
    wire.run()
    told = wire.said(AlarmTold)[0]
    assert (told.source, told.code) == (wire.modem.name, "code-200")


def test_a_record_that_cannot_be_read_is_kept_raw_and_blocks_nothing() -> None:
    wire = Wire(stored=0).connect()
    broken = encode_number(1) + b"\xff\x01"
    wire._take(wire.link.receive(encode_frame(Frame(Kind.RECORD, broken, seq=60))))
    told = wire.said(RecordTold)[0]
    assert (told.number, told.kind, told.data) == (1, RecordKind.UNREADABLE, broken)
    assert wire.link.stored_up_to(1)


def test_a_long_record_comes_in_pieces_and_is_one() -> None:
    wire = store(Wire().connect(), bytes(16_000))
    assert texts(wire) == [bytes(16_000)]


def test_the_books_of_the_head_end() -> None:
    intake = RecordIntake(10)
    seen = [intake.judge(n) for n in (11, 13, 14, 12, 13, 10, 12)]
    assert seen == [
        Judgement.NEW, Judgement.GAP, Judgement.AHEAD, Judgement.NEW, Judgement.NEW,
        Judgement.STORED, Judgement.UNDER_WAY,
    ]  # fmt: skip
    assert intake.judge(20) is Judgement.GAP
    assert intake.lost_up_to(13) is None
    assert intake.lost_up_to(19) == (14, 19)
    assert intake.judge(20) is Judgement.NEW
    assert RecordIntake(None).lost_up_to(5) == (5, 5)


def test_a_queue_that_is_told_of_numbers_it_never_gave_keeps_its_records() -> None:
    queue = RecordQueue()
    queue.put(record(b"a"))
    queue.durable_up_to(5)
    assert len(queue) == 1


@settings(max_examples=many(0.6))
@given(st.integers(0, 2**32), st.integers(3, 30))
def test_a_cruel_network_loses_nothing_but_what_the_modem_says(seed: int, capacity: int) -> None:
    """Connections break anywhere, acknowledgements get lost, the flash runs full."""
    rng = random.Random(seed)
    wire = Wire(flash(capacity=capacity), stored=0)
    log: dict[int, bytes] = {}
    lost: set[int] = set()
    written = 0
    for _ in range(60):
        if rng.random() < 0.7:
            written += 1
            wire.do(wire.modem.store(record(str(written).encode()), wire.now_s))
        if rng.random() < 0.3:
            wire.connect()
        if rng.random() < 0.2:
            wire.to_head_end.clear()  # what was under way is gone with the connection
            wire.connect()
        _note(wire, log, lost)
        if log and rng.random() < 0.5:
            _store(wire, log, lost, heard=rng.random() < 0.7)
        wire.now_s += 10
        wire.do(wire.modem.due(wire.now_s))
        wire.run()
    for _ in range(200):
        wire.now_s += 31
        wire.do(wire.modem.due(wire.now_s))
        wire.connect()
        _note(wire, log, lost)
        _store(wire, log, lost, heard=True)
        if not len(wire.modem.flash.queue):
            break
    assert set(log) | lost == set(range(1, written + 1))
    assert set(log).isdisjoint(lost)
    assert all(data == str(number).encode() for number, data in log.items())


def _note(wire: Wire, log: dict[int, bytes], lost: set[int]) -> None:
    wire.run()
    for event in wire.events:
        if isinstance(event, RecordTold):
            assert log.setdefault(event.number, event.data) == event.data
        elif isinstance(event, RecordsLost):
            lost |= set(range(event.first, event.last + 1)) - set(log)
    wire.events.clear()


def _store(wire: Wire, log: dict[int, bytes], lost: set[int], *, heard: bool) -> None:
    if wire.link.state != "OPEN":
        return
    wire.stored = max([wire.stored or 0, *log, *lost])
    said = wire.link.stored_up_to(wire.stored)
    if heard:
        wire.down(said)


def test_payloads_of_records_go_both_ways() -> None:
    told = _numbered(2**40)
    assert decode_record(encode_record(told)) == told
    with pytest.raises(LocalProtocolError):
        encode_record(record(b"", meter="x" * 256))


def test_a_note_of_lost_records_that_comes_again_is_acknowledged_again() -> None:
    kept = flash(capacity=2)
    for number in range(5):
        kept.queue.put(record(bytes((number,))))
    wire = Wire(kept, stored=0).connect()
    assert [(e.first, e.last) for e in wire.said(RecordsLost)] == [(1, 4)]
    wire.link.stored_up_to(4)  # the bytes that say so get lost
    assert kept.queue.freed == 0
    kept.queue.rewind()
    wire.do(wire.modem._records(1.0))
    wire.run()
    assert kept.queue.freed == 4
    assert len(wire.said(RecordsLost)) == 1
