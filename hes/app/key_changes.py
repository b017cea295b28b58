"""Changes the keys of meters: keeps the device list right, whatever is heard of the meter.

New keys are on disk before anything is sent, and take the place of the old ones when the meter has
said that it took them, or has shown it in a later association. Until one of both is shown, the
device list says that nobody knows, and each association tries the new keys first.
"""

import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec
import trio

from actors.context import Context
from actors.drivers.dlms_session import is_ciphered
from actors.errors import ActorError
from actors.relayed import Relayed
from hes.app.errands import Errands
from hes.commands import STORE_S, Answer, CommandFailed, StoreAway
from hes.device_registry import save_devices
from hes.devices import Device
from hes.events.base import DomainEvent
from hes.events.meter_keys import MeterKeysChanged, MeterKeysChanging, MeterKeysKept
from hes.events.reading import FailureReason
from hes.ids import MeterId, meter_stream
from hes.key_change import (
    ChangeKeys,
    KeysOutcome,
    changed,
    changing,
    in_doubt,
    kept,
    names_of,
)
from hes.rules.repeats import digest_of
from hes.store.errors import StoreUnavailable
from hes.store.port import EventLog
from protocols.errors import LocalProtocolError

TELL_S: Final = 60.0
"""For the actor of a meter to write down what an association has shown."""
RETRY_S: Final = 1.0
UNKNOWN: Final = (
    "; nobody knows whether the meter has taken the keys: the next conversation with it tries the"
    " new ones first, then those before, and settles it"
)
Ask = Callable[[], Awaitable[Answer]]
InThread = Callable[..., Awaitable[None]]
IN_THREAD: Final[InThread] = partial(trio.to_thread.run_sync, abandon_on_cancel=True)


class _UnderWay(msgspec.Struct):
    """One change, from the intent to its end."""

    command: ChangeKeys
    shown: KeysOutcome | None = None


