"""Callers that say nothing: whose they are is found by asking for meters of the device list.

Only what needs no secret is asked, and only by address: a call without one would wake all meters of
an unknown line at once. Meters of DL/T 645 are asked for their address first, which costs one
question where there is but one; several answer on top of each other, and then each is called.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
import trio

from actors.actor import Actor
from actors.context import Context
from actors.directory import modem_of
from actors.drivers.base import DriverWorld
from actors.drivers.registry import KINDS, make_driver
from actors.drivers.sending import only_sends
from actors.errors import ConnectionLost
from actors.hub import Connection
from actors.line import converse
from actors.modem import ModemActor
from actors.port import Port
from hes.devices import MODE_E, Device
from hes.ids import ModemId
from protocols.dialogue import Dialogue
from protocols.dlt645.client import Dlt645Client, Dlt645Settings
from protocols.dlt645.frame import address_matches
from protocols.errors import MeterRefused, ProtocolError
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.telegram import TelegramReader
from protocols.links.pipe import PipeLink
from protocols.values import RegistersRead

MODEMS_MAX: Final = 32
"""Whose meters are asked for; more would take longer than modems keep a connection open."""
METERS_MAX: Final = 2
"""Of each modem: one may be dead."""
QUESTION_S_MAX: Final = 20.0
LINKS: Final = frozenset({"", "auto", "raw"})
IEC: Final = "iec62056-21"
DLMS: Final = "dlms"
NAMES: Final = ("0.0.96.1.0.255", "0.0.42.0.0.255")
"""Serial number and logical device name of a DLMS meter."""
PUBLIC_CLIENT: Final = 16
"""Whom a DLMS meter answers without any secret."""
NAME_SIZE_MIN: Final = 6
"""A shorter name at the end of a longer one says nothing."""
ENERGY: Final = "1.0.1.8.0.255"


class Search(Actor):
    """Asks on one silent connection until somebody of the device list answers."""

    def __init__(
        self,
        connection: Connection,
        context: Context,
        *,
        speaks: Callable[[bytes], bool],
        done: Callable[[ModemId | None, bytes], None],
    ) -> None:
        """Take a connection.

        Args:
            connection: of the caller.
            context: of the node.
            speaks: whether bytes are a modem's own words, not a meter's.
            done: told once: whose it is, or None and what it said itself.

        """
        self._connection = connection
        self._context = context
        self._speaks = speaks
        self._done: Callable[[ModemId | None, bytes], None] | None = done
        self._said = b""
        self._telegrams = TelegramReader()
        self._scope = trio.CancelScope()
        self._asked = ""

    def detail(self) -> str:
        """Return who is asked for now."""
        return f"{self._connection.peer}: {self._asked}"

    async def run(self) -> None:
        """Ask, and tell what came of it."""
        port = Port(0, self._connection, PipeLink(), self, lambda _port, _reason: None)
        self._connection.receiver = port
        found: ModemId | None = None
        with self._scope, contextlib.suppress(ConnectionLost):
            found = await self._search(port)
        self._tell(found)

    async def stopping(self) -> None:
        """Give the connection back, whatever happened."""
        self._tell(None)

    def _tell(self, found: ModemId | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(found, self._said)

    def feed(self, data: bytes) -> None:
        """Take what comes, beside the dialogue: see ``actors.port.PushSink``."""
        telegrams = self._telegrams.feed(data)
        if self._said or self._speaks(data):
            self._said += data
            self._scope.cancel()
        elif any(not telegram.asked for telegram in telegrams):
            # What nobody asks for: questions get a frame, or the identification alone.
            whole = b"".join(telegram.raw + telegram.tail for telegram in telegrams)
            self._said = whole + self._telegrams.rest
            self._scope.cancel()

    # -- who is there

    async def _search(self, port: Port) -> ModemId | None:
        candidates = list(itertools.islice(_candidates(self._context), MODEMS_MAX))
        devices = [device for meters in candidates for device in meters]
        found = await self._told_address(port, devices)
        if found is not None:
            return found
        for device in devices:
            self._asked = f"is it {device.meter_id}?"
            if await self._is_there(port, device, devices):
                return modem_of(device)
        return None

    async def _told_address(self, port: Port, devices: list[Device]) -> ModemId | None:
        """Ask the only meter of DL/T 645 for its address, when there may be one."""
        for old in (False, True):
            wanted = [d for d in devices if d.protocol == ("dlt645-1997" if old else "dlt645-2007")]
            if not wanted:
                continue
            self._asked = f"which address has the meter of {wanted[0].protocol}?"
            client = Dlt645Client(Dlt645Settings(address="", old=old))
            address = await self._ask(port, client.line.ask_address())
            if isinstance(address, str):
                named = [d for d in wanted if address_matches(address, d.address or d.meter_id)]
                return modem_of(named[0]) if len(named) == 1 else None
        return None

    async def _is_there(self, port: Port, device: Device, others: list[Device]) -> bool:
        if device.protocol == DLMS and device.framing == MODE_E and not device.sign_on:
            return False  # a call without an address wakes all meters of a line
        if device.protocol == DLMS:
            return await self._is_dlms_there(port, device, others)
        of = self._context.type_of(device.meter_id)
        if not device.address or of is None or only_sends(device, of):
            return False
        if device.protocol == IEC:
            return await self._ask(port, _sign_on(device)) is not None
        driver = make_driver(_harmless(device), self._world())
        told = None if driver is None else await self._ask(port, driver.registers((ENERGY,)))
        return told is not None

    async def _is_dlms_there(self, port: Port, device: Device, others: list[Device]) -> bool:
        """Ask a DLMS meter for its names; one that tells none is known by an address of its own."""
        driver = make_driver(_harmless(device), self._world())
        told = None if driver is None else await self._ask(port, driver.registers(NAMES))
        if isinstance(told, RegistersRead):
            names = [name for value in told.values if (name := _text(value.value))]
            if names:
                return any(_is_named(device, name) for name in names)
        same = [other for other in others if _place(other) == _place(device)]
        return told is not None and bool(device.address) and len(same) == 1

    async def _ask(self, port: Port, dialogue: Dialogue[object]) -> object:
        """Return the answer, the refusal that is one too, or None."""
        port.begin()
        try:
            with trio.move_on_after(QUESTION_S_MAX):
                return await converse(dialogue, port)
        except MeterRefused as refusal:
            return refusal
        except ProtocolError:
            return None
        finally:
            port.end()
        return None

    def _world(self) -> DriverWorld:
        context = self._context

        def no_counter() -> int:
            raise MeterRefused("nothing that needs a key is asked of a stranger")

        return DriverWorld(
            now=context.now, random_bytes=context.rng.randbytes, counter=no_counter,
            utc_offset_min=context.utc_offset_min,
        )  # fmt: skip


def _candidates(context: Context) -> Iterator[list[Device]]:
    """Yield the meters of each modem that may be the caller: the surest first, few of each."""
    seen: set[ModemId] = set()
    for links in ({"raw"}, LINKS):
        for device in context.directory.devices():
            modem = modem_of(device)
            if modem in seen or device.link not in links or device.protocol not in KINDS:
                continue
            seen.add(modem)
            if not _is_connected(context, modem):
                behind = context.directory.behind(modem) or [device]
                yield [one for one in behind if one.protocol in KINDS][:METERS_MAX]


def _is_connected(context: Context, modem: ModemId) -> bool:
    ref = context.known_modem(modem)
    return ref is not None and isinstance(ref.actor, ModemActor) and ref.actor.connected


def _harmless(device: Device) -> Device:
    """Return the meter without its secrets: whoever calls may be anybody."""
    public = {"client_sap": PUBLIC_CLIENT} if device.auth != "none" else {}
    return msgspec.structs.replace(
        device, auth="none", password="", encryption_key=b"", authentication_key=b"", **public
    )


def _sign_on(device: Device) -> Dialogue[object]:
    talk = Conversation(Iec62056Settings(address=device.address))
    told = yield from talk.session.sign_on()
    yield from talk.close()
    return told


def _place(device: Device) -> tuple[str, str, int]:
    return device.framing, device.address, device.server_sap


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.strip("\0 ") if isinstance(value, str) else ""


def _is_named(device: Device, name: str) -> bool:
    own = device.meter_id.casefold()
    told = name.casefold()
    return told == own or (len(own) >= NAME_SIZE_MIN and told.endswith(own))
