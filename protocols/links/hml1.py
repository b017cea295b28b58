"""HML/1, the head-end's side: proofs, pipes, stored records, alarms, settings, firmware."""

from collections.abc import Callable, Mapping
from typing import Final

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1 import handshake, messages, tlv
from protocols.hml1.firmware import Firmware, encode_offer
from protocols.hml1.frame import HEAD, MARK, decode_head
from protocols.hml1.greeting import Greeting, decode_greeting, encode_welcome
from protocols.hml1.kinds import ALARM_CODES, PROTOCOLS, Kind, Reason, RecordKind, Tag
from protocols.hml1.peer import Message, Peer
from protocols.hml1.records import Judgement, RecordIntake
from protocols.hml1.states import HeadEnd, HeadEndSignal, step_head_end
from protocols.links.base import (
    Heartbeat,
    Held,
    Identified,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Reply,
    Verdict,
)
from protocols.links.notices import (
    AlarmTold,
    ChannelBytes,
    ConfigApplied,
    ConfigTold,
    FirmwarePulled,
    FirmwareStatus,
    Nak,
    PipeStatus,
    RecordsLost,
    RecordTold,
    Refused,
    SaidGoodbye,
)

PING_S: Final = 120
"""Below what operators of mobile networks let an idle connection live."""
PIPE_CHANNEL: Final = 1
PIPE_CLOSED: Final = 1

Events = list[LinkEvent]


