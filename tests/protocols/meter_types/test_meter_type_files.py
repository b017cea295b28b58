"""Files of meter types: those that ship, and what is said of those that are wrong."""

import re
import tomllib
from typing import Any

import pytest
from hypothesis import given, strategies as st
from vectors_folder import load as vectors

from hes.event_names import EVENT_NAMES
from hes.quantities import UNIT_CODES
from protocols.dlms.options import UNITS, DlmsOptions
from protocols.meter_types.loading import MeterTypeError, load
from protocols.meter_types.meter_type import GENERIC, PROTOCOLS, EventMap
from protocols.meter_types.shipped import shipped_texts, shipped_types

GOOD = 'protocol = "dlms"\ntitle = "A meter"\nsource = "its manual"\n'


def faults(text: str, name: str = "a") -> list[tuple[str, str]]:
    with pytest.raises(MeterTypeError) as caught:
        load(name, text, events=EVENT_NAMES)
    assert all(sentence.startswith(f"{name}.toml: ") for sentence in caught.value.sentences)
    return [(fault.key, fault.problem) for fault in caught.value.faults]


# -- those that ship


@pytest.mark.parametrize("name", sorted(shipped_texts()))
def test_every_shipped_type_is_right_and_names_its_events(name: str) -> None:
    found = load(name, shipped_texts()[name], events=EVENT_NAMES)
    assert found == shipped_types().named(name)
    assert found.title
    assert found.source


def test_every_protocol_has_its_generic_type() -> None:
    generic = {one.name.removeprefix(GENERIC) for one in shipped_types() if GENERIC in one.name}
    assert generic == set(PROTOCOLS)
    for protocol in PROTOCOLS:
        found = shipped_types().of("", protocol)
        assert found is not None
        options, timers = PROTOCOLS[protocol]
        assert (found.options, found.timers) == (options(), timers())


def test_no_shipped_type_says_what_is_usual_anyway() -> None:
    for name, text in shipped_texts().items():
        data = tomllib.loads(text)
        usual = PROTOCOLS[data["protocol"]][0]()
        for key, value in data.get("options", {}).items():
            own = load(name, text).options
            if key not in {"baud", "range_seasons", "table_commands", "read_commands"}:
                assert getattr(own, key) != getattr(usual, key), f"{name}: {key} = {value}"


def test_a_type_is_known_by_name_and_protocol() -> None:
    types = shipped_types()
    assert types.of("emh-lzqj", "iec62056-21") is types.named("emh-lzqj")
    assert types.of("emh-lzqj", "dlms") is None
    assert types.of("nobody", "dlms") is None
    assert types.of("", "modbus") is None
    assert types.protocols["dsmr4"] == "dlms"


def test_ones_own_take_the_place_of_those_that_ship() -> None:
    own = load("dsmr4", GOOD)
    types = shipped_types().with_own([own, load("new", GOOD)])
    assert types.named("dsmr4") is own
    assert len(types) == len(shipped_types()) + 1
    assert shipped_types().named("dsmr4") != own


def identification(vector: dict[str, Any]) -> str | None:
    """Return what the meter in a recorded frame says of itself; noise says nothing."""
    text = str(vector.get("raw_text") or "")
    found = re.search(r"(?:^|\n)/([A-Za-z]{3}[0-9 ][^\r\n]*)", text)
    protocol = str(vector["protocol"])
    if found is None or not protocol.startswith("iec") or vector["expected"].get("messages") == []:
        return None
    return "".join(letter for letter in found[1] if letter.isprintable())


def test_makers_of_the_recorded_frames_have_a_type() -> None:
    told = {text for vector in vectors("meters.json") if (text := identification(vector))}
    if not told:
        pytest.skip("HES_TEST_VECTORS names no folder with recorded frames")
    beginnings = tuple(text for one in shipped_types() for text in one.identifies)
    assert [text for text in sorted(told) if not text.startswith(beginnings)] == []
    assert len(told) > 10


def test_units_of_the_options_are_those_of_everybody() -> None:
    assert {symbol: UNIT_CODES[symbol] for symbol in UNITS if symbol in UNIT_CODES} == {
        symbol: code for symbol, code in UNITS.items() if symbol in UNIT_CODES
    }


