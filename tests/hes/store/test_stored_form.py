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

from hes.events.base import EVENT_TYPES, DomainEvent
from hes.events.command import AlarmAcknowledged, CommandFinished, CommandRequested
from hes.events.device import CounterReserved, DeviceRegistered
from hes.events.layout import Channel, Layout
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.meter_event import MeterEvent
from hes.events.modem import (
    ModemConnected,
    ModemDisconnected,
    ModemQuarantined,
    ModemSuperseded,
    ModemTrusted,
    UnknownCaller,
)
from hes.events.node import ActorFailed, NodeStarted, NodeStopped
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
    CommandRequested(received_at=US, command="read", argument="1.0.1.8.0.255", actor="an"),
    CommandFinished(
        received_at=US, command="read", actor="an", ok=True, detail="1 value", lasted_s=1.75
    ),
    AlarmAcknowledged(received_at=US, alarm="over-voltage:L2", actor="an", note="seen"),
)

READING_WITHOUT_TIMES: Final = (
    "97d7ff3b9aca0069f495c3d6ff69f495bea470757368cf009192edd72f607a93cfffffffffffffffffcd"
    "08fdc404004c475ac4080102030405060708ceffffffff"
)

STORED: Final[dict[str, str]] = {
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
        "99d7ff3b9aca0069f495c3c0a66e6f2d6b6579bb6e6f206b657920666f72203463343735613030303030"
        "3030303031c405db084c475a0102c4083132333435363738b034633437356130303030303030303031"
    ),
    "MeterEvent/1": "97d7ff3b9aca0069f495c3d6ff69f495becce7c0af302e302e39362e31312e302e323535a0c0",
    "PowerFailure/1": "95d7ff3b9aca0069f495c3d6ff69f495bea96c6173742d6761737001c0",
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
    "CommandRequested/1": "95d7ff3b9aca0069f495c3c0a472656164ad312e302e312e382e302e323535a2616e",
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
