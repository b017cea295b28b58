"""Orders to a modem of HML/1: settings and firmware. What is ordered is written down before.

A firmware that was offered is offered again in each session, until the modem runs it or fails.
"""

import json
from typing import Final, NamedTuple, TypeAlias

from actors.context import Context
from actors.errors import JournalFailed
from actors.mailbox import Later
from actors.modem_memory import ModemMemory
from actors.modem_messages import Order
from actors.patience import Patience
from actors.port import Port
from hes.commands import (
    CommandFailed,
    CommandInvalid,
    ConfigAnswer,
    FirmwareAnswer,
    OfferFirmware,
    ReadConfig,
    SetConfig,
)
from hes.events.base import DomainEvent
from hes.events.device import REASON_SIZE
from hes.events.firmware import (
    FirmwareActivated,
    FirmwareFailed,
    FirmwareOffered,
    FirmwareProgressed,
)
from hes.events.modem_setting import ConfigApplied, ConfigRequested
from hes.events.reading import FailureReason
from hes.modem_state import APPLIED, NOT_SENT, VERIFIED, FirmwareWanted
from protocols.errors import LocalProtocolError
from protocols.hml1 import tlv
from protocols.hml1.firmware import (
    IMAGE_SIZE_MAX,
    SIGNATURE_SIZE,
    Firmware,
    firmware_of,
    is_vouched_for,
)
from protocols.hml1.kinds import ConfigState, FirmwareState, Reason
from protocols.hml1.setting_values import MAKER_TAGS, decode_setting, encode_setting
from protocols.hml1.states import HeadEnd
from protocols.links import notices
from protocols.links.hml1 import Hml1Link

CONFIG, SETTINGS, FIRMWARE = "config", "settings", "firmware"
STATUS: Final[dict[int, str]] = {
    ConfigState.APPLIED: APPLIED, ConfigState.REFUSED: "refused",
    ConfigState.ROLLED_BACK: "rolled-back",
}  # fmt: skip
STEPS: Final[dict[int, str]] = {
    FirmwareState.OFFERED: "offered", FirmwareState.DOWNLOADING: "downloading",
    FirmwareState.VERIFIED: VERIFIED,
}  # fmt: skip
SETTINGS_SIZE_MAX: Final = 1000
"""Bytes of a change: it is signed, so it must fit one frame."""
VERSION_SIZE_MAX: Final = 64
TOLD: TypeAlias = (
    notices.ConfigTold | notices.ConfigApplied | notices.FirmwareStatus | notices.FirmwarePulled
    | notices.Nak
)  # fmt: skip


class Asker(NamedTuple):
    """Who wants something of the modem."""

    later: Later
    patience: Patience


