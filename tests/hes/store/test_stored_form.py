"""One event of each kind with its stored bytes, as written on the day the kind came to be.

Never edit a stored line: logs in the field hold these bytes. A new kind is a new line; a change of
meaning is a new topic, and the old line stays. For a field added at the end, the old bytes go into
a test that decodes only.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import given, strategies as st

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
from hes.events.log_life import LegalHoldPlaced, LegalHoldReleased, LogPurged
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.meter_control import MeterConfigured, RelaySwitched
from hes.events.meter_event import MeterEvent
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
    ModemRegistered(
        received_at=US,
        dial="10.0.0.9:4059",
        link="hml1",
        hold="demand",
        serial="2400 8E1",
        has_secret=True,
        actor="an",
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
    ConfigRequested(received_at=US, settings='{"collect_s": "900"}', actor="an"),
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

ANCHOR_WITHOUT_ROOT: Final = (
    "96d7ff3b9aca0069f495c3c001cf0000010000000000c420000000000000000000000000000000000000"
    "0000000000000000000000000000c4200102010201020102010201020102010201020102010201020102"
    "010201020102"
)

COMMAND_WITHOUT_REASON: Final = (
    "95d7ff3b9aca0069f495c3c0a472656164ad312e302e312e382e302e323535a2616e"
)

READING_WITHOUT_TIMES: Final = (
    "97d7ff3b9aca0069f495c3d6ff69f495bea470757368cf009192edd72f607a93cfffffffffffffffffcd"
    "08fdc404004c475ac4080102030405060708ceffffffff"
)

OLDER: Final = {
    "MeterEvent/1": "97d7ff3b9aca0069f495c3d6ff69f495becce7c0af302e302e39362e31312e302e323535a0c0",
    "PowerFailure/1": "95d7ff3b9aca0069f495c3d6ff69f495bea96c6173742d6761737001c0",
    "PushKept/1": (
        "99d7ff3b9aca0069f495c3c0a66e6f2d6b6579bb6e6f206b657920666f72203463343735613030303030"
        "3030303031c405db084c475a0102c4083132333435363738b034633437356130303030303030303031"
    ),
}
"""As they were stored before they told the counter of the push that carried them."""

STORED: Final[dict[str, str]] = {
    "LegalHoldPlaced/1": ("95d7ff3b9aca0069f495c3c0a76d657465723a31a66f733a616e6ea6636173652037"),
    "LegalHoldReleased/1": ("95d7ff3b9aca0069f495c3c0a76d657465723a31a66f733a616e6ea6636c6f736564"),
    "LogPurged/1": (
        "99d7ff3b9aca0069f495c3c001cf00000100000000000502cd0190a66f733a616e6ea9726574656e74696f6e"
    ),
    "Anchored/1": (
        "97d7ff3b9aca0069f495c3c001cf0000010000000000c420000000000000000000000000000000000000"
        "0000000000000000000000000000c4200102010201020102010201020102010201020102010201020102"
        "010201020102c4200304030403040304030403040304030403040304030403040304030403040304"
    ),
    "NodeConfigured/1": (
        "97d7ff3b9aca0069f495c3c0c4200506050605060506050605060506050605060506050605060506050605"
        "060506b87b226e6f6465223a7b226e616d65223a226d61696e227d7da66f733a6865730101"
    ),
    "ReadModelRebuilt/1": "97d7ff3b9aca0069f495c3c0a66c6174657374a8636f6d70617265640700a2616e",
    "TokenUsed/1": "93d7ff3b9aca0069f495c3c0a2616e",
    "ModemRegistered/1": (
        "98d7ff3b9aca0069f495c3c0ad31302e302e302e393a34303539a4686d6c31a664656d616e64a8323430"
        "3020384531c3a2616e"
    ),
    "ModemIdentified/1": "9bd7ff3b9aca0069f495c3c007c0a34d2d31a3312e320401d0b303c40401020304",
    "ConfigRequested/1": (
        "94d7ff3b9aca0069f495c3c0b47b22636f6c6c6563745f73223a2022393030227da2616e"
    ),
    "ConfigApplied/1": "94d7ff3b9aca0069f495c3c0a76170706c696564c40401020304",
    "RecordStored/1": (
        "9cd7ff3b9aca0069f495c3d6ff69f495becf0000010000000000a83138303937363334ab646c74363435"
        "2d323030370001c4083030303130303030c4026816a772656164696e670102"
    ),
    "RecordsLost/1": "94d7ff3b9aca0069f495c3c00309",
    "ModemAlarm/1": (
        "95d7ff3b9aca0069f495c3d6ff69f495bea7616e74656e6e61a3383632c4086469676573743838"
    ),
    "Reading/1": (
        "98d7ff3b9aca0069f495c3d6ff69f495bea470757368cf009192edd72f607a93cfffffffffffffffffcd"
        "08fdc404004c475ac4080102030405060708ceffffffffc0"
    ),
    "LoadProfileRead/1": (
        "99d7ff3b9aca0069f495c3c0a86261636b66696c6cae312e302e39392e312e302e323535cd0708cf008f"
        "237ef420b36b9293d6ff69f495be08917893d6ff69f49cc6c091c0c0c0"
    ),
    "ReadFailed/1": (
        "96d7ff3b9aca0069f495c3c0a97363686564756c6564a9726567697374657273a96e6f2d616e73776572"
        "d9266d657465722031383039373633342067617665206e6f20616e7377657220666f722032302073"
    ),
    "PushKept/1": (
        "9ad7ff3b9aca0069f495c3c0a66e6f2d6b6579bb6e6f206b657920666f72203463343735613030303030"
        "3030303031c405db084c475a0102c4083132333435363738b034633437356130303030303030303031c0"
    ),
    "MeterEvent/1": (
        "98d7ff3b9aca0069f495c3d6ff69f495becce7c0af302e302e39362e31312e302e323535a0c0c0"
    ),
    "PowerFailure/1": "96d7ff3b9aca0069f495c3d6ff69f495bea96c6173742d6761737001c0c0",
    "PowerRestored/1": "96d7ff3b9aca0069f495c3c0c0c0cb4057600000000000c0",
    "OverVoltage/1": (
        "96d7ff3b9aca0069f495c3c0a24c32cb406faccccccccccdcb406fa00000000000a8454e203530313630"
    ),
    "OverVoltageCleared/1": "95d7ff3b9aca0069f495c3c0a24c32cb406f3ccccccccccdcb406fa00000000000",
    "ClockDrift/1": (
        "95d7ff3b9aca0069f495c3d6ff69f495becbc015000000000000cb3fd999999999999aa3736574"
    ),
    "ClockDriftCleared/1": "94d7ff3b9aca0069f495c3c0cb3fe0000000000000cb3fd999999999999a",
    "ClockSet/1": (
        "97d7ff3b9aca0069f495c3c0d6ff69f495bed7ff3b9aca0069f495c3cbc015000000000000cb00000000"
        "00000000a57368696674"
    ),
    "ModemConnected/1": (
        "96d7ff3b9aca0069f495c3c007ae31302e312e322e333a3430313233a3726177ac726567697374726174696f6e"
    ),
    "ModemSuperseded/1": "96d7ff3b9aca0069f495c3c00708aa31302e312e322e333a31aa31302e392e392e393a32",
    "ModemDisconnected/1": (
        "97d7ff3b9aca0069f495c3c008ae636c6f7365642062792070656572cb40290000000000005a07"
    ),
    "ModemQuarantined/1": "95d7ff3b9aca0069f495c3c0aa31302e312e322e333a31a7756e6b6e6f776ec4027ea0",
    "ModemTrusted/1": "93d7ff3b9aca0069f495c3c0b66e6f7720696e2074686520646576696365206c697374",
    "UnknownCaller/1": "96d7ff3b9aca0069f495c3c0aa31302e312e322e333a31a470697065a673696c656e74c400",
    "NodeStarted/1": "94d7ff3b9aca0069f495c3c0a5302e312e30cd1267",
    "NodeStopped/1": "93d7ff3b9aca0069f495c3c0a75349475445524d",
    "ActorFailed/1": (
        "96d7ff3b9aca0069f495c3c0bb6e6f64652f6d6f64656d732f383631323334353637383930313233b56d"
        "6f64656d2073696c656e7420666f72203930207303a9726573746172746564"
    ),
    "DeviceRegistered/1": (
        "dc0011d7ff3b9aca0069f495c3c0af383631323334353637383930313233a3726177a4646c6d73a46864"
        "6c63a0a231371001a36c6f77a0abc490c3a0204ee1bab56e67a53230302f35a0c3a6696d706f7274"
    ),
    "CounterReserved/1": "93d7ff3b9aca0069f495c3c0cd03e8",
    "ObjectListRead/1": "97d7ff3b9aca0069f495c3c0c408686173686861736803c40378da010202",
    "CommandRequested/1": (
        "96d7ff3b9aca0069f495c3c0a472656164ad312e302e312e382e302e323535a2616ea462696c6c"
    ),
    "FirmwareOffered/1": "99d7ff3b9aca0069f495c3c0a3465732cd012cc4020102a2616ea3627567c3a3322e30",
    "FirmwareProgressed/1": (
        "97d7ff3b9aca0069f495c3c0a3465732ac7472616e7366657272696e67cc80cd012ca3637574"
    ),
    "FirmwareActivated/1": "95d7ff3b9aca0069f495c3c0a3465732a3322e30a3312e30",
    "FirmwareFailed/1": "96d7ff3b9aca0069f495c3c0a3465732a9766572696679696e67a26e6fcd012c",
    "RelaySwitched/1": (
        "98d7ff3b9aca0069f495c3c0af302e302e39362e332e31302e323535c2ac646973636f6e6e6563746564a9"
        "636f6e6e6563746564a2616ea6756e70616964"
    ),
    "MeterConfigured/1": (
        "97d7ff3b9aca0069f495c3c0a76c696d69746572a27b7da77b2261223a317da2616ea36e6577"
    ),
    "CommandFinished/1": (
        "97d7ff3b9aca0069f495c3c0a472656164a2616ec3a7312076616c7565cb3ffc000000000000"
    ),
    "AlarmAcknowledged/1": (
        "95d7ff3b9aca0069f495c3c0af6f7665722d766f6c746167653a4c32a2616ea47365656e"
    ),
}
"""Topic to state, in hex."""

STORED_LAYOUTS: Final[dict[int, str]] = {
    40975421838155898: (
        "9395ad312e302e312e382e302e323535001e030295ae312e302e33322e372e302e323535ff23030295ae"
        "302e302e39362e312e302e323535c0c0c0c0"
    ),
    40289949838259051: "9195ae312e302e312e32392e302e323535001ec0c0",
}
"""Id to state, in hex."""


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
