"""What a meter type may say of a DLMS meter, and what comes of it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from vectors_folder import load

from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.names import CodeNames
from protocols.dlms.objects import Column, Scale
from protocols.dlms.options import DlmsOptions, KnownColumns, KnownScale, PushedValue, PushLayout
from protocols.dlms.profile_selection import Way
from protocols.dlms.push_layouts import positional_items
from protocols.dlms.translate import translate
from protocols.dlms.type_facts import known_objects, time_rules
from protocols.meter_types.shipped import shipped_types

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOCAL, WEST, EAST = 420, -420, 420
TOTAL = "1.0.1.8.0.255"


def options(**plain: Any) -> DlmsOptions:
    return msgspec.convert(plain, DlmsOptions)


# -- names


def test_a_meter_may_call_things_otherwise() -> None:
    names = CodeNames(options(codes={TOTAL: "1.1.1.8.0.255"}, rates=[2, 1]))
    assert names.renames
    assert names.theirs(TOTAL) == "1.1.1.8.0.255"
    assert names.ours("1.1.1.8.0.255") == TOTAL
    assert names.ours(TOTAL) is None  # whatever that is, it is not the total
    assert names.theirs("1.0.2.8.1.255") == "1.0.2.8.2.255"
    assert names.ours("1.0.2.8.2.255") == "1.0.2.8.1.255"
    assert names.theirs("1.0.32.7.0.255") == names.ours("1.0.32.7.0.255") == "1.0.32.7.0.255"


def test_the_generic_type_renames_nothing() -> None:
    assert not CodeNames(DlmsOptions()).renames


# -- what is known before the meter is asked


def test_facts_of_the_type_are_known_at_once() -> None:
    known = known_objects(
        DlmsOptions(
            scales={TOTAL: KnownScale(scaler=1, unit="Wh")},
            classes={"1.0.1.6.0.255": 3},
            columns={
                "1.0.99.1.0.255": KnownColumns(
                    columns=("8/0.0.1.0.0.255/2", f"3/{TOTAL}/2"), period_s=900
                )
            },
            selection=(Way.ENTRY,),
        )
    )
    assert known.scales == {TOTAL: Scale(1, 30)}
    assert known.classes == {TOTAL: 3, "1.0.1.6.0.255": 3}
    assert known.columns["1.0.99.1.0.255"] == [
        Column(8, "0.0.1.0.0.255", 2, 0), Column(3, TOTAL, 2, 0)
    ]  # fmt: skip
    assert known.periods == {"1.0.99.1.0.255": 900}
    assert known.selection == ("entry",)


# -- times


@pytest.mark.parametrize(
    ("own", "clock_min", "instant_h", "sent_min"),
    [
        ({}, WEST, 12, WEST),
        ({}, None, 12, None),
        ({"send_deviation": "never"}, WEST, 12, None),
        ({"send_deviation": "always"}, None, 12, WEST),
        ({"positive_east": True}, 60, 18, 60),
        ({"deviation": "ignored"}, -60, 12, WEST),
        ({"deviation": "ignored", "send_deviation": "never"}, -60, 12, None),
    ],
)
def test_deviations_as_the_type_says(
    own: dict[str, Any], clock_min: int | None, instant_h: int, sent_min: int | None
) -> None:
    rules = time_rules(options(**own), LOCAL)
    shown = bytearray(encode_time(NOW, utc_offset_min=LOCAL))  # 19:00 on its clock
    shown[9:11] = (-0x8000 if clock_min is None else clock_min).to_bytes(2, signed=True)
    rules = rules.as_written(bytes(shown))
    instant = rules.decode(bytes(shown))
    assert instant is not None
    assert instant.hour == instant_h
    sent = int.from_bytes(rules.encode(NOW)[9:11], signed=True)
    assert sent == (-0x8000 if sent_min is None else sent_min)
    assert rules.decode(rules.encode(NOW)) == NOW or sent_min is not None


# -- pushes without names

LAYOUT = PushLayout(
    first="V1",
    values=(
        PushedValue(),
        PushedValue(obis="1.0.1.7.0.255", scaler=0, unit="W"),
        PushedValue(obis="0.0.96.1.0.255"),
    ),
)


@pytest.mark.parametrize("body", [["V1", 5, b"no"], [b"V1", 5, b"no"], [[b"V1", 5, b"no"]]])
def test_a_list_of_just_this_length_and_beginning_is_read(body: Any) -> None:
    power, serial = positional_items(body, [LAYOUT])
    assert (power.obis, power.value, power.scaler, power.unit) == ("1.0.1.7.0.255", 5, 0, 27)
    assert (serial.obis, serial.value, serial.scaler, serial.unit) == (
        "0.0.96.1.0.255", b"no", None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        [], None, 5, ["V1"], ["V2", 5, b"no"], [1, 5, b"no"], ["V1", 5, b"no", 1],
        ["V1", [5], b"no"], [[["V1", 5, b"no"]]],
    ],
)  # fmt: skip
def test_any_other_message_is_left_alone(body: Any) -> None:
    assert positional_items(body, [LAYOUT]) == []


def test_the_first_layout_that_fits_counts() -> None:
    any_two = PushLayout(values=(PushedValue(obis="1.0.1.7.0.255"), PushedValue()))
    assert [i.value for i in positional_items([7, 8], [LAYOUT, any_two])] == [7]


def test_what_a_value_lacks_is_told_by_the_type() -> None:
    """Some meters push a code and a number, and nobody but their maker knows the unit."""
    known = options(scales={"1.0.32.7.0.255": {"scaler": -1, "unit": "V"}})
    body = ax.structure(ax.octets(bytes((1, 0, 32, 7, 0, 255))), ax.u16(2301))
    push = encode_data_notification(1, None, body)
    for own, scale in ((known, {"scaler": -1, "unit": 35}), (options(), {})):
        told = translate({"framing": "apdu", "hex": push.hex(), "options": own})
        (value,) = told["apdus"][0]["values"].values()
        assert value == {"value": 2301} | scale


# -- recorded pushes


def recorded(name: str, meter_type: str) -> dict[str, Any]:
    found = [vector for vector in load("dlms.json") if vector["name"] == name]
    if not found:
        pytest.skip("HES_TEST_VECTORS names no folder with recorded frames")
    known = shipped_types().named(meter_type)
    assert known is not None
    shown = translate(found[0] | {"options": known.options})
    assert shown["ok"]
    (apdu,) = [apdu for apdu in shown["apdus"] if "values" in apdu]
    values: dict[str, Any] = apdu["values"]
    return {
        key: value["value"] * 10 ** value["scaler"]
        for key, value in values.items()
        if "scaler" in value
    }


def apparent_va(values: dict[str, float], b: int = 0) -> float:
    """Return the sum of voltage times current of the phases."""
    phases = ((32, 31), (52, 51), (72, 71))
    return sum(values[f"1.{b}.{u}.7.0.255"] * values[f"1.{b}.{i}.7.0.255"] for u, i in phases)


def test_a_list_of_bare_values_is_told_by_the_type() -> None:
    values = recorded("kaifa-ma304h3e-hdlc-push", "kaifa-ma304h3e")
    assert values["1.0.1.7.0.255"] == 948
    assert values["1.0.32.7.0.255"] == pytest.approx(238.5)


@pytest.mark.parametrize(
    ("name", "meter_type", "b"),
    [
        ("kaifa-se-list-llc", "kaifa-ma304h4", 0),
        ("kamstrup-omnipower-hdlc-plain-push", "kamstrup-omnipower", 1),
        ("kamstrup-omnipower-hdlc-encrypted-push", "kamstrup-omnipower", 1),
    ],
)
def test_powers_voltages_and_currents_fit_each_other(name: str, meter_type: str, b: int) -> None:
    values = recorded(name, meter_type)
    power = values[f"1.{b}.1.7.0.255"]
    assert 0.75 * power <= apparent_va(values, b) <= 1.35 * power


def test_without_the_type_nothing_is_guessed() -> None:
    found = [v for v in load("dlms.json") if v["name"] == "kaifa-ma304h3e-hdlc-push"]
    if not found:
        pytest.skip("HES_TEST_VECTORS names no folder with recorded frames")
    assert not [apdu for apdu in translate(found[0])["apdus"] if "values" in apdu]
