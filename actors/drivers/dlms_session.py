"""Conversations with one DLMS meter, each in an association of its own, and what they leave behind.

Kept between them: the address that the meter answered to, counters and invoke ids, whether it is
still in an association that we left, and whether it answers when it is let go.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from actors.drivers.base import CounterJump, DriverWorld
from hes.devices import MODE_E, Device
from hes.key_change import KeysOutcome, changed, in_doubt, kept
from protocols.dialogue import Dialogue
from protocols.dlms.acse import Mechanism
from protocols.dlms.association import Association
from protocols.dlms.classes.security_setup import KeyId
from protocols.dlms.client import ClientSettings, CounterTooLow, DlmsClient
from protocols.dlms.hdlc_link import LINK_DROPPED, HdlcAddress, HdlcLink
from protocols.dlms.operations.keys import transfer_keys
from protocols.dlms.options import DlmsOptions
from protocols.dlms.reader import read_counter
from protocols.dlms.security import Keys
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper_link import WrapperLink
from protocols.errors import MeterRefused, ProtocolError, RemoteProtocolError
from protocols.iec62056_21.mode_e import ModeELink
from protocols.iec62056_21.options import Iec62056Options, Iec62056Timers
from protocols.iec62056_21.session import Session

T = TypeVar("T")
Link = HdlcLink | WrapperLink | ModeELink

AUTHS: Final = {
    "none": Mechanism.NONE, "low": Mechanism.LOW, "gmac": Mechanism.GMAC, "md5": Mechanism.MD5,
    "sha1": Mechanism.SHA1, "sha256": Mechanism.SHA256,
}  # fmt: skip
PUBLIC_CLIENT: Final = 16
"""Who may read the invocation counter without any proof."""
MANAGEMENT: Final = 1
"""The logical device that every physical one has, which knows of the others."""
PUBLIC_WAIT_S: Final = 10.0
"""For the answer to the public client, which not every meter lets in."""


def is_ciphered(device: Device) -> bool:
    """Whether conversations with a meter are protected, and so use invocation counters.

    With a password alone the keys are those of the meter's own messages; with high security they
    are for everything.
    """
    return device.has_keys and AUTHS[device.auth] > Mechanism.LOW


class DlmsSessions:
    """Opens, uses and closes associations with one meter."""

    def __init__(
        self, device: Device, world: DriverWorld, options: DlmsOptions, timers: DlmsTimers
    ) -> None:
        self._device = device
        self._world = world
        self._options = options
        self._timers = timers
        self._sign_on = Session(device.sign_on, "", Iec62056Options(), Iec62056Timers())
        """What comes before HDLC with meters of mode E."""
        self._address_size: int | None = options.address_size or None
        self._proven = False
        """Whether the meter took our keys and counters once."""
        self._answers_release = options.answers_release
        self._hanging = False
        """Whether the meter may still be in an association that we left without a word."""
        self._counter = 0
        """The last invocation counter that was used."""
        self._invoke_id = 0

    def read(self, work: Callable[[DlmsClient], Dialogue[T]]) -> Dialogue[T]:
        """Read something; once more from the start when the meter drops the link meanwhile."""
        try:
            return (yield from self.once(work))
        except RemoteProtocolError as dropped:
            if dropped.category != LINK_DROPPED:
                raise
        return (yield from self.once(work))

    def once(self, work: Callable[[DlmsClient], Dialogue[T]]) -> Dialogue[T]:
        """Do something in an association; when the link drops, nobody knows how far it came.

        Raises:
            CounterJump: the meter wants higher invocation counters.
            ProtocolError: as ``DlmsClient``.

        """
        if in_doubt(self._device):
            yield from self._find_keys()
        link = self._link(self._device.client_sap)
        client = self._client(link)
        client.requester.late = self._hanging
        if self._hanging and self._answers_release and not link.numbered:
            self._answers_release = yield from client.let_go()
        try:
            yield from self._associate(client)
            result = yield from work(client)
        except CounterTooLow as low:
            yield from self._release(client)
            raise CounterJump(low.wanted) from None
        except MeterRefused:
            yield from self._release(client)
            raise
        finally:
            self._invoke_id = client.requester.invoke_id
            hdlc = link.inner if isinstance(link, ModeELink) else link
            if isinstance(hdlc, HdlcLink):
                self._address_size = hdlc.address_size
        yield from self._release(client)
        return result

    def change_keys(self, keys: dict[KeyId, bytes]) -> Dialogue[None]:
        """Give the meter other keys, and tell at each step what is known of them.

        Raises:
            CounterJump: the meter wants higher invocation counters; it has not taken them.
            MeterRefused: it does not take them.
            ProtocolError: as ``DlmsClient``; whether it has taken them was told before.

        """
        told, master = self._world.keys_told, self._device.master_key

        def work(client: DlmsClient) -> Dialogue[None]:
            try:
                yield from transfer_keys(
                    client, keys, master, sending=lambda: told(KeysOutcome.SENT)
                )
            except MeterRefused:
                told(KeysOutcome.REFUSED)
                raise
            told(KeysOutcome.TAKEN)  # whatever it says to the end of the association

        yield from self.once(work)

    def _find_keys(self) -> Dialogue[None]:
        """Find out which keys the meter has: it may have taken new ones and not been heard.

        Raises:
            CounterJump: the meter wants higher invocation counters.
            ProtocolError: it is not reached, or takes neither.

        """
        unknown = self._device
        try:
            self._device = changed(unknown)
            if (yield from self._takes_keys()):
                self._world.keys_told(KeysOutcome.NEW_PROVED)
                return
            self._device = kept(unknown)
            yield from self._only_associate()
        except BaseException:
            self._device = unknown
            raise
        self._world.keys_told(KeysOutcome.OLD_PROVED)

    def _takes_keys(self) -> Dialogue[bool]:
        """Whether an association is possible; what is no answer to it shows nothing."""
        try:
            yield from self._only_associate()
        except CounterJump:
            raise
        except ProtocolError:
            if not self._hanging:  # not even the link was opened
                raise
            return False
        return True

    def _only_associate(self) -> Dialogue[None]:
        """Open an association and close it again.

        Raises:
            CounterJump: the meter wants higher invocation counters.
            ProtocolError: as ``DlmsClient``.

        """
        client = self._client(self._link(self._device.client_sap))
        try:
            yield from client.associate()
        except CounterTooLow as low:
            yield from self._release(client)
            raise CounterJump(low.wanted) from None
        except ProtocolError:
            self._hanging = client.state is not Association.CLOSED
            yield from client.release()
            raise
        yield from self._release(client)

    def _associate(self, client: DlmsClient) -> Dialogue[None]:
        """Open the association; where that fails for the first time, look at the counter.

        Not every meter says that it wants a higher one: some refuse, some are silent.
        """
        self._hanging = True
        try:
            yield from client.associate()
        except CounterTooLow:
            raise
        except ProtocolError:
            unheard = client.state is Association.CLOSED
            if not is_ciphered(self._device) or self._proven or unheard:
                raise
            yield from client.release()
            taken = yield from self._counter_taken()
            # Some tell the counter that they took last, some the one that they would take next.
            if taken is None or taken <= self._counter + 1:  # ours was taken: it was not that
                raise
            raise CounterJump(taken + 1) from None
        self._proven = True

    def _counter_taken(self) -> Dialogue[int | None]:
        """Return the counter that the meter took last, as it tells the public client."""
        try:
            return (yield from self._as_public(read_counter, self._device.server_sap))
        except ProtocolError:
            return None

    def ask_management(self, work: Callable[[DlmsClient], Dialogue[T]]) -> Dialogue[T]:
        """Ask the management logical device, as one who needs no secret.

        Raises:
            ProtocolError: as ``DlmsClient``.

        """
        return (yield from self._as_public(work, MANAGEMENT))

    def _as_public(self, work: Callable[[DlmsClient], Dialogue[T]], logical: int) -> Dialogue[T]:
        timers = msgspec.structs.replace(
            self._timers, associate_s=PUBLIC_WAIT_S, answer_s=PUBLIC_WAIT_S
        )
        client = DlmsClient(
            self._link(PUBLIC_CLIENT, logical), ClientSettings(timers=timers),
            counter=self._world.counter, challenge=bytes,
        )  # fmt: skip
        yield from client.associate()
        result = yield from work(client)
        yield from client.release()
        return result

    def _release(self, client: DlmsClient) -> Dialogue[None]:
        heard = yield from client.release(tell=self._answers_release)
        self._answers_release = self._answers_release and heard
        self._hanging = False

    def _client(self, link: Link) -> DlmsClient:
        device = self._device
        keys = None
        if device.has_keys:
            suite = self._options.suite
            keys = Keys(device.encryption_key, device.authentication_key, short_suite=suite)
        settings = ClientSettings(
            auth=AUTHS[device.auth],
            password=device.password.encode(),
            keys=keys,
            meter_title=device.system_title or None,
            timers=self._timers,
            max_pdu=self._options.max_pdu,
            lists=self._options.lists,
            window=self._options.window,
            protected=is_ciphered(device),
        )
        client = DlmsClient(
            link,
            settings,
            counter=self._next_counter,
            challenge=lambda: self._world.random_bytes(16),
            dedicated_key=self._dedicated_key if self._options.dedicated_key else None,
        )
        client.requester.invoke_id = self._invoke_id
        return client

    def _dedicated_key(self) -> bytes:
        return self._world.random_bytes(len(self._device.encryption_key))

    def _next_counter(self) -> int:
        self._counter = self._world.counter()
        return self._counter

    def _link(self, client_sap: int, logical: int | None = None) -> Link:
        device = self._device
        logical = device.server_sap if logical is None else logical
        if device.framing == "wrapper":
            return WrapperLink(client_sap, logical, self._timers)
        address = HdlcAddress(client=client_sap, logical=logical, physical=device.physical)
        hdlc = HdlcLink(
            address, self._timers, size=self._address_size, information=self._options.information
        )
        return ModeELink(self._sign_on, hdlc) if device.framing == MODE_E else hdlc
