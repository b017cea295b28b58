"""Modems of HML/1, modems that listen, modems that say nothing: against the whole program."""

import contextlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from node_process import NodeProcess, free_port

from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from protocols.dlt645.frame import encode_frame
from protocols.hml1.firmware import signed_part
from protocols.hml1.kinds import Setting, Tag
from protocols.hml1.messages import Record
from protocols.hml1.modem import FirmwareReady, Flash, HangUp, Hml1Modem, Order, Send, ToSerial
from protocols.hml1.queue import RecordQueue
from protocols.hml1.settings import ModemSettings

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
ENERGY = "1.0.1.8.0.255"
CSV_HEAD = "meter_id,modem_id,link,protocol,framing,address,password\n"
SECRET = random.Random(1).randbytes(32)
MAKER = Ed25519PrivateKey.from_private_bytes(bytes(32))
IMAGE = random.Random(2).randbytes(20_000)
RECORDS = 300
"""Of each modem, while the node is killed."""


def dlms(serial: str) -> SimulatedDlmsMeter:
    return SimulatedDlmsMeter(
        MeterIdentity(serial=serial), framing="hdlc", logical=1, physical=17, world=lambda: NOW,
        rng=random.Random(1),
    )  # fmt: skip


def iec(serial: str, address: str) -> SimulatedIec62056Meter:
    plan = Iec62056Plan(serial=serial, address=address, password="1")
    return SimulatedIec62056Meter(plan, world=lambda: NOW, drift_s=0.0)


def dlt645(serial: str, address: str) -> SimulatedDlt645Meter:
    plan = Dlt645Plan(serial=serial, address=address, password="02123456")
    return SimulatedDlt645Meter(plan, world=lambda: NOW, drift_s=0.0)


def record(kwh: int, meter: str) -> Record:
    digits = bytes.fromhex(f"{kwh * 100:08d}")[::-1]
    data = encode_frame("1", 0x91, bytes.fromhex("00000100") + digits)
    return Record(
        number=0, meter=meter, protocol=3, utc_s=1_796_000_000, clock_quality=1,
        label=b"00010000", data=data,
    )  # fmt: skip


