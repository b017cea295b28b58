"""What the pages compute by themselves: days of energy, settings as typed, tables to save."""

import json
from typing import Any

import pytest
from typescript import UI, run_typescript

INDEX = "1.0.1.8.0.255"


def computed(module: str, expression: str) -> Any:
    address = (UI / f"{module}.ts").as_uri()
    program = f"const m = await import('{address}'); console.log(JSON.stringify({expression}))"
    return run_typescript(program)


def day(date: str, energy: str | None, quality: str = "whole", unit: str = "Wh") -> dict[str, Any]:
    return {
        "day": date, "obis": INDEX, "profile": "", "energy": energy, "unit": unit, "intervals": 48,
        "first_at": "", "last_at": "", "quality": quality,
    }  # fmt: skip


def test_days_without_a_row_are_holes_and_no_day_is_left_out() -> None:
    rows = [day("2026-03-01", "1500"), day("2026-02-27", None, "reset"), day("2026-02-28", "250")]
    other = day("2026-02-20", "9") | {"obis": "1.0.2.8.0.255"}
    told = json.dumps([*rows[:2], other, rows[2]])
    bars = computed(
        "energy", f"m.barsOf({told}, '{INDEX}').map((b) => [b.day, m.chartValue(b.row)])"
    )
    assert bars == [["2026-02-27", None], ["2026-02-28", 0.25], ["2026-03-01", 1.5]]
    gap = json.dumps([rows[1], rows[0]])
    assert computed("energy", f"m.barsOf({gap}, '{INDEX}').map((b) => !b.row)") == [
        False, True, False,
    ]  # fmt: skip
    assert computed("energy", f"[m.barsOf([], 'x'), m.registersOf({told})]") == [
        [], [INDEX, "1.0.2.8.0.255"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "shown"), [("Wh", ["kWh", 2]), ("kWh", ["kWh", 2000]), ("varh", ["kvarh", 2])]
)
def test_energy_is_drawn_in_thousands(unit: str, shown: list[Any]) -> None:
    row = json.dumps(day("2026-03-01", "2000", unit=unit))
    assert computed("energy", f"[m.chartUnit([{row}]), m.chartValue({row})]") == shown


@pytest.mark.parametrize(
    ("kind", "typed", "found"),
    [
        ("whole", " 95 ", {"value": 95}),
        ("whole", "1.5", {"wrong": "number"}),
        ("whole", "59", {"wrong": "range"}),
        ("whole", "101", {"wrong": "range"}),
        ("whole", "1e2", {"wrong": "number"}),
        ("decimal", "4000,50", {"value": "4000.50"}),
        ("decimal", "", {"wrong": "number"}),
        ("text", " apn.vn ", {"value": "apn.vn"}),
        ("list", "a:1, b:2;c:3", {"value": ["a:1", "b:2", "c:3"]}),
    ],
)
def test_what_was_typed_is_sent_as_the_api_wants_it(
    kind: str, typed: str, found: dict[str, Any]
) -> None:
    field = json.dumps({"key": "x", "kind": kind, "min": 60, "max": 100})
    assert computed("setting_fields", f"m.valueOf({field}, {json.dumps(typed)})") == found


def test_a_cell_of_a_saved_table_is_never_a_formula() -> None:
    rows = json.dumps([["=1+1", 'say "no"', "a,b", None, -5], ["@x", "plain", "-2", "", 0]])
    assert computed("csv", f"m.csvOf({rows})") == (
        '\'=1+1,"say ""no""","a,b",,-5\r\n\'@x,plain,\'-2,,0\r\n'
    )


def test_a_signature_is_64_bytes_or_their_digits() -> None:
    digits = "0aFF" * 32
    made = (
        "[m.hexOf(new Uint8Array(64).fill(7)), m.hexOf(new TextEncoder().encode('"
        + digits + "\\n')), m.hexOf(new Uint8Array(63)) ?? 'none']"
    )  # fmt: skip
    assert computed("signature", made) == ["07" * 64, digits.lower(), "none"]
