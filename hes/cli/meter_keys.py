"""``hes meter METER key-change``: new keys come from files, never from the command line."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hes.cli import output
from hes.cli.failures import USAGE, CommandError
from hes.cli.metering import Asked, given
from hes.cli.options import DEFAULT_URL, Json, TimeoutS, Url

KEY_SIZES = (16, 32)
FILE_SIZE_MAX = 1024
KeyFile = Annotated[Path | None, typer.Option(help="32 hex digits in a file.", metavar="FILE")]


def key_change(  # noqa: PLR0913, PLR0917 -- each is an option
    context: typer.Context,
    encryption_key_file: KeyFile = None,
    authentication_key_file: KeyFile = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it stands in the log for ever.", metavar="TEXT")
    ] = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Give a DLMS meter new keys, wrapped by its master key, and keep them in the device list.

    When its answer is lost nobody knows which keys it has: the next conversation tries the new ones
    first, then the old, and settles it.
    """
    body: dict[str, Any] = given(
        encryption_key=_key(encryption_key_file), authentication_key=_key(authentication_key_file)
    )
    if not body:
        raise CommandError("give --encryption-key-file, --authentication-key-file, or both", USAGE)
    answer = Asked(context.obj, url, timeout).ask("keys", body | given(reason=reason))
    if json:
        output.write_json(answer)
    else:
        output.write_line(f"changed  {', '.join(answer['changed'])}")


def _key(file: Path | None) -> str | None:
    """Return the key in a file, as hex.

    Raises:
        CommandError: there is none in it; the message does not repeat what is.

    """
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            key = bytes.fromhex(opened.read(FILE_SIZE_MAX).decode("ascii").strip())
    except OSError as problem:
        raise CommandError(f"{file}: {problem.strerror}", USAGE) from None
    except ValueError:
        key = b""
    if len(key) not in KEY_SIZES:
        raise CommandError(f"{file}: a key is 32 hex digits, or 64", USAGE)
    return key.hex()
