"""OBIS codes to data identifiers and back."""

import pytest

from protocols.dlt645.codes import ALIASES, PLAIN, PLAIN_1997, CodeTable
from protocols.dlt645.options import Dlt645Options

NEW = CodeTable(Dlt645Options(), old=False)
OLD = CodeTable(Dlt645Options(), old=True)

# The data items of the customer, in the words of the two standards.
TOLD_2007 = {
    "1.0.1.8.0.255": 0x00010000, "1.0.1.8.1.255": 0x00010100, "1.0.1.8.4.255": 0x00010400,
    "1.0.2.8.0.255": 0x00020000, "1.0.2.8.3.255": 0x00020300,
    "1.0.3.8.0.255": 0x00030000, "1.0.4.8.0.255": 0x00040000,
    "1.0.5.8.0.255": 0x00050000, "1.0.8.8.2.255": 0x00080200,
    "1.0.9.8.0.255": 0x00090000, "1.0.15.8.0.255": 0x00000000,
    "1.0.21.8.0.255": 0x00150000, "1.0.42.8.0.255": 0x002A0000, "1.0.61.8.0.255": 0x003D0000,
    "1.0.1.8.0.101": 0x00010001, "1.0.1.8.2.112": 0x0001020C,
    "1.0.1.6.0.255": 0x01010000, "1.0.4.6.3.103": 0x01040303,
    "1.0.32.7.0.255": 0x02010100, "1.0.72.7.0.255": 0x02010300, "1.0.51.7.0.255": 0x02020200,
    "1.0.1.7.0.255": 0x02030000, "1.0.61.7.0.255": 0x02030300, "1.0.23.7.0.255": 0x02040100,
    "1.0.9.7.0.255": 0x02050000, "1.0.13.7.0.255": 0x02060000, "1.0.53.7.0.255": 0x02060200,
    "1.0.81.7.40.255": 0x02070100, "1.0.81.7.51.255": 0x02070200, "1.0.81.7.62.255": 0x02070300,
    "1.0.91.7.0.255": 0x02800001, "1.0.14.7.0.255": 0x02800002,
    "1.0.1.4.0.255": 0x02800004, "0.0.96.7.0.255": 0x03110000, "0.0.96.1.0.255": 0x04000402,
    "1.0.0.4.2.255": 0x04000306, "1.0.0.9.2.255": 0x04000101,
}  # fmt: skip
TOLD_1997 = {
    "1.0.1.8.0.255": 0x9010, "1.0.1.8.4.255": 0x9014, "1.0.2.8.0.255": 0x9020,
    "1.0.3.8.0.255": 0x9110, "1.0.4.8.1.255": 0x9121, "1.0.5.8.0.255": 0x9130,
    "1.0.6.8.0.255": 0x9150, "1.0.7.8.0.255": 0x9160, "1.0.8.8.0.255": 0x9140,
    "1.0.1.8.0.101": 0x9410, "1.0.1.8.3.102": 0x9813, "1.0.1.6.0.255": 0xA010,
    "1.0.3.6.0.101": 0xA510, "1.0.32.7.0.255": 0xB611, "1.0.71.7.0.255": 0xB623,
    "1.0.1.7.0.255": 0xB630, "1.0.63.7.0.255": 0xB643, "1.0.33.7.0.255": 0xB651,
    "0.0.96.1.0.255": 0xC032, "0.0.96.2.0.255": 0xB212,
}  # fmt: skip


@pytest.mark.parametrize(("obis", "di"), TOLD_2007.items())
def test_2007_both_ways(obis: str, di: int) -> None:
    assert NEW.identifier(obis) == di
    assert NEW.obis(di) == obis


@pytest.mark.parametrize(("obis", "di"), TOLD_1997.items())
def test_1997_both_ways(obis: str, di: int) -> None:
    assert OLD.identifier(obis) == di
    assert OLD.obis(di) == obis


@pytest.mark.parametrize("table", [NEW, OLD], ids=["2007", "1997"])
def test_nothing_has_two_names(table: CodeTable) -> None:
    cumulated = [
        f"1.0.{c}.{d}.{e}.{f}"
        for c in (*range(1, 11), 15, 21, 30, 41, 62) for d in (6, 8)
        for e in range(15) for f in (255, *range(101, 113))
    ]  # fmt: skip
    names = [*cumulated, *(PLAIN if table is NEW else PLAIN_1997)]
    found = {obis: di for obis in names if (di := table.identifier(obis)) is not None}
    assert len(found) > 200
    for obis, di in found.items():
        assert table.identifier(table.obis(di) or "") == di
        if obis != "0.0.96.14.0.255":  # shown in a status word that has a code of its own
            assert table.obis(di) == obis


