"""A simulated DLMS meter on a line: bytes in, bytes out, and pushes of its own."""

import contextlib
import random
from collections.abc import Callable
from datetime import datetime
from typing import Final

from hes.fleet.dlms_classes.managed import ManagedObjects
from hes.fleet.dlms_objects import UTC_OFFSET_MIN, SimulatedObjects
from hes.fleet.dlms_server import DlmsServer, MeterClock, MeterIdentity
from hes.fleet.hdlc_server import HdlcServer
from hes.fleet.model import Consumption
from protocols.dlms import apdu_push, axdr_encode as ax, hdlc
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GENERAL_GLO, encode_ciphered
from protocols.dlms.classes.security_setup import KeyId
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.llc import RESPONSE
from protocols.dlms.security import Keys, protect
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.errors import RemoteProtocolError

PUSH_CODES: Final = (
    "1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.1.7.0.255",
    "1.0.32.7.0.255", "1.0.52.7.0.255", "1.0.72.7.0.255",
)  # fmt: skip
PUSH_WPORT: Final = 103
CONFIRMATION: Final = bytes((apdu_push.DATA_NOTIFICATION_CONFIRM,))
LAST_GASP: Final = Attribute(1, bytes((128, 128, 128, 128, 128, 0)), 2)


def master_key(serial: str) -> bytes:
    """Return the key that wraps new keys of a simulated meter."""
    return serial.encode().rjust(16, b"K")[-16:]


class SimulatedDlmsMeter:
    """One meter, reachable over HDLC or the wrapper."""

    def __init__(  # noqa: PLR0913 -- who, where, and the world
        self,
        identity: MeterIdentity,
        *,
        framing: str,
        logical: int,
        physical: int | None,
        world: Callable[[], datetime],
        rng: random.Random,
        drift_s: float = 0.0,
        compress: bool = False,
    ) -> None:
        self.identity = identity
        self.framing = framing
        self.logical = logical
        self.physical = physical
        self.clock = MeterClock(world, drift_s)
        self.objects = SimulatedObjects(
            identity.serial, Consumption.of(identity.serial), compress=compress
        )
        self.server = DlmsServer(identity, self.objects, self.clock, lambda: rng.randbytes(16))
        self.managed = self.server.managed = ManagedObjects(
            load=self.objects.load, watch=self.clock, utc_offset_min=UTC_OFFSET_MIN,
            texts=self.objects.texts,
        )  # fmt: skip
        self.managed.secure(
            identity.title, secured=identity.keys is not None, master=master_key(identity.serial),
            rekey=self._rekey,
        )  # fmt: skip
        self.requests = 0
        """Requests that it answered."""
        self.confirmed: list[int] = []
        """Invoke ids of pushes that the head-end has confirmed; whoever reads it empties it."""
        self._hdlc = HdlcServer(logical, physical, self._answer, self.server.reset)
        self._wrapper = WrapperReader()
        self._invoke = 0

    def _rekey(self, keys: dict[KeyId, bytes]) -> None:
        """Count with other keys from the next association on."""
        held = self.server.identity.keys or Keys(b"")
        self.server.rekeyed = Keys(
            keys.get(KeyId.GLOBAL_UNICAST, held.encryption),
            keys.get(KeyId.AUTHENTICATION, held.authentication),
        )

    def reset(self) -> None:
        """Forget what was under way: the connection through which it is reached is a new one.

        An HDLC association lives on the serial line, which does not know of connections.
        """
        if self.framing == "wrapper":
            self._wrapper = WrapperReader()
            self.server.reset()

    def _answer(self, apdu: bytes, client: int) -> bytes | None:
        if apdu[:1] == CONFIRMATION:
            self._confirm(apdu)
            return None
        self.requests += 1
        return self.server.answer(apdu, client)

    def _confirm(self, apdu: bytes) -> None:
        with contextlib.suppress(RemoteProtocolError):  # a damaged one confirms nothing
            confirm: apdu_push.DataNotificationConfirm = decode_apdu(apdu)
            self.confirmed.append(confirm.long_invoke_id & apdu_push.INVOKE_ID)

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; return what the meter answers, if it is meant."""
        if self.framing == "hdlc":
            return self._hdlc.receive(data)
        self._wrapper.receive_data(data)
        out = b""
        try:
            while (wpdu := self._wrapper.next_wpdu()) is not None:
                if wpdu.destination != self.logical:
                    continue
                answer = self._answer(wpdu.apdu, wpdu.source)
                if answer is not None:
                    apdus = (answer, *self.server.more())
                    out += b"".join(encode_wpdu(self.logical, wpdu.source, a) for a in apdus)
        except RemoteProtocolError:
            self._wrapper = WrapperReader()
        return out

    # -- pushes

    def push(self, *, confirmed: bool) -> bytes:
        """Return the frame of a push of the meter's values now."""
        self._invoke = (self._invoke + 1) & apdu_push.INVOKE_ID
        invoke = self._invoke | (apdu_push.CONFIRMED if confirmed else 0)
        now = self.clock.now()
        time = encode_time(now, utc_offset_min=UTC_OFFSET_MIN)
        apdu = apdu_push.encode_data_notification(invoke, time, self._body(now, time))
        if self.identity.keys is not None:
            apdu = self._sealed(apdu)
        return self._framed(apdu)

    @property
    def invoke_id(self) -> int:
        """The id of the last push."""
        return self._invoke

    def _body(self, now: datetime, time: bytes) -> bytes:
        registers = self.objects.registers
        values = [
            ax.structure(
                ax.octets(obis_bytes(code)),
                registers[code][2](now),
                ax.structure(ax.i8(registers[code][0]), ax.enum(registers[code][1])),
            )
            for code in PUSH_CODES
        ]
        serial = ax.structure(
            ax.octets(obis_bytes("0.0.96.1.0.255")), ax.octets(self.identity.serial.encode())
        )
        clock = ax.structure(ax.octets(obis_bytes("0.0.1.0.0.255")), ax.octets(time))
        return ax.array(serial, clock, *values)

    def last_gasp(self) -> bytes:
        """Return the frame that says: my supply is gone."""
        time = encode_time(self.clock.now(), utc_offset_min=UTC_OFFSET_MIN)
        name = ax.octets(self.identity.serial.encode())
        return self._framed(apdu_push.encode_event_notification(time, LAST_GASP, name))

    def _sealed(self, apdu: bytes) -> bytes:
        keys = self.server.identity.keys
        if keys is None:
            return apdu
        self.server.counter += 1
        message = protect(
            apdu, title=self.identity.title, control=0x30, counter=self.server.counter,
            key=keys.encryption, ak=keys.authentication,
        )  # fmt: skip
        return encode_ciphered(GENERAL_GLO, message, self.identity.title)

    def _framed(self, apdu: bytes) -> bytes:
        if self.framing == "wrapper":
            return encode_wpdu(self.logical, PUSH_WPORT, apdu)
        size = 1 if self.physical is None else 2 if max(self.logical, self.physical) < 0x80 else 4
        source = hdlc.encode_address(self.logical, self.physical, size)
        return hdlc.encode_frame(
            hdlc.encode_address(PUSH_WPORT, None, 1), source, hdlc.UI, RESPONSE + apdu
        )
