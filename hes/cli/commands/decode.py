"""``hes decode``: frames in, one JSON object a line; what they say out, one a line."""

import sys

import typer

from hes.cli import output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="decode")(decode)


def decode() -> None:
    """Translate frames: a JSON object a line from standard input, an answer a line back.

    A line is {"protocol": "dlms", "framing": "hdlc", "hex": "7ea0...", "keys": {...}}. A frame
    that must be refused is answered by {"ok": false, "error": ..., "detail": ...}.
    """
    from hes.decoding import answer_lines, find_translators  # noqa: PLC0415 -- quick `--help`

    for answer in answer_lines(sys.stdin.buffer, find_translators()):
        output.write_json(answer)
        sys.stdout.flush()
