"""``hes token``: makes a token for the API of a node that other machines can reach."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from hes.cli import output
from hes.cli.failures import USAGE, CommandError
from hes.cli.options import ConfigFile
from hes.cli.settings import config_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="token")(token)


def token(
    name: Annotated[str, typer.Argument(help="Whose it is; stands beside what they do.")],
    config: ConfigFile = None,
    file: Annotated[
        Path | None, typer.Option(help="The token file, instead of web.token_file.")
    ] = None,
) -> None:
    """Make a token and write it to standard output, once; its hash goes into the token file.

    A running node knows it after its next start.
    """
    from web.auth import SALT_SIZE, SECRET_SIZE, new_token  # noqa: PLC0415 -- quick `--help`

    path = file or _configured(config)
    try:
        made, line = new_token(
            name, secrets.token_bytes(SECRET_SIZE), secrets.token_bytes(SALT_SIZE)
        )
    except ValueError as problem:
        raise CommandError(str(problem), USAGE) from None
    _append(path, name, line)
    output.write_line(made)
    output.note(f"its hash was added to {path}; the token itself is kept nowhere")


def _configured(config: Path | None) -> Path:
    named = config_of(config).web.token_file
    if named is None:
        raise CommandError("no web.token_file is configured; name one with --file", USAGE)
    return Path(named)


def _append(path: Path, name: str, line: str) -> None:
    """Add a line to the token file, which only its owner may read."""
    path.touch(mode=0o600)
    with path.open("r+", encoding="utf-8") as opened:
        text = opened.read()
        if any(known.partition(" ")[0] == name for known in text.splitlines()):
            raise CommandError(f"{name} has a token in {path} already; take another name", USAGE)
        gap = "\n" if text and not text.endswith("\n") else ""
        opened.write(f"{gap}{line}\n")