class Hml1Link:
    """One connection of a modem that speaks HML/1; secrets and nonces come from the world.

    What goes to the modem beside the pipe is returned as bytes: write them to the connection.
    """

    __slots__ = ("_firmware", "_greeting", "_handlers", "_intake", "_nonces", "_peer", "_pipes",
                 "_secret", "_tenths", "_world", "name", "pipe_settings", "state",
                 "welcomed_behind")  # fmt: skip

    pipe = True

    def __init__(self, settings: LinkSettings) -> None:
        self.name = "hml1"
        self.state = HeadEnd.WAITING
        self.pipe_settings = messages.PipeSettings()
        self._world = settings.world
        self._peer = Peer(restart_on=Kind.HELLO)
        self._greeting: Greeting | None = None
        self._nonces = handshake.Nonces(b"", b"")
        self._secret = b""
        self._intake = RecordIntake(None)
        self.welcomed_behind: int | None = None
        """The number of the last durable record, as the modem was told when it called."""
        self._pipes: set[int] = set()
        self._firmware: Firmware | None = None
        self._tenths = 0
        """Of the image that the modem has pulled, as it was told last."""
        self._handlers: dict[int, Callable[[Message], Events]] = {
            Kind.PING: self._ping,
            Kind.PONG: lambda _: [Heartbeat()],
            Kind.ACK: lambda _: [Heartbeat()],
            Kind.NAK: lambda message: [Nak(int.from_bytes(message.payload[:1]))],
            Kind.PIPE_DATA: self._pipe_data,
            Kind.PIPE_STATUS: self._pipe_status,
            Kind.RECORD: self._record,
            Kind.ALARM: lambda message: [_alarm(message.payload, greeted=self._greeting)],
            Kind.CFG_VALUE: lambda message: [ConfigTold(tlv.decode_tlv(message.payload))],
            Kind.CFG_RESULT: lambda message: [_config_result(tlv.decode_tlv(message.payload))],
            Kind.FW_PULL: self._pull,
            Kind.FW_STATUS: lambda message: [_firmware_status(tlv.decode_tlv(message.payload))],
        }

    # -- from the socket

    def receive(self, data: bytes) -> Events:
        """See ``Link.receive``."""
        return self._take_all(self._peer.receive(data))

    def idle(self) -> Events:
        """See ``Link.idle``: a frame that never ends is given up."""
        return self._take_all(self._peer.idle())

    def _take_all(self, incoming: list[Message]) -> Events:
        events = [event for message in incoming for event in self._take(message)]
        owed = self._peer.acknowledge()
        if owed:
            events.append(Reply(owed))
        if self._peer.reader.left_over:
            events.append(Held())
        return events

    def _take(self, message: Message) -> Events:
        if self.state is HeadEnd.CLOSED:
            return []
        if message.signature_ok is False:
            return [self._nak(Reason.SIGNATURE)]
        if message.kind == Kind.HELLO:
            return self._hello(message.payload)
        if message.kind == Kind.BYE:
            self._step(HeadEndSignal.BYE)
            return [SaidGoodbye("the modem said goodbye")]
        return self._talk(message) if self.state is HeadEnd.OPEN else self._prove(message)

    def _prove(self, message: Message) -> Events:
        """Before the session is open nothing is listened to but the proof."""
        greeting = self._greeting
        if message.kind == Kind.AUTH and self.state is HeadEnd.CHALLENGED and greeting:
            return self._auth(message.payload, greeting)
        if message.kind in {Kind.NAK, Kind.ACK}:
            return []  # an answer to an answer would have no end
        return [self._nak(Reason.NOT_NOW)]

    def _talk(self, message: Message) -> Events:
        handler = self._handlers.get(message.kind)
        if handler is None:
            return [self._nak(Reason.UNKNOWN_TYPE)]
        try:
            return handler(message)
        except RemoteProtocolError:
            return [self._nak(Reason.MALFORMED)]

    def _step(self, signal: HeadEndSignal) -> None:
        self.state = step_head_end(self.state, signal)

    def _nak(self, reason: Reason) -> Reply:
        return Reply(self._peer.send(Kind.NAK, bytes((reason,))))

    # -- who it is

    def _hello(self, payload: bytes) -> Events:
        greeting = decode_greeting(payload)
        name = greeting.told.modem_id
        if self._greeting is not None and self._greeting.told.modem_id != name:
            told = f"modem {name} on the connection of {self._greeting.told.modem_id}"
            raise RemoteProtocolError("identity", told)
        secret = self._world.secret_of(name) if self._world.secret_of else None
        if not secret or self._world.random_bytes is None:
            self._step(HeadEndSignal.UNKNOWN)
            return [self._nak(Reason.UNKNOWN_MODEM), Refused(name, "there is no key for it")]
        self._greeting, self._secret = greeting, secret
        self._nonces = handshake.Nonces(
            greeting.nonce, self._world.random_bytes(handshake.NONCE_SIZE)
        )
        stored = self._world.stored_up_to(name) if self._world.stored_up_to else None
        self._intake, self.welcomed_behind = RecordIntake(stored), stored
        self._pipes.clear()
        self._step(HeadEndSignal.GREETED)
        return [Reply(self._welcome(name, stored))]

    def _welcome(self, name: str, stored: int | None) -> bytes:
        now = self._world.now
        payload = encode_welcome(
            nonce=self._nonces.head_end,
            proof=handshake.head_end_proof(self._secret, self._nonces, name),
            utc_s=None if now is None else int(now().timestamp()),
            ping_s=PING_S,
            stored=stored,
        )
        return self._peer.send(Kind.WELCOME, payload)

    def _auth(self, payload: bytes, greeting: Greeting) -> Events:
        name = greeting.told.modem_id
        right = handshake.modem_proof(self._secret, self._nonces, name)
        if not handshake.is_same(tlv.decode_tlv(payload).get(Tag.PROOF), right):
            self._step(HeadEndSignal.DISPROVED)
            return [self._nak(Reason.PROOF), Refused(name, "its proof is wrong")]
        self._step(HeadEndSignal.PROVED)
        self._peer.key = handshake.session_key(self._secret, self._nonces, name)
        lost = None if greeting.oldest is None else self._intake.begins_at(greeting.oldest)
        events: Events = [Identified(name, "hmac"), greeting.told]
        return events if lost is None else [*events, RecordsLost(*lost)]

    def _ping(self, _: Message) -> Events:
        return [Heartbeat(), Reply(self._peer.send(Kind.PONG))]

    # -- the pipe

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``: the first serial line."""
        return self.wrap_channel(PIPE_CHANNEL, data)

    def wrap_channel(self, channel: int, data: bytes) -> bytes:
        """Return what brings ``data`` to a serial line; its pipe is opened before if need be.

        Raises:
            LocalProtocolError: the modem has not proved itself.

        """
        self._need_session()
        opening = b""
        if channel not in self._pipes:
            self._pipes.add(channel)
            settings = messages.encode_pipe(self.pipe_settings)
            opening = self._peer.send(Kind.PIPE_OPEN, settings, channel=channel, ack=True)
        return opening + self._peer.send(Kind.PIPE_DATA, data, channel=channel)

    def release(self) -> bytes:
        """Return what gives all serial lines back that were taken; nothing: none was."""
        if self.state is not HeadEnd.OPEN:
            return b""
        return b"".join(self.close_pipe(channel) for channel in sorted(self._pipes))

    def close_pipe(self, channel: int = PIPE_CHANNEL) -> bytes:
        """Return what gives the serial line back to the modem's own collection."""
        self._need_session()
        self._pipes.discard(channel)
        return self._peer.send(Kind.PIPE_CLOSE, channel=channel)

    def _pipe_data(self, message: Message) -> Events:
        if message.channel == PIPE_CHANNEL:
            return [MeterBytes(message.payload)]
        return [ChannelBytes(message.channel, message.payload)]

    def _pipe_status(self, message: Message) -> Events:
        status = int.from_bytes(message.payload[:1])
        if PIPE_CLOSED <= status < 4:  # it is open in all other states
            self._pipes.discard(message.channel)
        return [PipeStatus(message.channel, status)]

    # -- records

    def _record(self, message: Message) -> Events:
        record = _readable(message.payload)
        if record.kind == RecordKind.LOST:
            lost = self._intake.lost_up_to(record.number)
            return self._again(record.number) if lost is None else [RecordsLost(*lost)]
        match self._intake.judge(record.number):
            case Judgement.NEW | Judgement.UNDER_WAY:
                return [_record_told(record)]
            case Judgement.GAP:
                return [self._nak(Reason.RECORD_GAP)]
            case Judgement.STORED:
                return [Reply(self._record_ack())]
            case Judgement.AHEAD:  # pragma: no branch -- these are all the judgements there are
                return []

    def _again(self, number: int) -> Events:
        """Answer a note of lost records that came before: the modem waits for its RECORD_ACK."""
        durable = self._intake.judge(number) is Judgement.STORED
        return [Reply(self._record_ack())] if durable else [RecordsLost(number, number)]

    def stored_up_to(self, number: int) -> bytes:
        """Say that all records up to ``number`` are durable; return what tells the modem so.

        Raises:
            LocalProtocolError: the link has not handed out that number.

        """
        self._need_session()
        return self._record_ack() if self._intake.stored_up_to(number) else b""

    def _record_ack(self) -> bytes:
        return self._peer.send(Kind.RECORD_ACK, messages.encode_number(self._intake.stored or 0))

    # -- settings and firmware

    def config_get(self, tags: tuple[int, ...] = ()) -> bytes:
        """Return the question for settings; for all of them when no tag is named."""
        self._need_session()
        return self._peer.send(Kind.CFG_GET, tlv.encode_tlv(dict.fromkeys(tags, b"")))

    def config_set(self, values: Mapping[int, bytes]) -> bytes:
        """Return the signed order to change settings."""
        self._need_session()
        return self._peer.send_signed(Kind.CFG_SET, tlv.encode_tlv(values))

    def offer_firmware(self, firmware: Firmware) -> bytes:
        """Return the signed offer; what the modem then pulls is answered by the link itself."""
        self._need_session()
        self._firmware, self._tenths = firmware, 0
        return self._peer.send_signed(Kind.FW_OFFER, encode_offer(firmware.offer))

    def _pull(self, message: Message) -> Events:
        offset, size = messages.decode_pull(message.payload)
        part = b"" if self._firmware is None else self._firmware.part(offset, size)
        if not part:
            return [self._nak(Reason.NOT_NOW)]
        sent = Reply(self._peer.send(Kind.FW_DATA, messages.encode_part(offset, part)))
        return [sent, *self._progress(offset)]

    def _progress(self, offset: int) -> Events:
        """Tell how far a modem is, each time that it has another tenth of the image."""
        firmware = self._firmware
        tenths = 0 if firmware is None else offset * 10 // firmware.offer.size
        if firmware is None or tenths <= self._tenths:
            return []
        self._tenths = tenths
        return [FirmwarePulled(firmware.offer.version, offset)]

    def goodbye(self) -> bytes:
        """Return what ends the session; close the connection then."""
        return self._peer.send(Kind.BYE)

    def _need_session(self) -> None:
        if self.state is not HeadEnd.OPEN:
            raise LocalProtocolError("state", f"there is no session: {self.state}")


