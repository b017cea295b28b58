"""``hes decode``: frames in, one JSON object a line; what they say out, one a line."""

import sys

import typer

from hes.cli import output
from hes.cli.options import ConfigFile
from hes.cli.settings import config_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="decode")(decode)


def decode(config: ConfigFile = None) -> None:
    """Translate frames: a JSON object a line from standard input, an answer a line back.

    A line is {"protocol": "dlms", "framing": "hdlc", "hex": "7ea0...", "keys": {...}}. A frame
    that must be refused is answered by {"ok": false, "error": ..., "detail": ...}. A "meter_type"
    in a line says what the meter does otherwise; --config names the folder of further types.
    What nobody could verify, for want of the authentication key, is shown, and told as such on
    standard error.
    """
    from hes.decoding import answer_lines, find_translators  # noqa: PLC0415 -- as above
    from hes.meter_types import read_types  # noqa: PLC0415 -- quick `--help`

    types = None if config is None else read_types(config_of(config).meter_types.folder)
    answers = answer_lines(sys.stdin.buffer, find_translators(), types)
    for number, answer in enumerate(answers, start=1):
        output.write_json(answer)
        sys.stdout.flush()
        for note in getattr(answer, "notes", ()):
            output.note(f"answer {number}: {note}")