class KeyChanges:
    """Those of one node."""

    def __init__(
        self,
        context: Context,
        log: EventLog,
        errands: Errands,
        in_thread: InThread = IN_THREAD,
    ) -> None:
        """``in_thread`` calls what may take long; given up by whoever is cancelled meanwhile."""
        self._context = context
        self._log = log
        self._errands = errands
        self._in_thread = in_thread
        self._under_way: dict[MeterId, _UnderWay] = {}
        context.keys_told = self.told

    async def change(self, command: ChangeKeys, ask: Ask) -> Answer:
        """Change the keys of a meter; ``ask`` lets its actor carry the command out.

        It goes on when who asked has left.

        Raises:
            CommandFailed: it cannot be, or came to nothing, or nobody knows what came of it.
            StoreAway: nothing was sent, since the new keys cannot be kept.
            StoreError: as above.

        """
        self._check(command)
        work = self._errands.start(lambda: self._change(command, ask), f"keys of {command.meter}")
        return await work.wait()

    def told(self, meter: MeterId, outcome: KeysOutcome) -> None:
        """Take note of what a conversation shows, before it goes on: in the task of the line.

        Raises:
            LocalProtocolError: keys are to be sent that are not kept; so they are not.

        """
        device, under_way = self._context.directory.meter(meter), self._under_way.get(meter)
        if device is None:
            return
        if under_way is not None:
            under_way.shown = outcome
            device = changing(device, under_way.command)
        elif outcome is KeysOutcome.SENT:
            raise LocalProtocolError("keys", "nobody waits for the change of keys any more")
        match outcome:
            case KeysOutcome.SENT:
                self._context.directory.put(device)
            case KeysOutcome.REFUSED:
                self._context.directory.put(kept(device))
            case KeysOutcome.TAKEN:
                self._context.directory.put(changed(device))
                self._start(lambda: self._save(meter), f"the new keys of {meter}")
            case KeysOutcome.NEW_PROVED | KeysOutcome.OLD_PROVED:
                self._settle(device, outcome)

    # -- one change

    def _check(self, command: ChangeKeys) -> None:
        """Refuse what cannot be, before anything is kept or sent.

        Raises:
            CommandFailed: the message says what to mend.

        """
        device = self._context.directory.meter(command.meter)
        why = "" if device is None else _why_not(device, command)
        if why:
            raise CommandFailed(FailureReason.REFUSED, why)
        if command.meter in self._under_way:
            raise CommandFailed(FailureReason.BUSY, "a change of its keys is under way already")

    async def _change(self, command: ChangeKeys, ask: Ask) -> Answer:
        meter = command.meter
        under_way = self._under_way[meter] = _UnderWay(command)
        try:
            await self._intend(command)
            return await ask()
        except CommandFailed as failed:
            if under_way.shown is KeysOutcome.SENT:
                raise CommandFailed(failed.reason, f"{failed}{UNKNOWN}") from None
            raise
        finally:
            del self._under_way[meter]
            if under_way.shown in {None, KeysOutcome.REFUSED}:
                self._start(lambda: self._give_up(command), f"the old keys of {meter}")

    async def _intend(self, command: ChangeKeys) -> None:
        """Write the intent down, and keep the new keys beside the old ones.

        Raises:
            StoreAway: the store did not answer in time.

        """
        device = self._context.directory.meter(command.meter)
        assert device is not None  # noqa: S101 -- who asks has looked
        intent = MeterKeysChanging(
            received_at=self._context.now(), what=", ".join(command.names), actor=command.actor,
            reason=command.reason,
        )  # fmt: skip
        with trio.move_on_after(STORE_S):
            await self._context.journal.append(meter_stream(command.meter), [intent])
            await self._keep(changing(device, command))
            return
        raise StoreAway("the change of keys")

    async def _give_up(self, command: ChangeKeys) -> None:
        """Forget keys that were never sent, or that the meter has refused."""
        fact = MeterKeysKept(
            received_at=self._context.now(), what=", ".join(command.names),
            detail="they were not sent, or the meter refused them", actor=command.actor,
            reason=command.reason,
        )  # fmt: skip
        await self._save(command.meter)
        await self._context.journal.append(meter_stream(command.meter), [fact])

    # -- what a later association shows

    def _settle(self, device: Device, outcome: KeysOutcome) -> None:
        """Take the keys that an association has shown to be the meter's."""
        if not in_doubt(device):
            return
        now, what = self._context.now(), ", ".join(names_of(device))
        fact: DomainEvent = MeterKeysKept(
            received_at=now, what=what, actor="node", reason="",
            detail="the meter proved in an association that it has the keys before",
        )  # fmt: skip
        if outcome is KeysOutcome.NEW_PROVED:
            fact = MeterKeysChanged(
                received_at=now, what=what, shown_by="association", actor="node", reason=""
            )
        is_new = outcome is KeysOutcome.NEW_PROVED
        self._context.directory.put(changed(device) if is_new else kept(device))
        meter = device.meter_id
        self._start(lambda: self._settled(meter, fact), f"the keys of {meter}")

    async def _settled(self, meter: MeterId, fact: DomainEvent) -> None:
        await self._save(meter)
        relayed = Relayed(digest_of(f"{fact!r}".encode()), lambda _judging: [fact])
        try:
            await self._context.meter(meter).ask(relayed, TELL_S)
        except ActorError:
            await self._context.journal.append(meter_stream(meter), [fact])

    # -- the device list

    def _start(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        """Do something beside; when the node stops just now, the next start finds all in doubt."""
        with contextlib.suppress(StoreUnavailable):
            self._errands.start(work, what)

    async def _save(self, meter: MeterId) -> None:
        """Keep the entry of a meter as the directory has it, however often the store is away."""
        while True:
            device = self._context.directory.meter(meter)
            if device is None:
                return
            with contextlib.suppress(StoreUnavailable):
                await self._keep(device)
                return
            await trio.sleep(RETRY_S)

    async def _keep(self, device: Device) -> None:
        await self._in_thread(save_devices, self._log, [device])


def _why_not(device: Device, command: ChangeKeys) -> str:
    """Return why the keys of a meter cannot be changed so; nothing: they can."""
    meter = device.meter_id
    if device.protocol != "dlms" or not is_ciphered(device):
        return f"meter {meter} has no conversations protected by keys, so none can be changed"
    if not device.master_key:
        return f"meter {meter} has no master key; import it, in the column master_key"
    if in_doubt(device):
        return f"nobody knows yet which keys meter {meter} has; read it, which settles that, first"
    for name, new, old in (
        ("encryption", command.encryption_key, device.encryption_key),
        ("authentication", command.authentication_key, device.authentication_key),
    ):
        if new and len(new) != len(device.master_key):
            size = len(device.master_key)
            return f"the new {name} key has {len(new)} bytes, the master key has {size}"
        if new and new == old:
            return f"the new {name} key is the one that meter {meter} has"
    return "" if command.names else "there is no new key"