class NativeModem:
    """A modem in a thread of its own, which calls again whatever happens."""

    def __init__(self, name: str, port: int, meters: list[Any], secret: bytes = SECRET) -> None:
        self.name, self.meters = name, meters
        settings = ModemSettings({Setting.COLLECT_S: (1800).to_bytes(4)})
        self.flash = Flash(RecordQueue(), settings)
        self.maker = MAKER.public_key().public_bytes_raw()
        self.firmware = "1.0"
        self.installed: list[str] = []
        self._secret = secret
        self._port = port
        self._rng = random.Random(name)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._modem = self._booted()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def _booted(self) -> Hml1Modem:
        said = {Tag.ID: self.name.encode(), Tag.FIRMWARE: self.firmware.encode()}
        return Hml1Modem(
            {int(tag): value for tag, value in said.items()}, self._secret, self.flash,
            random_bytes=self._rng.randbytes, maker=self.maker,
        )  # fmt: skip

    def store(self, one: Record) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._do(self._modem.store(one, time.monotonic()))

    @property
    def freed(self) -> int:
        return self.flash.queue.freed

    def close(self) -> None:
        self._ended.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5.0)

    def _live(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                self._call()
            self._modem.lost()
            self._ended.wait(0.2)

    def _call(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=5.0) as self._socket:
            self._socket.settimeout(0.2)
            with self._lock:
                self._do(self._modem.connected())
            while not self._ended.is_set():
                try:
                    data = self._socket.recv(4096)
                except TimeoutError:
                    data = None
                now = time.monotonic()
                with self._lock:
                    if data == b"":
                        return
                    orders = (
                        self._modem.due(now) if data is None else (self._modem.receive(data, now))
                    )
                    if self._do(orders):
                        return

    def _do(self, orders: list[Order]) -> bool:
        for order in orders:
            if isinstance(order, Send):
                assert self._socket is not None
                self._socket.sendall(order.data)
            elif isinstance(order, ToSerial):
                for meter in self.meters:
                    answer = meter.receive(order.data)
                    if answer:
                        self._do(self._modem.from_serial(order.channel, answer))
            elif isinstance(order, FirmwareReady):
                self.firmware = order.version
                self.installed.append(order.version)
                self._modem = self._booted()
                return True
        return any(isinstance(order, HangUp) for order in orders)


class Served:
    """Meters behind a modem that listens."""

    def __init__(self, meters: list[Any]) -> None:
        self.meters = meters
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                call, _ = self._socket.accept()
                self.calls += 1
                threading.Thread(target=carry, args=(call, self.meters), daemon=True).start()

    def close(self) -> None:
        self._socket.close()


def carry(call: socket.socket, meters: list[Any]) -> None:
    """Carry bytes between a connection and meters, until it ends."""
    with call, contextlib.suppress(OSError):
        while data := call.recv(4096):
            for meter in meters:
                answer = meter.receive(data)
                if answer:
                    call.sendall(answer)


def silent(port: int, meters: list[Any]) -> socket.socket:
    """Call and say nothing."""
    call = socket.create_connection(("127.0.0.1", port), timeout=60.0)
    threading.Thread(target=carry, args=(call.dup(), meters), daemon=True).start()
    return call


def import_modems(node: NodeProcess, text: str) -> None:
    answer = node.client.post("/api/v1/modems", content=text, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text


def read(node: NodeProcess, meter: str) -> Decimal:
    answer = node.post(f"/api/v1/meters/{meter}/read", {"obis": [ENERGY]})
    assert answer.status_code == 200, (answer.text, node.log())
    return Decimal(answer.json()["readings"][0]["value"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    node = NodeProcess(tmp_path_factory.mktemp("native"))
    try:
        node.start()
        yield node
    finally:
        node.stop()
        node.client.close()


METERS: dict[str, tuple[str, Any]] = {
    "dlms": ("dlms,hdlc,17,", dlms),
    "iec": ("iec62056-21,,4711,1", lambda name: iec(name, "4711")),
    "645": ("dlt645-2007,,1,02123456", lambda name: dlt645(name, "1")),
}


@pytest.mark.parametrize("kind", METERS)
def test_meters_are_read_through_native_modems_on_the_shared_port(
    world: NodeProcess, kind: str
) -> None:
    cells, make = METERS[kind]
    world.import_csv(f"{CSV_HEAD}n-{kind},N-{kind},hml1,{cells}\n")
    import_modems(world, f"modem_id,secret,serial\nN-{kind},{SECRET.hex()},2400 7E1\n")
    modem = NativeModem(f"N-{kind}", world.modems, [make(f"n-{kind}")])
    try:
        world.until(lambda: world.events(f"modem:N-{kind}", "ModemIdentified"), 10.0, "it calls")
        assert read(world, f"n-{kind}") > 0
        (connected,) = world.events(f"modem:N-{kind}", "ModemConnected")
        assert (connected["data"]["link"], connected["data"]["claim"]) == ("hml1", "hmac")
    finally:
        modem.close()


@pytest.mark.parametrize("kind", METERS)
def test_meters_that_listen_are_called_and_read(world: NodeProcess, kind: str) -> None:
    cells, make = METERS[kind]
    served = Served([make(f"d-{kind}")])
    try:
        world.import_csv(f"{CSV_HEAD}d-{kind},D-{kind},,{cells}\n")
        text = f"modem_id,dial,hold\nD-{kind},127.0.0.1:{served.port},demand\n"
        import_modems(world, text)
        assert read(world, f"d-{kind}") > 0
        assert served.calls == 1
    finally:
        served.close()


@pytest.mark.parametrize("kind", METERS)
def test_meters_behind_a_silent_modem_are_found_and_read(world: NodeProcess, kind: str) -> None:
    cells, make = METERS[kind]
    name = f"7000000{len(kind)}{ord(kind[0])}"
    cells = cells.replace(",1,02", ",88,02").replace("4711", "4712")
    meter = {"645": lambda n: dlt645(n, "88"), "iec": lambda n: iec(n, "4712")}.get(kind, make)(
        name
    )
    world.import_csv(f"{CSV_HEAD}{name},S-{kind},raw,{cells}\n")
    with silent(world.modems, [meter]):
        found = world.until(
            lambda: world.events(f"modem:S-{kind}", "ModemConnected"), 40.0, "it is found"
        )
        assert found[0]["data"]["claim"] == "probe"
        assert read(world, name) > 0


def test_orders_by_the_command_line(world: NodeProcess, tmp_path: Path) -> None:
    csv = tmp_path / "modems.csv"
    csv.write_text(f"modem_id,secret\nO-1,{SECRET.hex()}\n")
    said = world.run("modem", "import", str(csv), "--url", world.url)
    assert (said.returncode, said.stderr) == (0, ""), said.stderr
    assert said.stdout.startswith("1 modem imported, 0 unchanged")
    modem = NativeModem("O-1", world.modems, [])
    try:
        world.until(lambda: world.events("modem:O-1", "ModemIdentified"), 10.0, "it calls")
        said = world.run("modem", "config", "O-1", "--url", world.url)
        assert "collect_s" in said.stdout
        assert "1800" in said.stdout
        said = world.run("modem", "config", "O-1", "collect_s=900", "--url", world.url)
        assert said.stdout.startswith("applied; all settings have hash"), said.stderr
        world.until(
            lambda: [
                e for e in world.events("modem:O-1", "ConfigApplied")
                if e["data"]["status"] == "confirmed"
            ], 10.0, "the next session proves it",
        )  # fmt: skip
        (tmp_path / "fw.bin").write_bytes(IMAGE)
        seal = MAKER.sign(signed_part("2.0", len(IMAGE), sha256(IMAGE).digest()))
        (tmp_path / "fw.sig").write_bytes(seal)
        said = world.run(
            "modem", "firmware", "O-1", str(tmp_path / "fw.bin"), "--version", "2.0",
            "--signature", str(tmp_path / "fw.sig"), "--url", world.url,
        )  # fmt: skip
        assert said.stdout == f"2.0, {len(IMAGE)} bytes: offered\n", said.stderr
        world.until(lambda: world.events("modem:O-1", "FirmwareActivated"), 20.0, "it runs")
        assert modem.installed == ["2.0"]
        said = world.run("modem", "config", "nobody", "--url", world.url)
        assert (said.returncode, "modem list" in said.stderr) == (1, True)
        said = world.run("modem", "config", "O-1", "nothing=1", "--url", world.url)
        assert said.returncode == 2
    finally:
        modem.close()


def test_a_wrong_list_is_told_by_row_and_a_secret_is_nowhere(world: NodeProcess) -> None:
    answer = world.client.post(
        "/api/v1/modems", content="modem_id,secret,dial\nX-1,xyz,\n,00,nowhere\n",
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip
    assert answer.status_code == 422
    rows = answer.json()["error"]["detail"]
    assert {(row["row"], row["column"]) for row in rows} == {
        (2, "secret"), (3, "modem_id"), (3, "secret"), (3, "dial"),
    }  # fmt: skip
    everything = world.client.get("/api/v1/events", params={"limit": 1000}).text
    everything += world.client.get("/api/v1/modems").text
    everything += world.client.get("/api/v1/devices").text + world.log()
    assert SECRET.hex() not in everything
    assert "xyz" not in answer.text
    for row in world.get("/api/v1/modems")["modems"]:
        assert "secret" not in row


def test_no_actor_failed(world: NodeProcess) -> None:
    assert world.events("", "ActorFailed") == []


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_acknowledged_records_survive_kills_exactly_once(stopped_node: NodeProcess) -> None:
    node, modems, kills = stopped_node, 8, 2
    rng = random.Random(7)
    node.start()
    names = [f"K-{number}" for number in range(modems)]
    node.import_csv(CSV_HEAD + "".join(f"k{n},K-{n},hml1,dlt645-2007,,1,\n" for n in range(modems)))
    import_modems(node, "modem_id,secret\n" + "".join(f"{n},{SECRET.hex()}\n" for n in names))
    fleet = [NativeModem(name, node.modems, []) for name in names]
    told, more = Counter[str](), threading.Event()

    def storing() -> None:
        while not more.is_set() and told[names[0]] < RECORDS:
            for number, modem in enumerate(fleet):
                told[modem.name] += 1
                modem.store(record(told[modem.name], f"k{number}"))
            time.sleep(0.03)

    worker = threading.Thread(target=storing, daemon=True)
    worker.start()
    try:
        for _ in range(kills):
            time.sleep(rng.uniform(1.0, 2.0))
            node.kill()
            node.start()
        time.sleep(1.0)
        more.set()
        worker.join()
        node.until(
            lambda: all(modem.freed == told[modem.name] for modem in fleet), 60.0, "all are freed"
        )
    finally:
        more.set()
        for modem in fleet:
            modem.close()
    stored = Counter(event["stream"] for event in node.events("", "RecordStored"))
    assert stored == Counter({f"modem:{name}": told[name] for name in names})
    numbers = [e["data"]["number"] for e in node.events("modem:K-0", "RecordStored")]
    assert numbers == list(range(1, told["K-0"] + 1))
    readings = Counter(event["stream"] for event in node.events("", "Reading"))
    assert readings == Counter({f"meter:k{n}": told[f"K-{n}"] for n in range(modems)})
    assert node.events("", "RecordsLost") == []


def test_a_list_goes_into_the_store_while_no_node_answers(
    stopped_node: NodeProcess, tmp_path: Path
) -> None:
    csv = tmp_path / "modems.csv"
    csv.write_text(f"modem_id,secret,dial\nM-1,{SECRET.hex()},127.0.0.1:{free_port()}\n")
    said = stopped_node.run("modem", "import", str(csv), "--config", str(stopped_node.config))
    assert said.returncode == 0, said.stderr
    assert "as no node answers" in said.stdout
    stopped_node.start()
    (shown,) = [m for m in stopped_node.get("/api/v1/modems")["modems"] if m["modem_id"] == "M-1"]
    assert shown["state"] == "OFFLINE"
    modem = NativeModem("M-1", stopped_node.modems, [])
    try:
        stopped_node.until(
            lambda: stopped_node.events("modem:M-1", "ModemIdentified"), 10.0, "it is let in"
        )
    finally:
        modem.close()
