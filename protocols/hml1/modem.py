"""HML/1, the modem's side: for the simulated fleet, and for gateways in software.

Sans-io: bytes and the time go in, what to do comes out. What must survive a power failure (the
queue, the settings, the download) is handed in.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.hml1 import firmware, handshake, messages, tlv
from protocols.hml1.greeting import decode_welcome
from protocols.hml1.kinds import (
    ConfigState,
    FirmwareState,
    Kind,
    PipeState,
    Reason,
    RecordKind,
    Tag,
)
from protocols.hml1.peer import Message, Peer
from protocols.hml1.queue import RecordQueue
from protocols.hml1.settings import ModemSettings
from protocols.hml1.states import Modem, ModemSignal, step_modem

PING_S: Final = 120.0
RESEND_S: Final = 30.0
"""Records that were not called durable for so long are sent again."""
SILENT_PINGS: Final = 2.5
"""Without a byte for so many intervals of its pings a modem calls again."""
NEVER: Final = float("inf")


class Send(msgspec.Struct, frozen=True):
    """Write these bytes to the connection."""

    data: bytes


class ToSerial(msgspec.Struct, frozen=True):
    """Send these bytes out of a serial port."""

    channel: int
    data: bytes


class HangUp(msgspec.Struct, frozen=True):
    """Close the connection, and call again after a pause."""

    reason: str


class ClockTold(msgspec.Struct, frozen=True):
    """The head-end's time."""

    utc_s: int


class SettingsChanged(msgspec.Struct, frozen=True):
    """Act by the settings in force now."""


class FirmwareReady(msgspec.Struct, frozen=True):
    """A firmware is whole and right: install it, and say by HELLO which one runs."""

    version: str


Order = Send | ToSerial | HangUp | ClockTold | SettingsChanged | FirmwareReady


class Flash(msgspec.Struct):
    """What a modem keeps over a power failure."""

    queue: RecordQueue
    settings: ModemSettings
    download: firmware.Download | None = None


