"""Operators switch, set and load a meter with commands: the whole program, over a socket."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from linked_modem import LinkedModem
from node_process import NodeProcess

from hes.cli.program import run
from hes.fleet.dlms_classes.image import SOUND
from hes.fleet.dlms_meter import SimulatedDlmsMeter, master_key
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.links.raw import RawSide
from protocols.dlms.acse import Mechanism
from protocols.dlms.security import Keys

SERIAL = "20001234"
KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))
TITLE = b"SIM\x00\x00\x00\x12\x34"
HEADER = (
    "meter_id,modem_id,protocol,framing,client_sap,server_sap,auth,encryption_key,"
    "authentication_key,system_title,master_key"
)
ROW = (
    f"{SERIAL},{SERIAL},dlms,hdlc,1,1,gmac,{KEYS.encryption.hex()},{KEYS.authentication.hex()},"
    f"{TITLE.hex()},{master_key(SERIAL).hex()}"
)
IMAGE = SOUND + bytes(range(256)) * 60
BLOCKS = -(-len(IMAGE) // 128)
WHY = ("--reason", "a test")


class Site:
    """A node, and a meter that calls it."""

    def __init__(self, node: NodeProcess, capture: pytest.CaptureFixture[str]) -> None:
        self.node = node
        self.capture = capture
        identity = MeterIdentity(serial=SERIAL, title=TITLE, auth=Mechanism.GMAC, keys=KEYS)
        self.meter = SimulatedDlmsMeter(
            identity, framing="hdlc", logical=1, physical=None,
            world=lambda: datetime.now(UTC), rng=random.Random(5),
        )  # fmt: skip
        self.modem: LinkedModem | None = None

    def call(self) -> None:
        """Let the modem call, and wait until it is taken in."""
        calls = len(self.node.events("", "ModemConnected"))
        side = RawSide(f"MODEM:{SERIAL}\r\n".encode())
        self.modem = LinkedModem(side, self.meter, self.node.modems)
        self.node.until(
            lambda: len(self.node.events("", "ModemConnected")) > calls, 20.0, "it dials in"
        )

    def close(self) -> None:
        if self.modem is not None:
            self.modem.close()

    def command(self, *words: str) -> str:
        """Carry out a command, in this process: starting others takes long on a busy machine."""
        code = run(["meter", SERIAL, *words, "--url", self.node.url])
        said = self.capture.readouterr()
        assert code == 0, said.err + self.node.log()
        return said.out

    def json(self, *words: str) -> Any:
        return json.loads(self.command(*words, "--json"))

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.node.events(f"meter:{SERIAL}", kind)]


@pytest.fixture
def site(node: NodeProcess, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    made = Site(node, capsys)
    node.import_csv(f"{HEADER}\n{ROW}\n")
    made.call()
    yield made
    made.close()


def test_a_meter_is_switched_and_set_by_commands(site: Site) -> None:
    assert site.json("relay", "disconnect", "--confirm", *WHY)["state"] == "disconnected"
    assert not site.meter.managed.relay.values.output_state
    assert site.json("relay")["closed"] is False
    assert site.json("relay", "connect", *WHY)["closed"] is True
    (opened, closed) = site.events("RelaySwitched")
    assert (opened["closed"], opened["reason"], closed["closed"]) == (False, "a test", True)

    assert site.json("limiter", "--normal", "4000", *WHY)["threshold_active"] == "4000"
    assert site.json("modem-setup", "--apn", "m-wap", *WHY)["apn"] == "m-wap"
    assert site.json("push-setup", "--every", "3600", *WHY)["times"][:2] == ["00:00:00", "01:00:00"]
    assert site.json("diagnose")["operator"] == "SIM-NET"

    file = site.node.folder / "calendar.json"
    site.command("calendar", "get", "-o", str(file))
    calendar = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(calendar | {"name": "2027"}))
    assert site.json("calendar", "set", str(file), *WHY)["calendar"]["name"] == "2027"
    assert site.meter.managed.calendar.values.name_active == b"2027"
    told = [event["what"] for event in site.events("MeterConfigured")]
    assert told == ["limiter", "modem-setup", "push-setup", "calendar"]
    finished = site.events("CommandFinished")
    assert all(event["ok"] for event in finished)


def test_keys_are_changed_and_survive_the_death_of_the_node(site: Site) -> None:
    """New keys in files; after a kill the node goes on with what the meter has."""
    assert site.json("sap")["devices"][0]["sap"] == 1
    new = Keys(b"E" * 16, b"A" * 16)
    words = ["key-change", *WHY]
    for name in ("encryption", "authentication"):
        file = site.node.folder / f"{name}.key"
        file.write_text(f"{getattr(new, name).hex()}\n")
        words += [f"--{name}-key-file", str(file)]
    assert site.json(*words) == {"changed": ["encryption", "authentication"]}
    assert site.meter.server.rekeyed == new
    assert site.json("diagnose")["operator"] == "SIM-NET"
    site.node.kill()
    site.close()
    site.node.start()
    site.call()
    assert site.json("diagnose")["operator"] == "SIM-NET"
    (changed,) = site.events("MeterKeysChanged")
    assert (changed["shown_by"], changed["reason"]) == ("answer", "a test")
    written = b"".join(file.read_bytes() for file in site.node.folder.glob("serve.log"))
    exported = site.node.client.get("/api/v1/devices").text
    events = json.dumps(site.node.events())
    for key in (new.encryption, new.authentication, master_key(SERIAL)):
        assert key not in written
        for told in (written.decode(), exported, events):
            assert key.hex() not in told


@pytest.mark.slow
def test_firmware_survives_the_death_of_the_node(site: Site) -> None:
    file = site.node.folder / "fw.bin"
    file.write_bytes(IMAGE)
    image = site.meter.managed.image
    begun = site.json("firmware", str(file), "--name", "FW-2", "--detach", *WHY)
    assert begun["size_bytes"] == len(IMAGE)
    site.node.until(lambda: image.taken > 10, 20.0, "the meter has some blocks")
    site.node.kill()
    site.close()
    assert image.taken < BLOCKS, "the meter was quicker than the test"
    site.node.start()
    site.call()
    words = ("firmware", str(file), "--name", "FW-2", "--resume", *WHY)
    last = site.json(*words)
    assert (last["state"], last["version"], last["version_before"]) == (
        "activated", "FW-2", "SIM 1.0",
    )  # fmt: skip
    assert image.image == IMAGE
    assert (image.initiated, image.taken <= BLOCKS + 1) == (1, True)
    assert site.json("diagnose")["firmware"] == "FW-2"
    offered = site.events("FirmwareOffered")
    assert [event["resumed"] for event in offered] == [False, True]
