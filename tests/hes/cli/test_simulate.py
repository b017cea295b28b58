import enum
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from hes.cli.failures import CommandError
from hes.cli.struct_options import field_docs, parse_options


class Faults(enum.StrEnum):
    NONE = "none"
    GPRS = "gprs"


class Base(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    port: int


class Options(Base, frozen=True, kw_only=True):
    meters: Annotated[int, msgspec.Meta(ge=1)] = 10
    """How many meters,
    in all; 100 % of them."""
    seed: int = 1
    push_every_s: float | None = None
    """Seconds."""
    confirm: bool = True
    faults: Faults = Faults.NONE
    mix: Literal["hdlc", "wrapper"] = "hdlc"
    only: tuple[str, ...] = ()
    out: Path | None = None


def parse(*arguments: str) -> Options:
    given = {"host": "h", "port": 1}
    return parse_options(Options, arguments, program="hes x", summary="Does x.", given=given)


def test_every_field_is_an_option() -> None:
    options = parse(
        "--meters", "7", "--push-every-s", "2.5", "--no-confirm", "--faults", "gprs",
        "--mix", "wrapper", "--only", "a", "b", "--out", "f.csv",
    )  # fmt: skip
    assert options == Options(
        host="h", port=1, meters=7, push_every_s=2.5, confirm=False, faults=Faults.GPRS,
        mix="wrapper", only=("a", "b"), out=Path("f.csv"),
    )  # fmt: skip


def test_what_is_left_out_keeps_its_default() -> None:
    assert parse() == Options(host="h", port=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--meters", "x"], "--meters: must be a whole number"),
        (["--meters", "0"], "--meters: must be a whole number >= 1"),
        (["--push-every-s", "soon"], "--push-every-s: must be a number"),
        (["--faults", "rain"], "invalid choice: 'rain'"),
        (["--mtrs", "1"], "unrecognized arguments: --mtrs 1"),
        (["--met", "1"], "unrecognized arguments: --met 1"),
        (["--seed"], "expected one argument"),
        (["--host", "h"], "unrecognized arguments: --host h"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(arguments: list[str], told: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(*arguments)
    assert told in str(caught.value)
    assert str(caught.value).endswith("(see `hes x --help`)")
    assert caught.value.exit_code == 2


def test_the_text_under_a_field_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert field_docs(Options) == {
        "meters": "How many meters, in all; 100 % of them.",
        "push_every_s": "Seconds.",
    }
    with pytest.raises(SystemExit) as caught:
        parse("--help")
    assert caught.value.code == 0
    assert "How many meters, in all; 100 % of them. (default: 10)" in " ".join(
        capsys.readouterr().out.split()
    )


# -- the command, with a fleet that only remembers


class Fleet:
    def __init__(self) -> None:
        self.runs: list[Any] = []

    async def run_fleet(self, options: Options, plan: Any) -> None:
        self.runs.append((options, plan))


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    fake = Fleet()
    plan, run = types.ModuleType("hes.fleet.plan"), types.ModuleType("hes.fleet.run")
    vars(plan).update(
        FleetOptions=Options,
        plan_fleet=lambda options: ["modem"] * options.meters,
        devices_csv=lambda plan: f"meter_id,modem_id\n{len(plan)},x\n",
        modems_csv=lambda plan: f"modem_id,secret\n{len(plan)},00\n",
    )
    vars(run).update(run_fleet=fake.run_fleet)
    monkeypatch.setitem(sys.modules, "hes.fleet.plan", plan)
    monkeypatch.setitem(sys.modules, "hes.fleet.run", run)
    return fake


def test_the_fleet_gets_its_options_and_plan(hes: Any, fleet: Fleet, tmp_path: Path) -> None:
    said = hes("simulate", "--target", "10.0.0.1:4059", "--meters", "3", "--devices-out", "d.csv")
    assert (said.code, fleet.runs) == (
        0,
        [(Options(host="10.0.0.1", port=4059, meters=3), ["modem"] * 3)],
    )
    assert (tmp_path / "d.csv").read_text() == "meter_id,modem_id\n3,x\n"
    assert "hes devices import d.csv" in said.err


def test_the_keys_of_modems_are_written_where_they_are_wanted(
    hes: Any, fleet: Fleet, tmp_path: Path
) -> None:
    said = hes("simulate", "--meters", "2", "--modems-out", "m.csv")
    assert said.code == 0
    assert (tmp_path / "m.csv").read_text() == "modem_id,secret\n2,00\n"
    assert "the modem list is in m.csv" in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--links", "radio"], "hes: --links: there is no link 'radio'; known are all, "),
        (["--fault", "rain=1"], "hes: --fault: there is no fault 'rain'; known are latency_s"),
    ],
)
def test_a_wrong_link_or_fault_is_exit_2(hes: Any, arguments: list[str], told: str) -> None:
    said = hes("simulate", "--meters", "1", "--seconds", "0.1", *arguments)
    assert said.code == 2
    assert said.err.startswith(told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--target", "nowhere"], "hes: --target: 'nowhere' needs a host and a port"),
        (["--meters", "0"], "hes: --meters: must be a whole number >= 1"),
        (["--mtrs", "0"], "hes: unrecognized arguments: --mtrs 0"),
    ],
)
def test_a_wrong_fleet_is_exit_2(hes: Any, fleet: Fleet, arguments: list[str], told: str) -> None:
    said = hes("simulate", *arguments)
    assert said.code == 2
    assert said.err.startswith(told)
    assert fleet.runs == []


def test_help_shows_the_options_of_the_fleet(hes: Any, fleet: Fleet) -> None:
    with pytest.raises(SystemExit) as caught:
        hes("simulate", "--help")
    assert caught.value.code == 0
    assert fleet.runs == []
