import msgspec
import pytest

from hes.devices import Device, parse_csv
from hes.fleet.options import FleetOptions, spelled
from hes.fleet.plan import ModemPlan, devices_csv, plan_fleet
from protocols.dlms.acse import Mechanism

MIXED = FleetOptions(meters=500, drift_s=30)


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
