import contextlib

import pytest
from hypothesis import given, strategies as st

from hes.devices import DeviceListError
from hes.ids import ModemId
from hes.modems import Modem, ModemListError, parse_modems, write_modems

SECRET = bytes(range(16))
HEAD = "modem_id,secret,dial,link,hold,serial\n"


def test_a_row_is_a_modem() -> None:
    text = HEAD + f"M1,{SECRET.hex()},[2001:db8::1]:4059,hml1,demand,2400 8E1\nM2,,,,,\n"
    first, second = parse_modems(text)
    assert first == Modem(
        modem_id=ModemId("M1"), secret=SECRET, dial="[2001:db8::1]:4059", link="hml1",
        hold="demand", serial="2400 8E1",
    )  # fmt: skip
    assert (first.host, first.port, first.line) == ("2001:db8::1", 4059, (2400, "8E1"))
    assert second == Modem(modem_id=ModemId("M2"))
    assert (second.hold, second.line) == ("keep", None)


def test_columns_may_be_left_out_and_an_export_has_no_secret() -> None:
    (modem,) = parse_modems(f"secret,modem_id\n{SECRET.hex()},M1\n")
    assert modem.secret == SECRET
    assert SECRET.hex() not in write_modems([modem]) + repr(modem)
    assert parse_modems(write_modems([modem])) == [Modem(modem_id=ModemId("M1"))]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (",,,,,", "modem_id"),
        ("M" * 65 + ",,,,,", "modem_id"),
        ("M1,00,,,,", "secret"),
        ("M1,0g" + "0" * 30 + ",,,,", "secret"),
        ("M1,,10.0.0.1,,,", "dial"),
        ("M1,,10.0.0.1:0,,,", "dial"),
        ("M1,,10.0.0.1:65536,,,", "dial"),
        ("M1,,2001:db8::1:4059,,,", "dial"),
        ("M1,,h:1,auto,,", "link"),
        ("M1,,h:1,dsmr4,,", "link"),
        ("M1,,,telepathy,,", "link"),
        ("M1,,,,sometimes,", "hold"),
        ("M1,,,,,9600", "serial"),
        ("M1,,,,,9601 8N1", "serial"),
        ("M1,,,,,,more", "-"),
        ("M0,,,,,", "modem_id"),
    ],
)
def test_a_wrong_cell_is_told_and_nothing_is_taken(row: str, column: str) -> None:
    with pytest.raises(ModemListError, match="the modem list has 1 error") as found:
        parse_modems(f"{HEAD}M0,,,,,\n{row}\n")
    assert [(error.row, error.column) for error in found.value.errors] == [(3, column)]
    assert isinstance(found.value, DeviceListError)


@pytest.mark.parametrize("head", ["secret\n", "modem_id,colour\n", ""])
def test_a_wrong_header_is_told(head: str) -> None:
    with pytest.raises(ModemListError):
        parse_modems(head + "x,y\n")


def test_a_secret_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ModemListError) as found:
        parse_modems(f"{HEAD}M1,c0ffee,,,,\n")
    assert "c0ffee" not in str(found.value)


@given(st.text(max_size=80))
def test_garbage_is_an_error_or_a_list(text: str) -> None:
    with contextlib.suppress(ModemListError):  # any other error fails the test
        parse_modems(HEAD + text)