class Hml1Modem:
    """One modem; connections come and go."""

    def __init__(
        self,
        identity: Mapping[int, bytes],
        secret: bytes,
        flash: Flash,
        *,
        random_bytes: Callable[[int], bytes],
        maker: bytes = b"",
    ) -> None:
        """Make a modem.

        Args:
            identity: what HELLO says beside nonce, hash and queue; tag 1 is the name.
            secret: the key shared with the head-end.
            flash: what survives.
            random_bytes: so many unpredictable bytes.
            maker: public key of those whose firmware is taken; empty: none is.

        """
        self.state = Modem.OFFLINE
        self.flash = flash
        self.maker = maker
        self.channels: set[int] = set()
        """Serial ports with an open pipe."""
        self._identity = dict(identity)
        self._secret = secret
        self._random_bytes = random_bytes
        self._peer = Peer(None)
        self._nonce = b""
        self._ping_s = PING_S
        self._heard_at = 0.0
        self._ping_at = NEVER
        self._resend_at = NEVER
        self._pull_at = NEVER
        self._handlers: dict[int, Callable[[Message, float], list[Order]]] = {
            Kind.PING: lambda _message, _now: [self._send(Kind.PONG)],
            Kind.PONG: lambda _message, _now: [],
            Kind.ACK: lambda _message, _now: [],
            Kind.NAK: self._nak,
            Kind.PIPE_OPEN: self._pipe_open,
            Kind.PIPE_DATA: self._pipe_data,
            Kind.PIPE_CLOSE: self._pipe_close,
            Kind.RECORD_ACK: self._record_ack,
            Kind.CFG_GET: self._config_get,
            Kind.CFG_SET: self._config_set,
            Kind.FW_OFFER: self._offer,
            Kind.FW_DATA: self._part,
        }

    @property
    def name(self) -> str:
        """The modem's name."""
        return self._identity[Tag.ID].decode("ascii")

    # -- the connection

    def connected(self) -> list[Order]:
        """Say that there is a connection."""
        self.state = step_modem(self.state, ModemSignal.CONNECTED)
        self._peer = Peer(restart_on=Kind.WELCOME)
        self._nonce = self._random_bytes(handshake.NONCE_SIZE)
        queue = self.flash.queue
        said = self._identity | {
            Tag.NONCE: self._nonce,
            Tag.CONFIG_HASH: self.flash.settings.hash,
            Tag.RECORD_NUMBER: queue.next_number.to_bytes(8),
            Tag.QUEUED: (queue.next_number - 1 - queue.freed).to_bytes(4),
        }
        return [self._send(Kind.HELLO, tlv.encode_tlv(said), ack=True)]

    def lost(self) -> None:
        """Say that the connection is gone."""
        if self.state is not Modem.OFFLINE:
            self._end(ModemSignal.LOST)

    def receive(self, data: bytes, now_s: float) -> list[Order]:
        """Take bytes from the connection; return what to do.

        Raises:
            RemoteProtocolError: the head-end speaks another version; hang up.

        """
        orders: list[Order] = []
        self._heard_at = now_s
        for message in self._peer.receive(data):
            if self.state is not Modem.OFFLINE:
                orders += self._take(message, now_s)
        owed = self._peer.acknowledge() if self.state is not Modem.OFFLINE else b""
        return [*orders, Send(owed)] if owed else orders

    def due(self, now_s: float) -> list[Order]:
        """Return what is to be done now by itself; ask again at ``next_due_s``, or earlier."""
        orders: list[Order] = []
        if self.flash.settings.roll_back_if_due(now_s):
            orders += [SettingsChanged(), HangUp("the new settings brought no session")]
        if self.state is not Modem.OPEN:
            return orders
        if now_s - self._heard_at >= SILENT_PINGS * self._ping_s:
            self._end(ModemSignal.LOST)
            return [*orders, HangUp("the head-end is silent")]
        if now_s >= self._resend_at:
            self._resend_at = NEVER
            self.flash.queue.rewind()
        orders += self._records(now_s)
        if now_s >= self._pull_at:
            orders += self._go_on_pulling(now_s)
        if now_s >= self._ping_at:
            self._ping_at = now_s + self._ping_s
            orders.append(self._send(Kind.PING))
        return orders

    @property
    def next_due_s(self) -> float:
        """When ``due`` has something to do, if nothing comes before."""
        return min(self._ping_at, self._resend_at, self._pull_at)

    def _take(self, message: Message, now_s: float) -> list[Order]:
        if message.kind == Kind.BYE:
            self._end(ModemSignal.BYE)
            return [HangUp("the head-end said goodbye")]
        if self.state is Modem.GREETING:
            return self._greeted(message, now_s)
        if message.signature_ok is False:
            return [self._refuse(Reason.SIGNATURE)]
        handler = self._handlers.get(message.kind)
        if handler is None:
            return [self._refuse(Reason.UNKNOWN_TYPE)]
        try:
            return handler(message, now_s)
        except RemoteProtocolError:
            return [self._refuse(Reason.MALFORMED)]

    def _greeted(self, message: Message, now_s: float) -> list[Order]:
        if message.kind == Kind.NAK:
            self._end(ModemSignal.REFUSED)
            return [HangUp("the head-end does not want us")]
        if message.kind != Kind.WELCOME:
            return []
        welcome = decode_welcome(message.payload)
        nonces = handshake.Nonces(self._nonce, welcome.nonce)
        right = handshake.head_end_proof(self._secret, nonces, self.name)
        if not handshake.is_same(welcome.proof, right):
            self._end(ModemSignal.DECEIVED)
            return [HangUp("the head-end did not prove that it knows us")]
        self.state = step_modem(self.state, ModemSignal.WELCOMED)
        self._peer.restart_on = None
        self._peer.key = handshake.session_key(self._secret, nonces, self.name)
        self.flash.queue.begin_session(welcome.stored)
        self.flash.settings.confirm()
        self._ping_s = float(welcome.ping_s or PING_S)
        self._ping_at = now_s + self._ping_s
        proof = handshake.modem_proof(self._secret, nonces, self.name)
        orders: list[Order] = [self._send(Kind.AUTH, tlv.encode_tlv({Tag.PROOF: proof}))]
        if welcome.utc_s is not None:
            orders.append(ClockTold(welcome.utc_s))
        return [*orders, *self._records(now_s), *self._go_on_pulling(now_s)]

    def _end(self, signal: ModemSignal) -> None:
        self.state = step_modem(self.state, signal)
        self.channels.clear()
        self._ping_at = self._resend_at = self._pull_at = NEVER

    def _send(
        self, kind: Kind, payload: bytes = b"", *, channel: int = 0, ack: bool = False
    ) -> Send:
        return Send(self._peer.send(kind, payload, channel=channel, ack=ack))

    def _refuse(self, reason: Reason) -> Send:
        return self._send(Kind.NAK, bytes((reason,)))

    # -- pipes

    def from_serial(self, channel: int, data: bytes) -> list[Order]:
        """Take bytes from a serial port; without an open pipe they are the modem's own."""
        if self.state is not Modem.OPEN or channel not in self.channels:
            return []
        return [self._send(Kind.PIPE_DATA, data, channel=channel)]

    def _pipe_open(self, message: Message, _now_s: float) -> list[Order]:
        tlv.decode_tlv(message.payload)
        self.channels.add(message.channel)
        return [self._status(message.channel, PipeState.OPEN)]

    def _pipe_data(self, message: Message, _now_s: float) -> list[Order]:
        if message.channel not in self.channels:
            return [self._status(message.channel, PipeState.CLOSED)]
        return [ToSerial(message.channel, message.payload)]

    def _pipe_close(self, message: Message, _now_s: float) -> list[Order]:
        self.channels.discard(message.channel)
        return [self._status(message.channel, PipeState.CLOSED)]

    def _status(self, channel: int, status: PipeState) -> Send:
        return self._send(Kind.PIPE_STATUS, bytes((status,)), channel=channel)

    # -- records and alarms

    def store(self, record: messages.Record, now_s: float) -> list[Order]:
        """Store a record; its number is given here. Sent when there is a session and room."""
        self.flash.queue.put(record)
        return self._records(now_s) if self.state is Modem.OPEN else []

    def alarm(self, alarm: messages.Alarm, now_s: float) -> list[Order]:
        """Tell something that cannot wait: at once, and as a record, so that it cannot get lost."""
        payload = messages.encode_alarm(alarm)
        now: list[Order] = []
        if self.state is Modem.OPEN:
            now.append(self._send(Kind.ALARM, payload, ack=True))
        record = messages.Record(
            number=0, meter=alarm.meter, protocol=0, kind=RecordKind.ALARM,
            utc_s=alarm.utc_s, clock_quality=alarm.clock_quality, data=payload,
        )  # fmt: skip
        return now + self.store(record, now_s)

    def _records(self, now_s: float) -> list[Order]:
        ready = self.flash.queue.to_send()
        if ready:
            self._resend_at = now_s + RESEND_S
        return [
            self._send(Kind.RECORD, messages.encode_record(record), ack=True) for record in ready
        ]

    def _record_ack(self, message: Message, now_s: float) -> list[Order]:
        self.flash.queue.durable_up_to(messages.decode_number(message.payload))
        self._resend_at = now_s + RESEND_S if len(self.flash.queue) else NEVER
        return self._records(now_s)

    def _nak(self, message: Message, now_s: float) -> list[Order]:
        if message.payload[:1] != bytes((Reason.RECORD_GAP,)):
            return []
        self.flash.queue.rewind()
        return self._records(now_s)

    # -- settings

    def _config_get(self, message: Message, _now_s: float) -> list[Order]:
        wanted = tlv.decode_tlv(message.payload)
        active = self.flash.settings.active
        told = {tag: value for tag, value in active.items() if not wanted or tag in wanted}
        return [self._send(Kind.CFG_VALUE, tlv.encode_tlv(told))]

    def _config_set(self, message: Message, now_s: float) -> list[Order]:
        """Change settings, and call again: the session that follows proves them good."""
        if not message.signature_ok:
            return [self._refuse(Reason.SIGNATURE)]
        values = tlv.decode_tlv(message.payload)
        settings = self.flash.settings
        if values:
            settings.change(values, now_s)
        status = ConfigState.APPLIED if values else ConfigState.REFUSED
        result: dict[int, bytes] = {Tag.CONFIG_HASH: settings.hash, Tag.STATUS: bytes((status,))}
        said = self._send(Kind.CFG_RESULT, tlv.encode_tlv(result))
        return [said, SettingsChanged(), HangUp("new settings")] if values else [said]

    # -- firmware

    def _offer(self, message: Message, now_s: float) -> list[Order]:
        if not message.signature_ok:
            return [self._refuse(Reason.SIGNATURE)]
        offer = firmware.decode_offer(tlv.decode_tlv(message.payload))
        if not firmware.is_vouched_for(offer, self.maker):
            return [self._firmware_status(FirmwareState.REFUSED, offer.version, 0)]
        download = self.flash.download
        if download is None or download.offer != offer:
            self.flash.download = download = firmware.Download(offer)
        began = FirmwareState.DOWNLOADING if download.offset else FirmwareState.OFFERED
        told = self._firmware_status(began, offer.version, download.offset)
        return [told, *self._pull(download, now_s)]

    def _go_on_pulling(self, now_s: float) -> list[Order]:
        """Go on with a download that a lost connection or a lost part interrupted."""
        download = self.flash.download
        return [] if download is None else self._pull(download, now_s)

    def _pull(self, download: firmware.Download, now_s: float) -> list[Order]:
        self._pull_at = NEVER if download.is_whole else now_s + RESEND_S
        if not download.is_whole:
            return [self._send(Kind.FW_PULL, messages.encode_pull(*download.wanted()))]
        self.flash.download = None
        version = download.offer.version
        if not download.is_right:
            return [self._firmware_status(FirmwareState.REFUSED, version, 0)]
        status = self._firmware_status(FirmwareState.VERIFIED, version, download.offset)
        return [status, FirmwareReady(version)]

    def _part(self, message: Message, now_s: float) -> list[Order]:
        download = self.flash.download
        if download is None or not download.take(*messages.decode_part(message.payload)):
            return []
        return self._pull(download, now_s)

    def firmware_runs(self, version: str, *, rolled_back: bool = False) -> list[Order]:
        """Say what became of a firmware after its start."""
        self._identity[Tag.FIRMWARE] = version.encode("ascii")
        state = FirmwareState.ROLLED_BACK if rolled_back else FirmwareState.APPLIED
        if self.state is not Modem.OPEN:
            return []
        return [self._firmware_status(state, version, 0)]

    def _firmware_status(self, status: FirmwareState, version: str, offset: int) -> Send:
        values: dict[int, bytes] = {Tag.STATUS: bytes((status,)), Tag.ID: version.encode("ascii")}
        if offset:
            values[Tag.RECORD_NUMBER] = offset.to_bytes(4)
        return self._send(Kind.FW_STATUS, tlv.encode_tlv(values))
