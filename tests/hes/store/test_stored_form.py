"""One event of each kind, and its stored bytes in ``tests/support/stored_forms.py``."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import given, strategies as st
from stored_forms import (
    ANCHOR_WITHOUT_ROOT,
    COMMAND_WITHOUT_REASON,
    OLDER,
    READING_WITHOUT_TIMES,
    STORED,
    STORED_LAYOUTS,
)

from hes.events.audit import Anchored
from hes.events.base import EVENT_TYPES, DomainEvent
from hes.events.command import AlarmAcknowledged, CommandFinished, CommandRequested
from hes.events.device import CounterReserved, DeviceRegistered
from hes.events.firmware import (
    FirmwareActivated,
    FirmwareFailed,
    FirmwareOffered,
    FirmwareProgressed,
)
from hes.events.layout import Channel, Layout
from hes.events.log_life import LegalHoldPlaced, LegalHoldReleased, LogPurged, LogSealed
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.meter_control import MeterConfigured, RelaySwitched
from hes.events.meter_event import MeterEvent
from hes.events.meter_keys import MeterKeysChanged, MeterKeysChanging, MeterKeysKept
from hes.events.meter_objects import ObjectListRead
from hes.events.modem import (
    ModemConnected,
    ModemDisconnected,
    ModemQuarantined,
    ModemSuperseded,
    ModemTrusted,
    UnknownCaller,
)
from hes.events.modem_record import ModemAlarm, RecordsLost, RecordStored
from hes.events.modem_setting import (
    ConfigApplied,
    ConfigRequested,
    ModemIdentified,
    ModemRegistered,
)
from hes.events.node import (
    AccessRefused,
    ActorFailed,
    NodeConfigured,
    NodeStarted,
    NodeStopped,
    ReadModelRebuilt,
    TokenUsed,
)
from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.events.reading import (
    FailureReason,
    LoadProfileRead,
    ProfileRow,
    PushKept,
    ReadFailed,
    Reading,
    Source,
)
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.store.codec import EventCodec, LayoutBook
from hes.store.errors import StoreError

US: Final = datetime(2026, 5, 1, 12, 0, 3, 250_000, tzinfo=UTC)
THEM: Final = datetime(2026, 5, 1, 11, 59, 58, tzinfo=UTC)

LAYOUT: Final = Layout(
    (
        Channel("1.0.1.8.0.255", 0, 30, 3, 2),
        Channel("1.0.32.7.0.255", -1, 35, 3, 2),
        Channel("0.0.96.1.0.255"),
    )
)
PROFILE: Final = Layout((Channel("1.0.1.29.0.255", 0, 30),))

EVENTS: Final[tuple[DomainEvent, ...]] = (
    Reading(
        received_at=US,
        device_time=THEM,
        source=Source.PUSH,
        layout=LAYOUT,
        values=(18_446_744_073_709_551_615, 2301, b"\x00LGZ"),
        digest=b"\x01\x02\x03\x04\x05\x06\x07\x08",
        counter=4_294_967_295,
    ),
    LoadProfileRead(
        received_at=US,
        device_time=None,
        source=Source.BACKFILL,
        profile="1.0.99.1.0.255",
        period_s=1800,
        layout=PROFILE,
        rows=(
            ProfileRow(ends_at=THEM, status=8, values=(120,)),
            ProfileRow(ends_at=THEM + timedelta(minutes=30), status=None, values=(None,)),
        ),
    ),
    ReadFailed(
        received_at=US,
        source=Source.SCHEDULED,
        what="registers",
        reason=FailureReason.NO_ANSWER,
        detail="meter 18097634 gave no answer for 20 s",
    ),
    PushKept(
        received_at=US,
        reason="no-key",
        detail="no key for 4c475a0000000001",
        data=b"\xdb\x08LGZ",
        part=1,
        parts=2,
        digest=b"12345678",
        system_title="4c475a0000000001",
    ),
    MeterEvent(received_at=US, device_time=THEM, code=231, name=None, obis="0.0.96.11.0.255"),
    PowerFailure(received_at=US, device_time=THEM, sign=PowerSign.LAST_GASP, code=1),
    PowerRestored(received_at=US, sign=None, outage_s=93.5),
    OverVoltage(received_at=US, phase="L2", voltage_v=253.4, limit_v=253.0, reference="EN 50160"),
    OverVoltageCleared(received_at=US, phase="L2", voltage_v=249.9, limit_v=253.0),
    ClockDrift(received_at=US, device_time=THEM, drift_s=-5.25, uncertainty_s=0.4, action="set"),
    ClockDriftCleared(received_at=US, drift_s=0.5, uncertainty_s=0.4),
    ClockSet(
        received_at=US,
        before=THEM,
        after=US,
        drift_before_s=-5.25,
        drift_after_s=0.0,
        method="shift",
    ),
    LegalHoldPlaced(received_at=US, held="meter:1", actor="os:ann", reason="case 7"),
    LegalHoldReleased(received_at=US, held="meter:1", actor="os:ann", reason="closed"),
    LogSealed(received_at=US, first=1, last=2**40, blocks=3, octets=70_000, actor="node:main"),
    LogPurged(
        received_at=US,
        first=1,
        last=2**40,
        events=5,
        kept=2,
        days=400,
        actor="os:ann",
        reason="retention",
    ),
    Anchored(
        received_at=US,
        first=1,
        last=2**40,
        previous=bytes(32),
        digest=b"\x01\x02" * 16,
        root=b"\x03\x04" * 16,
    ),
    NodeConfigured(
        received_at=US, digest=b"\x05\x06" * 16, settings='{"node":{"name":"main"}}', actor="os:hes"
    ),
    ReadModelRebuilt(
        received_at=US, what="latest", status="compared", position=7, differences=0, actor="an"
    ),
    TokenUsed(received_at=US, actor="an"),
    AccessRefused(
        received_at=US,
        actor="an",
        peer="10.0.0.9",
        what="GET /live",
        status="401",
        reason="no",
        untold=300,
    ),
    ModemConnected(
        received_at=US, session=7, peer="10.1.2.3:40123", link="raw", claim="registration"
    ),
    ModemSuperseded(
        received_at=US, old_session=7, new_session=8, old_peer="10.1.2.3:1", new_peer="10.9.9.9:2"
    ),
    ModemDisconnected(
        received_at=US, session=8, reason="closed by peer", lasted_s=12.5, bytes_in=90, bytes_out=7
    ),
    ModemQuarantined(received_at=US, peer="10.1.2.3:1", reason="unknown", first_bytes=b"\x7e\xa0"),
    ModemTrusted(received_at=US, reason="now in the device list"),
    UnknownCaller(
        received_at=US, peer="10.1.2.3:1", listener="pipe", reason="silent", first_bytes=b""
    ),
    NodeStarted(received_at=US, version="0.1.0", pid=4711),
    NodeStopped(received_at=US, reason="SIGTERM"),
    ActorFailed(
        received_at=US,
        path="node/modems/861234567890123",
        reason="modem silent for 90 s",
        restarts=3,
        decision="restarted",
    ),
    DeviceRegistered(
        received_at=US,
        modem_id="861234567890123",
        link="raw",
        protocol="dlms",
        framing="hdlc",
        meter_type="",
        address="17",
        client_sap=16,
        server_sap=1,
        auth="low",
        system_title="",
        area="Đà Nẵng",
        ct_ratio="200/5",
        vt_ratio="",
        has_keys=True,
        actor="import",
        reason="why",
    ),
    CounterReserved(received_at=US, below=1000),
    ObjectListRead(received_at=US, hash=b"hashhash", count=3, packed=b"x\xda\x01", part=2, parts=2),
    CommandRequested(
        received_at=US, command="read", argument="1.0.1.8.0.255", actor="an", reason="bill"
    ),
    CommandFinished(
        received_at=US, command="read", actor="an", ok=True, detail="1 value", lasted_s=1.75
    ),
    AlarmAcknowledged(received_at=US, alarm="over-voltage:L2", actor="an", note="seen"),
    FirmwareOffered(
        received_at=US,
        image="FW2",
        size_bytes=300,
        sha256=b"\x01\x02",
        actor="an",
        reason="bug",
        resumed=True,
        version="2.0",
    ),
    FirmwareProgressed(
        received_at=US,
        image="FW2",
        step="transferring",
        done_bytes=128,
        size_bytes=300,
        detail="cut",
    ),
    FirmwareActivated(received_at=US, image="FW2", version="2.0", version_before="1.0"),
    FirmwareFailed(received_at=US, image="FW2", step="verifying", detail="no", done_bytes=300),
    RelaySwitched(
        received_at=US,
        obis="0.0.96.3.10.255",
        closed=False,
        state="disconnected",
        state_before="connected",
        actor="an",
        reason="unpaid",
    ),
    MeterConfigured(
        received_at=US, what="limiter", before="{}", after='{"a":1}', actor="an", reason="new"
    ),
    MeterKeysChanging(received_at=US, what="encryption", actor="an", reason="due"),
    MeterKeysChanged(
        received_at=US, what="encryption", shown_by="answer", actor="an", reason="due"
    ),
    MeterKeysKept(received_at=US, what="encryption", detail="no", actor="an", reason="due"),
    ModemRegistered(
        received_at=US,
        dial="10.0.0.9:4059",
        link="hml1",
        hold="demand",
        serial="2400 8E1",
        has_secret=True,
        actor="an",
        reason="why",
    ),
    ModemIdentified(
        received_at=US,
        session=7,
        iccid=None,
        model="M-1",
        firmware="1.2",
        boot_count=4,
        boot_reason=1,
        rssi_dbm=-77,
        records_queued=3,
        config_hash=b"\x01\x02\x03\x04",
    ),
    ConfigRequested(received_at=US, settings='{"collect_s": "900"}', actor="an", reason="why"),
    ConfigApplied(received_at=US, status="applied", config_hash=b"\x01\x02\x03\x04"),
    RecordStored(
        received_at=US,
        device_time=THEM,
        number=2**40,
        meter="18097634",
        protocol="dlt645-2007",
        kind=0,
        clock_quality=1,
        label=b"00010000",
        data=b"\x68\x16",
        outcome="reading",
        part=1,
        parts=2,
    ),
    RecordsLost(received_at=US, first=3, last=9),
    ModemAlarm(received_at=US, device_time=THEM, code="antenna", source="862", digest=b"digest88"),
)


def test_every_kind_of_event_has_its_stored_bytes_kept() -> None:
    assert set(STORED) == set(EVENT_TYPES) == {event.topic for event in EVENTS}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.topic)
def test_stored_form_is_stable(event: DomainEvent) -> None:
    codec = EventCodec(LayoutBook([LAYOUT, PROFILE]))
    state = bytes.fromhex(STORED[event.topic])
    assert codec.encode(event) == (event.topic, state)
    assert codec.decode(event.topic, state) == event


def test_readings_from_before_values_had_times_are_read() -> None:
    codec = EventCodec(LayoutBook([LAYOUT, PROFILE]))
    assert codec.decode("Reading/1", bytes.fromhex(READING_WITHOUT_TIMES)) == EVENTS[0]


@pytest.mark.parametrize("topic", OLDER)
def test_events_from_before_pushes_told_their_counter_are_read(topic: str) -> None:
    event = next(event for event in EVENTS if event.topic == topic)
    assert EventCodec(LayoutBook([])).decode(topic, bytes.fromhex(OLDER[topic])) == event


def test_the_counter_of_a_push_is_kept() -> None:
    codec = EventCodec(LayoutBook([]))
    for topic in OLDER:
        event = next(event for event in EVENTS if event.topic == topic)
        told = msgspec.structs.replace(event, counter=4_294_967_295)
        state = bytes.fromhex(STORED[topic].removesuffix("c0") + "ceffffffff")
        assert codec.encode(told) == (topic, state)
        assert codec.decode(topic, state) == told


def test_commands_from_before_anybody_said_why_are_read() -> None:
    event = EventCodec(LayoutBook([])).decode(
        "CommandRequested/1", bytes.fromhex(COMMAND_WITHOUT_REASON)
    )
    assert isinstance(event, CommandRequested)
    assert (event.command, event.actor, event.reason) == ("read", "an", "")


def test_anchors_from_before_they_had_a_root_are_read() -> None:
    event = EventCodec(LayoutBook([])).decode("Anchored/1", bytes.fromhex(ANCHOR_WITHOUT_ROOT))
    assert isinstance(event, Anchored)
    assert (event.last, event.digest, event.root) == (2**40, b"\x01\x02" * 16, None)


def test_times_of_values_are_kept() -> None:
    codec = EventCodec(LayoutBook([LAYOUT, PROFILE]))
    event = msgspec.structs.replace(EVENTS[0], times=(None, THEM, None))
    topic, state = codec.encode(event)
    stored = STORED["Reading/1"].removesuffix("c0") + "93c0d6ff69f495bec0"
    assert state == bytes.fromhex(stored)
    assert codec.decode(topic, state) == event


@pytest.mark.parametrize("layout", [LAYOUT, PROFILE], ids=["reading", "profile"])
def test_stored_form_of_layouts_is_stable(layout: Layout) -> None:
    state = bytes.fromhex(STORED_LAYOUTS[layout.id])
    assert layout.state == state
    assert Layout.from_state(state).channels == layout.channels


@given(st.sampled_from(sorted(EVENT_TYPES)), st.binary(max_size=80))
def test_garbage_is_a_store_error_or_an_event(topic: str, noise: bytes) -> None:
    try:
        event = EventCodec(LayoutBook([LAYOUT, PROFILE])).decode(topic, noise)
    except StoreError:
        return
    assert event.topic == topic


@given(st.data())
def test_a_damaged_byte_is_a_store_error_or_an_event(data: st.DataObject) -> None:
    topic, stored = data.draw(st.sampled_from(sorted(STORED.items())))
    state = bytearray.fromhex(stored)
    state[data.draw(st.integers(0, len(state) - 1))] = data.draw(st.integers(0, 255))
    try:
        event = EventCodec(LayoutBook([LAYOUT, PROFILE])).decode(topic, bytes(state))
    except StoreError:
        return
    assert event.topic == topic