# -- what is said of wrong ones


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("", "protocol", "is missing"),
        (GOOD + "registors = []", "registors", "is not known; did you mean registers?"),
        (GOOD + "[optoins]", "optoins", "is not known; did you mean options?"),
        (GOOD.replace("dlms", "modbus"), "protocol", "'modbus' is none of dlms, "),
        (GOOD + "options = 3", "options", "must be a table, not a whole number"),
        (GOOD + "registers = ['1.8.0']", "registers[0]", "is not an OBIS code in full"),
        (GOOD + "registers = ['1.0.1.8.0.256']", "registers[0]", "is not an OBIS code in full"),
        (GOOD + "[options]\nrates = [1, 'x']", "options.rates[1]", "must be a whole number, not"),
        (GOOD + "[options]\nrates = [64]", "options.rates[0]", "must be a whole number <= 63"),
        (GOOD + "[options]\nmaxpdu = 1", "options.maxpdu", "did you mean max_pdu?"),
        (
            GOOD + "[options]\nselection = ['never']",
            "options.selection[0]",
            "'never' is none of range, range-otherwise, entry, whole",
        ),
        (
            GOOD + "[options.scales.\"1.0.1.8.0.255\"]\nscaler = 0\nunit = 'kWh'",
            "options.scales.1.0.1.8.0.255.unit",
            "'kWh' is none of Wh, varh",
        ),
        (
            GOOD + '[options.scales."1.0.1.8.0.255"]\nscaler = 0',
            "options.scales.1.0.1.8.0.255.unit",
            "is missing",
        ),
        (
            GOOD + "[[options.pushes]]\nvalues = [{}, {obis = 1}]",
            "options.pushes[0].values[1].obis",
            "must be text in quotes, not a whole number",
        ),
        (
            GOOD + "[[options.pushes]]\nvalues = [{obis = '1.8.0'}]",
            "options.pushes[0].values[0].obis",
            "is not an OBIS code in full, A.B.C.D.E.F",
        ),
        (
            GOOD + "[[options.pushes]]\nvalues = [{unit = 'kW'}]",
            "options.pushes[0].values[0].unit",
            "'kW' is none of Wh, varh",
        ),
        (GOOD + "[options]\naddress_size = 3", "options.address_size", "3 is none of 0, 1, 2, 4"),
        (GOOD + "[timers]\nanswer_s = 'long'", "timers.answer_s", "must be a number, not text"),
        (GOOD + "[timers]\nansver_s = 1", "timers.ansver_s", "did you mean answer_s?"),
        (GOOD + "[events.codes]\nxyz = 'power-up'", "events.codes.xyz", "is not a code"),
        (GOOD + "[events.bits]\n80 = 'power-up'", "events.bits.80", "is not bits in hex"),
        (GOOD + "[events.codes]\n1 = 'boom'", "events.codes.1", "is the name of no event"),
        (
            GOOD.replace("dlms", "dlt645-2007") + "[options.formats]\n02FE0000 = 'X kW'",
            "options",
            "'X kW' is no format",
        ),
        (
            GOOD.replace("dlms", "iec62056-21") + "[options.units]\n'1.0.1.8.0.255' = 'elf'",
            "options",
            "unit 'elf' is not known",
        ),
        ("a = ", "", "is no TOML: "),
        ("x" * 300_000, "", "is longer than 262144 characters"),
    ],
)
def test_a_fault_is_told_by_its_key(text: str, key: str, problem: str) -> None:
    told = faults(text)
    assert any(k == key and problem in p for k, p in told), told


def test_one_fault_does_not_hide_the_next() -> None:
    text = 'protocol = "dlms"\ntitle = 3\n[options]\nrates = [0, 99]\nlists = 1\n[timers]\nx = 1'
    assert [key for key, _ in faults(text)] == [
        "title", "source", "options.rates[0]", "options.rates[1]", "options.lists", "timers.x",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["A", "a b", "", "-a", "a/b", "x" * 64])
def test_a_type_has_a_plain_name(name: str) -> None:
    assert "a type is named by small letters" in faults(GOOD, name)[0][1]


def test_a_generic_type_is_that_of_its_protocol() -> None:
    assert faults(GOOD, "generic-iec62056-21")[0][1].endswith("is called generic-dlms")
    assert load("generic-dlms", GOOD).options == DlmsOptions()


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 300) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["rates", "scales", "pushes", "codes", "selection", "columns", "x"])


def toml(value: Any) -> str:
    """Return a value as TOML; None as a text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(str(k))} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    letters = (f"\\U{ord(c):08X}" for c in str(value) if not 0xD800 <= ord(c) < 0xE000)
    return '"' + "".join(letters) + '"'


@given(KEYS, plain_data)
def test_any_setting_is_taken_or_told(key: str, value: Any) -> None:
    try:
        load("a", f"{GOOD}[options]\n{key} = {toml(value)}\n")
    except MeterTypeError as problem:
        keys = [fault.key for fault in problem.faults]
    else:
        keys = ["options"]
    assert keys
    assert all(key.startswith("options") for key in keys)


@given(st.text(max_size=80))
def test_any_text_is_taken_or_told(text: str) -> None:
    with pytest.raises(MeterTypeError):
        load("a", text)


# -- codes of events


def test_codes_come_before_bits_and_unmapped_ones_have_no_name() -> None:
    events = EventMap(codes={"1": "power-down", "03300A": "clock-set"}, bits={"0x80": "power-up"})
    assert events.names(1) == ("power-down",)
    assert events.names("03300a") == ("clock-set",)
    assert events.names(0x81) == ("power-up",)
    assert events.names(2) == events.names(None) == events.names("zz") == ()


def test_a_word_with_several_bits_is_several_events() -> None:
    events = EventMap(bits={"0x0080": "power-down", "0x0020": "clock-set", "0x0001": "fatal-error"})
    assert events.names(0x80A0) == ("power-down", "clock-set")
