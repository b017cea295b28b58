"""What the commands about one meter share: they ask the node, and show what it answers."""

from typing import TYPE_CHECKING, Any, Final

from hes.cli import output
from hes.cli.commands.read import quoted
from hes.cli.failures import FAILED, USAGE, CommandError
from hes.cli.options import patience_s, within

if TYPE_CHECKING:
    from hes.cli.node_client import NodeClient

LOOK_S: Final = 1.0
"""Between two looks at how far an image is."""
ENDS: Final = frozenset({"activated", "failed"})


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None and value != ""}


def confirmed(confirm: bool, what: str) -> None:
    """Make sure that a dangerous thing is meant.

    Raises:
        CommandError: it was not confirmed.

    """
    if not confirm:
        raise CommandError(f"{what}; repeat the command with --confirm", USAGE)


class Asked:
    """A meter, and the node to ask it through."""

    def __init__(self, meter: str, url: str, timeout_s: float | None) -> None:
        self.meter = meter
        self._path = f"/api/v1/meters/{quoted(meter)}"
        self._url = url
        self._timeout_s = timeout_s

    def _node(self) -> "NodeClient":
        from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

        return node_at(self._url, timeout_s=patience_s(self._timeout_s))

    def ask(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the node's answer."""
        with self._node() as node, output.waiting(f"asking meter {self.meter}"):
            return node.post(f"{self._path}/{name}", body | within(self._timeout_s))

    def tell(self, name: str, body: dict[str, Any], *, as_json: bool) -> None:
        """Ask, and write the answer."""
        answer = self.ask(name, body)
        if as_json:
            output.write_json(answer)
        else:
            show(answer)

    def send_image(self, image: bytes, query: dict[str, Any]) -> dict[str, Any]:
        """Give the node an image for the meter."""
        with self._node() as node, output.waiting(f"sending {len(image)} bytes to the node"):
            return node.post_bytes(f"{self._path}/firmware", image, query)

    def firmware(self) -> dict[str, Any] | None:
        """Return how far the last image is; None: there is none."""
        with self._node() as node:
            last: dict[str, Any] | None = node.get(f"{self._path}/firmware")["last"]
            return last


def show(answer: dict[str, Any]) -> None:
    """Write an answer: a line for each thing that is told."""
    told = {
        name.replace("_", " "): output.inline(value)
        for name, value in answer.items()
        if value is not None and value not in ({}, [])
    }
    width = max(map(len, told), default=0)
    for name, value in told.items():
        output.write_line(f"{name:{width}}  {value}")


def follow_firmware(asked: Asked, *, once: bool, as_json: bool) -> None:
    """Show how far an image is, until the meter runs it; once: as it is now.

    Raises:
        CommandError: it failed.

    """
    import time  # noqa: PLC0415 -- keeps `hes --help` quick

    last = asked.firmware()
    if not once and last is not None:
        with output.progress(f"firmware {last['image']}", last["size_bytes"]) as moved:
            while last is not None and last["state"] not in ENDS:
                moved(last["done_bytes"], last["detail"] or last["state"])
                time.sleep(LOOK_S)  # noqa: TID251 -- a command, not the node
                last = asked.firmware()
    if last is None:
        raise CommandError(f"meter {asked.meter} was not offered any firmware")
    if as_json:
        output.write_json(last)
    else:
        show(last)
    if last["state"] == "failed":
        raise CommandError(f"the firmware did not get into the meter: {last['detail']}", FAILED)
