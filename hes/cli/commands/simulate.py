"""``hes simulate``: modems and meters without a head-end, to try any head-end with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hes.cli import output
from hes.cli.failures import USAGE, CommandError

if TYPE_CHECKING:
    from hes.config_values import Bind

PROGRAM: Final = "hes simulate --target HOST:PORT"
FLEET: Final = (
    "Simulated modems with meters of DLMS, IEC 62056-21 and DL/T 645 call a head-end, push, and"
    " let themselves be read."
)
REPLAY: Final = "Recorded frames are sent to a head-end, one connection for each entry of the file."


def register(app: typer.Typer) -> None:
    """Add the command. Its options are the fields of the Structs that the fleet takes."""
    app.command(
        name="simulate",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(simulate)


def simulate(
    context: typer.Context,
    target: Annotated[
        str, typer.Option(help="The head-end to call.", metavar="HOST:PORT")
    ] = "127.0.0.1:4059",
    replay: Annotated[
        Path | None, typer.Option(help="Send recorded frames instead.", metavar="FILE")
    ] = None,
    devices_out: Annotated[
        Path | None, typer.Option(help="Write the device list there first.", metavar="FILE")
    ] = None,
    modems_out: Annotated[
        Path | None,
        typer.Option(help="Write the modem list there first: keys of hml1.", metavar="FILE"),
    ] = None,
) -> None:
    """Let a simulated fleet, or recorded frames with --replay, call a head-end."""
    address = _address(target)
    if replay is None:
        _fleet(context.args, address, devices_out, modems_out)
    else:
        _replay(context.args, address, replay, devices_out)


def _address(target: str) -> "Bind":
    from hes.config_values import Bind  # noqa: PLC0415 -- keeps `hes --help` quick

    try:
        return Bind.parse(target)
    except ValueError as problem:
        raise CommandError(f"--target: {problem}", USAGE) from None


def _fleet(
    arguments: list[str], address: "Bind", devices_out: Path | None, modems_out: Path | None
) -> None:
    import trio  # noqa: PLC0415 -- keeps `hes --help` quick

    from hes.cli.struct_options import parse_options  # noqa: PLC0415 -- as above
    from hes.fleet.plan import (  # noqa: PLC0415 -- as above
        FleetOptions,
        devices_csv,
        modems_csv,
        plan_fleet,
    )
    from hes.fleet.run import run_fleet  # noqa: PLC0415 -- as above

    given = {"host": address.host, "port": address.port}
    options = parse_options(FleetOptions, arguments, program=PROGRAM, summary=FLEET, given=given)
    plan = plan_fleet(options)
    if devices_out is not None:
        _write_devices(devices_out, devices_csv(plan))
    if modems_out is not None:
        modems_out.write_text(modems_csv(plan), encoding="utf-8")
        output.note(f"the modem list is in {modems_out}")
    trio.run(run_fleet, options, plan)


def _replay(arguments: list[str], address: "Bind", file: Path, devices_out: Path | None) -> None:
    import trio  # noqa: PLC0415 -- keeps `hes --help` quick

    from hes.cli.struct_options import parse_options  # noqa: PLC0415 -- as above
    from hes.fleet.replay import (  # noqa: PLC0415 -- as above
        ReplayOptions,
        load_vectors,
        replay_devices_csv,
        run_replay,
    )

    given: dict[str, Any] = {"host": address.host, "port": address.port, "file": file}
    program = f"{PROGRAM} --replay FILE"
    options = parse_options(ReplayOptions, arguments, program=program, summary=REPLAY, given=given)
    if devices_out is not None:
        _write_devices(devices_out, replay_devices_csv(load_vectors(file)))
    trio.run(run_replay, options)


def _write_devices(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    output.note(f"the device list is in {path}; bring it in with `hes devices import {path}`")
