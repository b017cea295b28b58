"""``hes modem``: the modem list of a node, and orders to its modems."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hes.cli import output
from hes.cli.commands.read import quoted
from hes.cli.failures import USAGE, CommandError
from hes.cli.options import (
    DEFAULT_URL,
    ConfigFile,
    Json,
    OptionalUrl,
    Reason,
    Url,
    patience_s,
    within,
)

IMAGE_SIZE_MAX: Final = 64 * 1024 * 1024
UPLOAD_S: Final = 900.0
SIGNATURE_SIZE: Final = 64
Modem = Annotated[str, typer.Argument(help="The modem's name in the modem list.", metavar="MODEM")]
TimeoutS = Annotated[
    float | None,
    typer.Option("--timeout", help="Seconds that the modem may take.", min=1.0, max=900.0),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="modem", help="Modems: their secrets, settings and firmware.", no_args_is_help=True
    )
    group.command(name="import")(take_in)
    group.command(name="config")(config)
    group.command(name="firmware")(firmware)
    app.add_typer(group)


def take_in(
    file: Annotated[Path, typer.Argument(help="The CSV, with a header.", metavar="FILE.csv")],
    config_file: ConfigFile = None,
    reason: Reason = "",
    url: OptionalUrl = None,
    json: Json = False,
) -> None:
    """Add modems to the modem list, or change them: all rows or, with any error, none.

    Goes to the running node; with --config or ./hes.toml, into its store while it does not run.
    """
    from hes.cli.importing import bring, modems_into, read_list  # noqa: PLC0415 -- as elsewhere
    from hes.modems import parse_modems  # noqa: PLC0415 -- keeps `hes --help` quick

    text = read_list(file, parse_modems)
    with output.waiting(f"importing {file}"):
        done = bring(
            text, url=url, config_file=config_file, path="/api/v1/modems", into=modems_into,
            reason=reason,
        )  # fmt: skip
    if json:
        output.write_json({"imported": done.imported, "unchanged": done.unchanged})
        return
    modems = output.plural(done.imported, "modem")
    output.write_line(f"{modems} imported, {done.unchanged} unchanged, into {done.target}")


def config(
    modem: Modem,
    settings: Annotated[
        list[str] | None,
        typer.Argument(help="Settings to change; none: all are read.", metavar="NAME=VALUE"),
    ] = None,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:
    """Read the settings of a modem, or change them; it takes back what cuts it off."""
    body: dict[str, Any] = dict(within(timeout))
    if settings:
        body |= {"set": dict(map(_setting, settings)), "reason": reason}
    answer = _order(f"/api/v1/modems/{quoted(modem)}/config", body, modem, url, timeout)
    if json:
        output.write_json(answer)
    elif settings:
        output.write_line(f"{answer['status']}; all settings have hash {answer['config_hash']}")
    else:
        output.write_table(("setting", "value"), sorted(answer["settings"].items()))


def firmware(  # noqa: PLR0913, PLR0917 -- the options of a command
    modem: Modem,
    image: Annotated[Path, typer.Argument(help="The image.", metavar="IMAGE")],
    version: Annotated[
        str, typer.Option("--version", help="What the modem will say that it runs.")
    ],
    signature: Annotated[
        Path, typer.Option(help="File with the maker's Ed25519 signature, 64 bytes or hex.")
    ],
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Offer a firmware to a modem; it pulls the image by itself, and goes on where it was."""
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    data, seal = _read(image, IMAGE_SIZE_MAX), _signature(signature)
    query = {"version": version, "signature": seal.hex(), "reason": reason}
    with node_at(url, timeout_s=UPLOAD_S) as node, output.waiting(f"offering {image} to {modem}"):
        answer = node.post_bytes(f"/api/v1/modems/{quoted(modem)}/firmware", data, query)
    if json:
        output.write_json(answer)
        return
    output.write_line(f"{answer['version']}, {answer['size_bytes']} bytes: {answer['state']}")


def _order(
    path: str, body: dict[str, Any], modem: str, url: str, timeout: float | None
) -> dict[str, Any]:
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    with node_at(url, timeout_s=patience_s(timeout)) as node, output.waiting(f"asking {modem}"):
        return node.post(path, body)


def _setting(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise CommandError(f'{text!r} is no setting; write "collect_s=900"', USAGE)
    return name, value


def _read(file: Path, size_max: int) -> bytes:
    with file.open("rb") as opened:
        data = opened.read(size_max + 1)
    if not 0 < len(data) <= size_max:
        raise CommandError(f"{file} is empty or larger than {size_max} bytes", USAGE)
    return data


def _signature(file: Path) -> bytes:
    raw = _read(file, 4096)
    if len(raw) == SIGNATURE_SIZE:
        return raw
    try:
        raw = bytes.fromhex(raw.decode("ascii"))
    except ValueError:
        raw = b""
    if len(raw) != SIGNATURE_SIZE:
        raise CommandError(f"{file} holds no signature of {SIGNATURE_SIZE} bytes", USAGE)
    return raw
