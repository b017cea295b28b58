import re
from collections import Counter

import msgspec
import pytest

from hes.devices import Device, parse_csv
from hes.fleet.options import FleetOptions, spelled
from hes.fleet.plan import ModemPlan, devices_csv, plan_fleet, protocol_of
from protocols.dlms.acse import Mechanism

MIXED = FleetOptions(meters=500, drift_s=30)
ALL = msgspec.structs.replace(MIXED, iec_share=0.3, dlt645_share=0.3)
OTHERS = {"iec62056-21", "dlt645-2007", "dlt645-1997"}


def meters_of(plan: list[ModemPlan]) -> int:
    return sum(len(modem.meters) for modem in plan)


def test_the_same_seed_makes_the_same_fleet() -> None:
    assert plan_fleet(MIXED) == plan_fleet(MIXED)


def test_another_seed_makes_other_meters_with_other_keys() -> None:
    one, other = plan_fleet(MIXED), plan_fleet(msgspec.structs.replace(MIXED, seed=2))
    assert not {m.modem_id for m in one} & {m.modem_id for m in other}
    keys = [{meter.identity.keys for modem in p for meter in modem.meters} for p in (one, other)]
    assert keys[0] & keys[1] == {None}


@pytest.mark.parametrize("meters", [1, 2, 7, 500])
def test_there_are_as_many_meters_as_wanted(meters: int) -> None:
    assert meters_of(plan_fleet(FleetOptions(meters=meters))) == meters


def test_a_fleet_has_some_of_everything() -> None:
    plan = plan_fleet(MIXED)
    assert {modem.framing for modem in plan} == {"hdlc", "wrapper"}
    assert {modem.pushes for modem in plan} == {True, False}
    assert {len(modem.meters) for modem in plan} >= {1, 4}
    auths = {meter.identity.auth for modem in plan for meter in modem.meters}
    assert auths == {Mechanism.NONE, Mechanism.LOW, Mechanism.GMAC}
    drifts = [meter.drift_s for modem in plan for meter in modem.meters]
    assert min(drifts) < -10 < 10 < max(drifts)
    assert max(map(abs, drifts)) <= 30


def test_shares_of_nothing_and_all() -> None:
    options = FleetOptions(
        meters=50, multidrop_share=1, meters_per_modem=5, wrapper_share=0, push_share=1,
        low_share=1, gmac_share=0,
    )  # fmt: skip
    plan = plan_fleet(options)
    assert [len(modem.meters) for modem in plan] == [5] * 10
    assert all(modem.framing == "hdlc" and modem.pushes for modem in plan)
    assert {m.identity.auth for modem in plan for m in modem.meters} == {Mechanism.LOW}


def test_no_two_meters_of_a_line_have_the_same_address() -> None:
    for modem in plan_fleet(MIXED):
        addresses = {(meter.logical, meter.physical) for meter in modem.meters}
        assert len(addresses) == len(modem.meters)
        if len(modem.meters) > 1 and modem.framing == "hdlc":
            assert all(meter.physical is not None for meter in modem.meters)


def test_the_device_list_says_all_that_a_head_end_needs() -> None:
    plan = plan_fleet(MIXED)
    devices = parse_csv(devices_csv(plan))
    assert len(devices) == 500
    expected = {}
    for modem in plan:
        for meter in modem.meters:
            keys = meter.identity.keys
            expected[meter.identity.serial] = (
                modem.modem_id,
                modem.framing,
                str(meter.physical) if meter.physical is not None else "",
                meter.logical,
                meter.identity.password.decode(),
                keys.encryption if keys else b"",
                keys.authentication if keys else b"",
                meter.identity.title,
            )
    assert {str(device.meter_id): told(device) for device in devices} == expected
    assert {device.auth for device in devices} == {"none", "low", "gmac"}


def told(device: Device) -> tuple[object, ...]:
    return (
        device.modem_id, device.framing, device.address, device.server_sap, device.password,
        device.encryption_key, device.authentication_key, device.system_title,
    )  # fmt: skip


# -- other protocols


def protocols_of(plan: list[ModemPlan]) -> Counter[str]:
    return Counter(modem.protocol for modem in plan)


