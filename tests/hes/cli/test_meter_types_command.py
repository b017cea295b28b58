"""``hes meter-types``, and what other commands do with meter types."""

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hes.cli.meter_type_reference import reference
from hes.config import load_config
from hes.decoding import answer_line, find_translators
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlt645.frame import encode_frame
from protocols.iec62056_21.frame import encode_block
from protocols.meter_types.loading import load
from protocols.meter_types.meter_type import PROTOCOLS
from protocols.meter_types.shipped import shipped_types

ROOT = Path(__file__).parents[3]
HEAD = 'protocol = "{}"\ntitle = "Odd"\nsource = "this test"\n'
ODD = HEAD.format("dlms") + "[options]\nrates = [2, 1]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with a folder that holds one type."""
    (tmp_path / "hes.toml").write_text('[meter_types]\nfolder = "own"\n')
    own = tmp_path / "own"
    own.mkdir()
    (own / "odd.toml").write_text(ODD)
    return own


def test_all_types_are_listed(hes: Any, folder: Path) -> None:
    said = hes("meter-types", "list", "--json")
    assert said.code == 0
    names = {row["name"]: row["protocol"] for row in said.lines}
    assert names == dict(shipped_types().protocols) | {"odd": "dlms"}
    assert "Any DL/T 645-2007 meter" in hes("meter-types", "list").out


def test_without_a_folder_those_of_the_program_are_known(hes: Any) -> None:
    said = hes("meter-types", "list", "--json")
    assert {row["name"] for row in said.lines} == set(shipped_types().protocols)


def test_a_type_is_shown_with_what_it_changes_first(hes: Any, folder: Path) -> None:
    said = hes("meter-types", "show", "odd")
    lines = [line.split() for line in said.out.splitlines()]
    assert said.code == 0
    (changed,) = [n for n, line in enumerate(lines) if line[0] == "options.rates"]
    usual = [n for n, line in enumerate(lines) if line[-2:] == ["as", "usual"]]
    assert changed < min(usual)
    assert hes("meter-types", "show", "odd", "--json").json["options"]["rates"] == [2, 1]
    assert "power-down" in hes("meter-types", "show", "emh-lzqj").out


def test_a_type_that_is_not_there(hes: Any) -> None:
    said = hes("meter-types", "show", "nobody")
    assert (said.code, said.err) == (
        1, "hes: there is no meter type 'nobody'; see `hes meter-types list`\n",
    )  # fmt: skip


def test_good_files_are_said_to_be(hes: Any, folder: Path) -> None:
    for arguments in (["own"], ["own/odd.toml"], []):
        said = hes("meter-types", "check", *arguments)
        assert (said.code, said.out) == (0, "1 file: nothing is wrong\n")


def test_each_fault_is_a_sentence_and_exit_1(hes: Any, folder: Path) -> None:
    (folder / "bad.toml").write_text(ODD + "x = 1\n[timers]\nanswer_s = -1\n")
    (folder / "worse.toml").write_text("a =")
    said = hes("meter-types", "check", "own")
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[:2] == [
        "own/bad.toml: options.x: is not known; known here are "
        + ", ".join(msgspec.structs.asdict(PROTOCOLS["dlms"][0]())),
        "own/bad.toml: timers.answer_s: must be a number > 0.0",
    ]
    assert lines[2].startswith("own/worse.toml: is no TOML: ")
    assert len(lines) == 3
    assert hes("meter-types", "check", "own/odd.toml", "nowhere.toml").code == 1


def test_a_wrong_file_is_the_configurations_fault(hes: Any, folder: Path) -> None:
    (folder / "bad.toml").write_text("a =")
    said = hes("meter-types", "list")
    assert said.code == 2
    assert said.err.startswith(f"hes: {folder}/bad.toml: is no TOML")
    checked = hes("check", "--json")
    assert checked.code == 2
    (finding,) = [f for f in checked.json["findings"] if f["subject"] == "meter_types"]
    assert (finding["level"], "is no TOML" in finding["text"]) == ("error", True)


def test_the_folder_is_taken_from_where_the_configuration_is(folder: Path) -> None:
    config = load_config(folder.parent / "hes.toml", {})
    assert config.meter_types.folder == str(folder)
    assert load_config(None, {"HES_METER_TYPES__FOLDER": "x"}).meter_types.folder == "x"


def test_check_says_how_many_are_known(hes: Any, folder: Path) -> None:
    said = hes("check", "--json")
    (finding,) = [f for f in said.json["findings"] if f["subject"] == "meter_types"]
    count = len(shipped_types()) + 1
    told = f"{count} meter types are known, those in {folder} among them"
    assert (finding["level"], finding["text"]) == ("ok", told)


# -- the device list of a node that does not run