def _readable(payload: bytes) -> messages.Record:
    """Return the record; one whose number alone can be read is kept raw.

    If it were refused, the modem would send it for ever, and nothing behind it.
    """
    try:
        return messages.decode_record(payload)
    except RemoteProtocolError:
        number = messages.decode_number(payload)
        return messages.Record(
            number=number, meter="", protocol=0, kind=RecordKind.UNREADABLE,
            utc_s=0, clock_quality=0, data=payload,
        )  # fmt: skip


def _record_told(record: messages.Record) -> RecordTold:
    return RecordTold(
        number=record.number,
        meter=record.meter,
        protocol=PROTOCOLS.get(record.protocol, f"protocol-{record.protocol}"),
        kind=record.kind,
        utc_s=record.utc_s,
        clock_quality=record.clock_quality,
        label=record.label,
        data=record.data,
    )


def _alarm(payload: bytes, *, greeted: Greeting | None) -> AlarmTold:
    """Return an alarm; one that names no meter is about the modem itself."""
    alarm = messages.decode_alarm(payload)
    itself = "" if greeted is None else greeted.told.modem_id
    return AlarmTold(
        source=alarm.meter or itself,
        code=ALARM_CODES.get(alarm.code, f"code-{alarm.code}"),
        utc_s=alarm.utc_s,
        clock_quality=alarm.clock_quality,
    )


def _config_result(values: dict[int, bytes]) -> ConfigApplied:
    status = tlv.number(values, Tag.STATUS)
    if status is None:
        raise RemoteProtocolError("config", "a result without status")
    return ConfigApplied(status, values.get(Tag.CONFIG_HASH))


def _firmware_status(values: dict[int, bytes]) -> FirmwareStatus:
    status = tlv.number(values, Tag.STATUS)
    if status is None:
        raise RemoteProtocolError("firmware", "a status without number")
    # In this message tag 1 is the version, and 8 the bytes that are here.
    offset = tlv.number(values, Tag.RECORD_NUMBER)
    return FirmwareStatus(status=status, version=tlv.text(values, Tag.ID), offset=offset)


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: the check of the head decides."""
    if first[:1] != bytes((MARK,)):
        return Verdict.NO
    if len(first) < HEAD.size:
        return Verdict.MORE
    return Verdict.YES if decode_head(first) else Verdict.NO


LINK: Final = LinkKind(name="hml1", order=12, sniff=sniff, make=Hml1Link, patience_s=3.0)