def test_without_being_asked_a_fleet_speaks_dlms_only() -> None:
    assert set(protocols_of(plan_fleet(MIXED))) == {"dlms"}


def test_other_protocols_change_nothing_of_the_dlms_modems() -> None:
    alone, mixed = plan_fleet(MIXED), plan_fleet(ALL)
    assert [modem.modem_id for modem in mixed] == [modem.modem_id for modem in alone]
    pairs = [(m, n) for m, n in zip(alone, mixed, strict=True) if n.protocol == "dlms"]
    assert len(pairs) > 50
    assert all(before == after for before, after in pairs)


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("meters", [40, 60, 500])
def test_shares_are_kept_in_small_fleets_too(meters: int, seed: int) -> None:
    options = msgspec.structs.replace(ALL, meters=meters, seed=seed)
    plan = plan_fleet(options)
    found = protocols_of(plan)
    assert set(found) == {"dlms", *OTHERS}
    dlt645 = found["dlt645-2007"] + found["dlt645-1997"]
    for count in (found["iec62056-21"], dlt645):
        assert abs(count - 0.3 * len(plan)) <= 3


@pytest.mark.parametrize(
    ("luck", "protocol"),
    [
        (0.0, "iec62056-21"), (0.19, "iec62056-21"), (0.21, "dlt645-2007"), (0.43, "dlt645-2007"),
        (0.45, "dlt645-1997"), (0.59, "dlt645-1997"), (0.61, "dlms"), (0.999, "dlms"),
    ],
)  # fmt: skip
def test_luck_decides_by_the_shares(luck: float, protocol: str) -> None:
    assert protocol_of(luck, FleetOptions(iec_share=0.2, dlt645_share=0.4)) == protocol


def test_only_dlms_meters_push() -> None:
    options = msgspec.structs.replace(ALL, push_share=1)
    assert {(m.protocol == "dlms", m.pushes) for m in plan_fleet(options)} == {
        (True, True),
        (False, False),
    }


@pytest.mark.parametrize("protocol", sorted(OTHERS))
def test_meters_of_other_protocols_are_told_with_address_and_password(protocol: str) -> None:
    plan = [modem for modem in plan_fleet(ALL) if modem.protocol == protocol]
    devices = {str(device.meter_id): device for device in parse_csv(devices_csv(plan))}
    meters = [meter for modem in plan for meter in modem.meters]
    assert len(devices) == len(meters)
    for meter in meters:
        device = devices[meter.identity.serial]
        assert (device.protocol, device.framing, device.auth) == (protocol, "", "none")
        assert device.address == meter.address
        assert device.address.lstrip("0") in {"", meter.identity.serial}
        assert device.password == meter.identity.password.decode()
        assert re.fullmatch("[0-9]{8}", device.password)
        assert not device.has_keys
    assert len({device.password for device in devices.values()}) == len(meters)


@pytest.mark.parametrize("protocol", sorted(OTHERS))
def test_only_a_lone_meter_may_have_no_address(protocol: str) -> None:
    lines = [m.meters for m in plan_fleet(ALL) if m.protocol == protocol]
    uncalled = [len(meters) for meters in lines if not all(meter.address for meter in meters)]
    assert set(uncalled) == {1}
    assert max(map(len, lines)) == 4
    assert len(uncalled) < sum(len(meters) == 1 for meters in lines)


def test_the_device_list_of_a_mixed_fleet_has_no_errors() -> None:
    devices = parse_csv(devices_csv(plan_fleet(ALL)))
    assert len(devices) == 500
    assert {device.protocol for device in devices} == {"dlms", *OTHERS}


@pytest.mark.parametrize(
    ("template", "bytes_"),
    [
        ("MODEM:{modem_id}\r\n", b"MODEM:861\r\n"),
        (r"MODEM:{modem_id}\r\n", b"MODEM:861\r\n"),
        (r"\x7e\\n{other}", b"\x7e\\n{other}"),
        ("", b""),
    ],
)
def test_a_text_from_the_command_line_is_spelled(template: str, bytes_: bytes) -> None:
    assert spelled(template, modem_id="861") == bytes_