class ModemOrders:
    """What one modem is ordered to do, and what it says of it."""

    def __init__(self, context: Context, memory: ModemMemory) -> None:
        self._context = context
        self._memory = memory
        self._waiting: dict[str, Asker] = {}
        """Who waits for the modem's word, by what about; at most one each."""
        self._offered: Firmware | None = None

    # -- orders

    async def take(self, order: Order, later: Later | None, port: Port | None) -> None:
        """Carry out an order; whoever asked gets the answer, or why there is none."""
        try:
            await self._carry_out(order, later, port)
        except (CommandFailed, CommandInvalid, JournalFailed) as problem:
            _fail(later, problem)
        except LocalProtocolError as problem:
            _fail(later, CommandFailed(FailureReason.NO_MODEM, str(problem)))

    async def _carry_out(self, order: Order, later: Later | None, port: Port | None) -> None:
        asker = None if later is None else Asker(later, order.patience)
        match order.command:
            case ReadConfig():
                link = _session(port)
                self._wait(SETTINGS, asker)
                _write(port, link.config_get())
            case SetConfig() as change:
                await self._set_config(change, asker, port)
            case OfferFirmware() as offer:
                await self._offer(offer, asker, port)

    def _wait(self, about: str, asker: Asker | None) -> None:
        """Let somebody wait for the modem's word, no longer for the store."""
        before = self._waiting.pop(about, None)
        if before is not None:
            busy = CommandFailed(FailureReason.BUSY, "somebody else gave the same order")
            before.later.fail(busy)
        if asker is not None:
            asker.patience.world()
            self._waiting[about] = asker

    async def _set_config(self, command: SetConfig, asker: Asker | None, port: Port | None) -> None:
        try:
            values = dict(encode_setting(*setting) for setting in command.settings.items())
        except LocalProtocolError as problem:
            raise CommandInvalid(str(problem)) from None
        if not values or len(tlv.encode_tlv(values)) > SETTINGS_SIZE_MAX:
            raise CommandInvalid(f"1 to {SETTINGS_SIZE_MAX} bytes of settings at a time")
        link = _session(port)
        shown = json.dumps(dict(_shown(tag, value) for tag, value in sorted(values.items())))
        requested = ConfigRequested(
            received_at=self._context.now(), settings=shown[:SETTINGS_SIZE_MAX],
            actor=command.actor, reason=command.reason[:REASON_SIZE],
        )  # fmt: skip
        await self._memory.record([requested])
        if asker is None or asker.later.wanted:  # else it took so long that it was called off
            self._wait(CONFIG, asker)
            _write(port, link.config_set(values))
        else:
            await self._memory.record([self._config(NOT_SENT, None)])

    # -- firmware

    async def _offer(self, command: OfferFirmware, asker: Asker | None, port: Port | None) -> None:
        firmware = self._checked(command)
        offer = firmware.offer
        try:
            await self._context.in_reader(
                self._context.firmware.keep, firmware.image, offer.signature
            )
        except OSError as problem:
            why = f"the image cannot be kept: {problem}"
            raise CommandFailed(FailureReason.INTERNAL, why) from None
        if asker is not None:
            if not asker.later.wanted:
                return
            asker.patience.accept()  # what is written down is offered, now or when it calls
        await self._memory.record([self._event_of(firmware, command.actor, command.reason)])
        self._offered = firmware
        if _is_open(port):
            self._wait(FIRMWARE, asker)
            self._tell(port, firmware)
        elif asker is not None:
            asker.later.answer(_answer(firmware, "waiting"))

    def _checked(self, command: OfferFirmware) -> Firmware:
        """Return the firmware.

        Raises:
            CommandInvalid: no modem would take it.

        """
        name, size = command.version, len(command.image)
        if not (0 < len(name) <= VERSION_SIZE_MAX and name.isascii() and name.isprintable()):
            raise CommandInvalid("the version must be 1 to 64 printable characters of ASCII")
        if not 0 < size <= IMAGE_SIZE_MAX:
            raise CommandInvalid(f"an image of {size} bytes, at most {IMAGE_SIZE_MAX}")
        if len(command.signature) != SIGNATURE_SIZE:
            raise CommandInvalid(f"a signature has {SIGNATURE_SIZE} bytes")
        firmware = firmware_of(name, command.image, command.signature)
        maker = self._context.firmware_maker
        if maker and not is_vouched_for(firmware.offer, maker):
            raise CommandInvalid("the signature is not the maker's")
        return firmware

    def _event_of(
        self, firmware: Firmware, actor: str, reason: str, *, resumed: bool = False
    ) -> FirmwareOffered:
        offer = firmware.offer
        return FirmwareOffered(
            received_at=self._context.now(), image=offer.version, size_bytes=offer.size,
            sha256=offer.sha256, actor=actor, reason=reason[:200], resumed=resumed,
            version=offer.version,
        )  # fmt: skip

    @staticmethod
    def _tell(port: Port | None, firmware: Firmware) -> None:
        if port is not None and isinstance(port.link, Hml1Link):
            _write(port, port.link.offer_firmware(firmware))

    async def called(self, port: Port, runs: str | None, before: str) -> None:
        """Go on with a firmware, now that the modem has called and said which one it runs."""
        wanted = (await self._memory.state()).firmware
        if wanted is None:
            return
        if runs == wanted.version:
            self._offered = None
            await self._memory.record([
                FirmwareActivated(
                    received_at=self._context.now(), image=wanted.version, version=runs,
                    version_before=before,
                )
            ])  # fmt: skip
        elif not wanted.verified:
            await self._offer_again(port, wanted)

    async def _offer_again(self, port: Port, wanted: FirmwareWanted) -> None:
        firmware = self._offered
        if firmware is None or firmware.offer.sha256 != wanted.sha256:
            context = self._context
            kept = await context.in_reader(context.firmware.load, wanted.sha256)
            if kept is None:
                await self._failed(wanted.version, "offering", "its image is not here any more")
                return
            firmware = self._offered = firmware_of(wanted.version, *kept)
        await self._memory.record([self._event_of(firmware, "node", "it called", resumed=True)])
        self._tell(port, firmware)

    async def _failed(self, version: str, step: str, detail: str) -> None:
        self._offered = None
        failed = FirmwareFailed(
            received_at=self._context.now(), image=version, step=step, detail=detail
        )
        await self._memory.record([failed])

    # -- what the modem says of it

    async def told(self, notice: TOLD) -> None:
        """Take what the modem says of an order.

        Raises:
            JournalFailed: it could not be written down.

        """
        match notice:
            case notices.ConfigTold(values=values):
                settings = dict(decode_setting(*item) for item in sorted(values.items()))
                self._answer(SETTINGS, ConfigAnswer(settings=settings))
            case notices.ConfigApplied(status=number, config_hash=told):
                status = STATUS.get(number, f"status-{number}")
                self._ended(CONFIG)
                await self._memory.record([self._config(status, told)])
                shown = None if told is None else told.hex()
                self._answer(CONFIG, ConfigAnswer(status=status, config_hash=shown))
            case notices.FirmwarePulled(version=version, offset=offset):
                await self._progressed(version, "downloading", offset)
            case notices.FirmwareStatus():
                await self._firmware_status(notice)
            case notices.Nak(reason=reason):
                self._refused(reason)

    def _config(self, status: str, config_hash: bytes | None) -> ConfigApplied:
        now = self._context.now()
        return ConfigApplied(received_at=now, status=status, config_hash=config_hash)

    async def proved(self, config_hash: bytes | None) -> list[DomainEvent]:
        """Return what a session under these settings says of a change that was on trial."""
        trial = (await self._memory.state()).config_trial
        if trial is None or config_hash is None:
            return []
        return [self._config("confirmed" if trial == config_hash else "rolled-back", config_hash)]

    async def _firmware_status(self, notice: notices.FirmwareStatus) -> None:
        wanted = (await self._memory.state()).firmware
        version = notice.version or ("" if wanted is None else wanted.version)
        if wanted is None or version != wanted.version:
            return  # of one that nobody wants any more
        step = STEPS.get(notice.status)
        firmware = self._offered
        self._ended(FIRMWARE)
        if step is not None:
            done = notice.offset or 0
            await self._progressed(version, step, done)
        elif notice.status == FirmwareState.APPLIED:
            applied = FirmwareActivated(
                received_at=self._context.now(), image=version, version=version
            )
            await self._memory.record([applied])
        else:
            rolled = notice.status == FirmwareState.ROLLED_BACK
            step = "rolled-back" if rolled else "refused"
            await self._failed(version, step, f"the modem says: {step} ({notice.status})")
        if firmware is not None:
            self._answer(FIRMWARE, _answer(firmware, step or "applied"))

    async def _progressed(self, version: str, step: str, done: int) -> None:
        firmware = self._offered
        if firmware is None or firmware.offer.version != version:
            return
        await self._memory.record([
            FirmwareProgressed(
                received_at=self._context.now(), image=version, step=step, done_bytes=done,
                size_bytes=firmware.offer.size,
            )
        ])  # fmt: skip

    def _answer(self, about: str, answer: ConfigAnswer | FirmwareAnswer) -> None:
        asker = self._waiting.pop(about, None)
        if asker is not None:
            asker.later.answer(answer)

    def _ended(self, about: str) -> None:
        """Let who waits for the modem's word wait for the store now, that it came."""
        asker = self._waiting.get(about)
        if asker is not None:
            asker.patience.accept()
            asker.patience.store()

    def _refused(self, number: int) -> None:
        """Take a NAK: it does not say of what, and only orders wait for an answer."""
        if number in {Reason.RECORD_GAP, Reason.PROOF, Reason.UNKNOWN_MODEM}:
            return
        why = f"the modem refused it (NAK {number})"
        self._fail_all(CommandFailed(FailureReason.REFUSED, why))

    def lost(self, reason: str) -> None:
        """Tell who waits that the connection has ended."""
        self._fail_all(CommandFailed(FailureReason.CUT, reason))

    def _fail_all(self, problem: Exception) -> None:
        waiting, self._waiting = self._waiting, {}
        for asker in waiting.values():
            asker.later.fail(problem)


def _fail(later: Later | None, problem: Exception) -> None:
    if later is not None:
        later.fail(problem)


def _is_open(port: Port | None) -> bool:
    link = None if port is None else port.link
    return isinstance(link, Hml1Link) and link.state is HeadEnd.OPEN


def _session(port: Port | None) -> Hml1Link:
    """Return the link of an open session.

    Raises:
        CommandFailed: there is none.

    """
    link = None if port is None else port.link
    if not isinstance(link, Hml1Link) or link.state is not HeadEnd.OPEN:
        why = "the modem is not connected, or its link takes no orders"
        raise CommandFailed(FailureReason.NO_MODEM, why)
    return link


def _write(port: Port | None, data: bytes) -> None:
    if port is not None and data:
        port.connection.write(data)


def _shown(tag: int, value: bytes) -> tuple[str, str]:
    """Return a setting as the log may have it: what a maker's tag holds nobody knows."""
    name, text = decode_setting(tag, value)
    return name, f"{len(value)} bytes" if tag in MAKER_TAGS else text


def _answer(firmware: Firmware, state: str) -> FirmwareAnswer:
    offer = firmware.offer
    return FirmwareAnswer(
        version=offer.version, sha256=offer.sha256.hex(), size_bytes=offer.size, state=state
    )