def test_other_names_of_the_same() -> None:
    assert NEW.identifier("1.0.16.7.0.255") == NEW.identifier("1.0.2.7.0.255") == 0x02030000
    assert NEW.identifier("1.0.1.8.0.1") == NEW.identifier("1.0.1.8.0.101") == 0x00010001
    for alias, code in ALIASES.items():
        assert NEW.identifier(alias) == NEW.identifier(code)
        assert alias not in PLAIN


@pytest.mark.parametrize(
    "obis",
    ["1.0.1.8.0.113", "1.0.1.8.0.100", "1.0.1.8.0.0", "1.0.99.1.0.255", "1.1.1.8.0.255",
     "1.0.1.8.64.255", "1.0.1.9.0.255", "7.0.1.8.0.255", "", "1.8.0", "a.b.c.d.e.f"],
)  # fmt: skip
def test_what_has_no_identifier(obis: str) -> None:
    assert NEW.identifier(obis) is None
    assert OLD.identifier(obis) is None


def test_old_meters_know_two_settlements() -> None:
    assert OLD.identifier("1.0.1.8.0.103") is None


@pytest.mark.parametrize("di", [0x000100FF, 0x0001FF00, 0x00800000, 0x99999999, 0x06000001])
def test_what_has_no_code(di: int) -> None:
    assert NEW.obis(di) is None


@pytest.mark.parametrize("di", [0x901F, 0x9C10, 0xB999, 0x9170, 0x0000])
def test_what_has_no_code_in_1997(di: int) -> None:
    assert OLD.obis(di) is None


def test_rates_are_the_tariffs_that_a_type_says() -> None:
    """Sharp, peak, flat, valley as the meter counts; normal, peak, off-peak as the utility does."""
    table = CodeTable(Dlt645Options(rates=(3, 2, 4)), old=False)
    asked = [table.identifier(f"1.0.1.8.{tariff}.255") for tariff in range(6)]
    assert asked == [0x00010000, 0x00010300, 0x00010200, 0x00010400, None, 0x00010500]
    told = [table.obis(0x00010000 | rate << 8) for rate in range(6)]
    assert told == [
        "1.0.1.8.0.255", None, "1.0.1.8.2.255", "1.0.1.8.1.255", "1.0.1.8.3.255",
        "1.0.1.8.5.255",
    ]  # fmt: skip
    assert table.identifier("1.0.1.6.1.101") == 0x01010301
    assert CodeTable(Dlt645Options(rates=(2, 1)), old=True).identifier("1.0.1.8.1.255") == 0x9012


def test_a_type_has_identifiers_and_formats_of_its_own() -> None:
    options = Dlt645Options(
        codes={"1.0.1.7.0.255": "02FE0000"}, formats={"02FE0000": "±XXXX.XX kW"}
    )
    table = CodeTable(options, old=False)
    assert table.identifier("1.0.1.7.0.255") == 0x02FE0000
    assert table.obis(0x02FE0000) == "1.0.1.7.0.255"
    assert (table.item(0x02FE0000).scaler, table.item(0x02FE0000).signed) == (1, True)
    assert table.block(0x02FE0000) is None


@pytest.mark.parametrize(
    ("table", "di", "block"),
    [
        (NEW, 0x00010200, (0x0001FF00, 2)),
        (NEW, 0x01010003, (0x0101FF03, 0)),
        (NEW, 0x02010300, (0x0201FF00, 2)),
        (NEW, 0x02030300, (0x0203FF00, 3)),
        (NEW, 0x02800002, None),
        (NEW, 0x04000402, None),
        (OLD, 0x9013, (0x901F, 3)),
        (OLD, 0xA414, (0xA41F, 4)),
        (OLD, 0xB612, (0xB61F, 1)),
        (OLD, 0xB632, (0xB63F, 2)),
        (OLD, 0xC032, None),
    ],
)
def test_where_a_value_stands_in_its_block(
    table: CodeTable, di: int, block: tuple[int, int] | None
) -> None:
    assert table.block(di) == block
