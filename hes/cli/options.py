"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_URL: Final = "http://127.0.0.1:8080"
ANSWER_S: Final = 300.0
"""How long a meter's answer is waited for when the node decides; the node gives up earlier."""

Url = Annotated[str, typer.Option("--url", help="Address of the running node.", metavar="URL")]
OptionalUrl = Annotated[
    str | None,
    typer.Option(
        "--url", help=f"Address of the running node; without it {DEFAULT_URL}.", metavar="URL"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="The node's TOML file.", metavar="FILE")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.", metavar="TEXT")]
Meter = Annotated[str, typer.Argument(help="The meter's name in the device list.", metavar="METER")]
TimeoutS = Annotated[
    float | None,
    typer.Option(
        "--timeout", help="Seconds that the meter may take; the node's limit.", min=1.0, max=900.0
    ),
]


def within(timeout_s: float | None) -> dict[str, float]:
    """Return the part of a command's body that limits its time; nothing to let the node decide."""
    return {} if timeout_s is None else {"timeout_s": timeout_s}


def patience_s(timeout_s: float | None) -> float:
    """Return how long to wait for the node: a little more than the node waits for the meter."""
    return ANSWER_S if timeout_s is None else timeout_s + 10.0