def test_an_import_into_a_store_knows_the_types(hes: Any, folder: Path, free_port: int) -> None:
    config = folder.parent / "hes.toml"
    with config.open("a") as file:
        file.write(f"[web]\nbind = '127.0.0.1:{free_port}'\n")
    listed = folder.parent / "d.csv"
    listed.write_text("meter_id,modem_id,meter_type\nm1,d1,odd\n")
    assert hes("devices", "import", "d.csv").code == 0
    listed.write_text("meter_id,modem_id,meter_type\nm1,d1,odd\nm2,d1,oddd\n")
    said = hes("devices", "import", "d.csv")
    assert said.code == 2
    assert "row 3, column meter_type: 'oddd' is no meter type; did you mean odd?" in said.err


# -- the translator


def told(meter_type: Any, text: str = "", **line: Any) -> dict[str, Any]:
    types = shipped_types()
    if text:
        types = types.with_own([load("odd", text)])
    asked = json.dumps(line | {"meter_type": meter_type}).encode()
    return answer_line(asked, find_translators(), types)


def test_decode_reads_bare_values_as_the_type_says() -> None:
    text = HEAD.format("dlms") + '[[options.pushes]]\nvalues = [{}, { obis = "1.0.1.7.0.255",'
    text += ' scaler = 1, unit = "W" }]'
    apdu = encode_data_notification(1, None, ax.structure(ax.u8(1), ax.u8(7)))
    line = {"protocol": "dlms", "framing": "apdu", "hex": apdu.hex()}
    (shown,) = told("odd", text, **line)["apdus"]
    assert shown["values"] == {"1.0.1.7.0.255": {"value": 7, "scaler": 1, "unit": 27}}
    assert "values" not in told("", **line)["apdus"][0]


def test_decode_adds_scalers_that_the_type_knows() -> None:
    text = HEAD.format("dlms") + '[options.scales]\n"1.0.1.7.0.255" = { scaler = 1, unit = "W" }'
    value = ax.structure(ax.octets(bytes((1, 0, 1, 7, 0, 255))), ax.u8(7))
    apdu = encode_data_notification(1, None, ax.structure(value))
    (shown,) = told("odd", text, framing="apdu", hex=apdu.hex())["apdus"]
    assert shown["values"] == {"1.0.1.7.0.255": {"value": 7, "scaler": 1, "unit": 27}}


def test_decode_checks_blocks_as_the_type_says() -> None:
    text = HEAD.format("iec62056-21") + '[options]\ncheck = "sum"'
    block = encode_block("1.8.0(1*kWh)\r\n!\r\n", check="sum").hex()
    assert told("odd", text, protocol="iec62056-21-C", hex=block)["ok"]
    assert told("", protocol="iec62056-21-C", hex=block)["error"] == "bcc"


def test_decode_reads_formats_as_the_type_says() -> None:
    text = HEAD.format("dlt645-2007") + '[options.formats]\n00010000 = "XXXXX.XXX kWh"'
    answer = bytes.fromhex("0000010078563412")
    line = {"hex": encode_frame("1", 0x91, answer).hex()}
    assert told("odd", text, **line)["values"] == ["12345.678"]
    assert told("", protocol="dlt645-2007", **line)["values"] == ["123456.78"]


@pytest.mark.parametrize("name", ["nobody", 7, ["odd"]])
def test_decode_knows_no_other_types(name: Any) -> None:
    answer = told(name, protocol="dlms", framing="axdr", hex="00")
    assert (answer["ok"], answer["error"]) == (False, "meter-type")


def test_decode_takes_the_folder_of_a_configuration(
    hes: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = b'{"framing": "axdr", "hex": "0600000539", "meter_type": "odd"}\n'
    for arguments, ok in (([], False), (["--config", "hes.toml"], True)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line)))
        assert hes("decode", *arguments).json["ok"] is ok


# -- the document


def test_the_document_tells_what_the_program_knows(hes: Any) -> None:
    document = (ROOT / "docs" / "meter-types.md").read_text("utf-8")
    told = document.partition("<!-- reference -->\n")[2]
    assert told == reference(), "run `hes meter-types schema` and put it behind the mark"
    assert hes("meter-types", "schema").out == reference()


def test_every_option_of_every_protocol_is_in_the_reference() -> None:
    text = reference()
    for options, timers in PROTOCOLS.values():
        for field in (*msgspec.structs.fields(options), *msgspec.structs.fields(timers)):
            assert f"| `{field.encode_name}` |" in text


def test_the_example_of_the_document_is_right() -> None:
    document = (ROOT / "docs" / "meter-types.md").read_text("utf-8")
    start = document.index('       protocol = "dlms"')
    example = document[start : document.index("3. `hes meter-types check")]
    found = load("acme-3000", "\n".join(line.strip() for line in example.splitlines()))
    assert found.options.rates == (2, 1, 3)
    assert found.events.names(201) == ("meter-cover-opened",)
