"""Puts requests to a meter and finds the answer to each; late and repeated ones are passed over.

Over the wrapper nothing ties an answer to its question but the invoke id: a meter that answers
after we gave up, or a network that delivers twice, must not have its old value taken for a new one.
"""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

import msgspec

from protocols.dialogue import Exchange
from protocols.dlms import acse, apdu_access, apdu_action, apdu_get
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import (
    DED,
    GENERAL_CIPHERING,
    GENERAL_DED,
    GENERAL_GLO,
    GLO,
    Ciphered,
    encode_ciphered,
)
from protocols.dlms.apdu_errors import ConfirmedServiceError, ExceptionResponse
from protocols.dlms.apdu_push import DataNotification, EventNotification
from protocols.dlms.carrier import Answer, Carrier
from protocols.dlms.cosem import Refused
from protocols.dlms.gbt_client import WINDOW, Transfer, is_block
from protocols.dlms.gbt_transfer import HEAD_SIZE
from protocols.dlms.opened import decode_whole, open_ciphered
from protocols.dlms.security import AUTHENTICATED, ENCRYPTED, Keys, protect
from protocols.errors import LocalProtocolError, MeterSilent, RemoteProtocolError

T = TypeVar("T")
Dialogue = Generator[Exchange, bytes | None, T]

GUARDED: Final = AUTHENTICATED | ENCRYPTED
PRIORITY: Final = 0xC0
"""Confirmed, high priority; the lower four bits are the invoke id."""
INVOKE_IDS: Final = 16
STRAYS_MAX: Final = 32
"""APDUs that are passed over while one answer is waited for."""
AGAIN_S: Final = 3.0
"""For the right answer behind one that looks like the one before."""
PROTECTION_SIZE: Final = 32
"""Bytes that protection adds to an APDU, its sender's title among them; no less than that."""


class Requester:
    """Asks over one carrier. ``counter`` gives an invocation counter that was never used before."""

    def __init__(
        self, carrier: Carrier, *, title: bytes, keys: Keys | None, counter: Callable[[], int]
    ) -> None:
        self.ciphered = False
        """Whether services are protected in this association."""
        self.proving = False
        """Whether the meter's proof of its key is still to come; it may come in the open."""
        self.meter_title: bytes | None = None
        self.invoke_id = 0
        """Of the last request; whoever keeps it keeps answers of old conversations apart."""
        self.dedicated = b""
        """The key of this association alone; empty: services are under the global key."""
        self.room = 0
        """The longest APDU that the meter takes; 0: it did not say."""
        self.blocks = False
        """Whether an APDU that is longer may be sent by general block transfer."""
        self.window = WINDOW
        """Blocks of a general block transfer that we take at a time."""
        self.late = False
        """Whether answers to an earlier conversation may still come."""
        self._misnumbers = False
        """Whether the meter was seen to answer "no" under another invoke id than ours."""
        self._carrier = carrier
        self._title = title
        self._own_keys = keys
        self._counter = counter
        self._dedicated_counter = 0
        """The last one used with the dedicated key, which is new in each association."""
        self._meter_counters: dict[bool, int] = {}
        """The highest counter that the meter used in this association: by whether the key was the
        dedicated one, since each key has counters of its own."""

    # -- asking

    def next_invoke(self) -> int:
        """Return the invoke-id-and-priority for a new request."""
        self.invoke_id = (self.invoke_id + 1) % INVOKE_IDS
        return PRIORITY | self.invoke_id

    def associate(self, aarq: bytes, wait_s: float) -> Dialogue[Any]:
        """Ask for an association; return the AARE, or what came instead of it."""
        self._meter_counters = {}
        self._dedicated_counter = 0
        apdu = yield from self._carrier.ask(aarq, wait_s=wait_s)
        for _ in range(STRAYS_MAX):
            answer = decode_apdu(apdu)
            ours = isinstance(answer, acse.Aare | ExceptionResponse | ConfirmedServiceError)
            if ours or self._carrier.numbered:
                return answer
            apdu = yield from self._carrier.hear(wait_s=wait_s)
        raise _too_many()

    def service(self, request: bytes, *, block: int = 0) -> Dialogue[Any]:
        """Send one service request, protected if need be; return the decoded answer.

        ``block``: blocks with a lower number are answers to earlier requests.
        """
        send = self._sealed(request) if self.ciphered else request
        transfer = Transfer(self._carrier, window=self.window)
        apdu = yield from self._joined((yield from self._ask(send, transfer)), transfer)
        for _ in range(STRAYS_MAX):
            answer = self._opened(apdu)
            if answer is not None and self._answers(answer, request, block):
                return answer
            heard: bytes | None = b""
            if not self._is_misnumbered(answer):
                heard = yield from self._carrier.hear()
            elif not self._misnumbers and (answer.invoke + 1 ^ request[2]) & 0x0F == 0:
                heard = yield from self._heard()  # it may be the one before, delivered twice
            if not heard:
                self._misnumbers = True
                return answer
            apdu = yield from self._joined(heard, transfer)
        raise _too_many()

    def _is_misnumbered(self, answer: Any) -> bool:
        """Whether an answer under another invoke id may be to our question all the same.

        Seen: a refusal always has the same one. It holds no value that could be taken for another,
        and what was asked before in this association was answered.
        """
        refused = isinstance(answer, apdu_get.GetResponse) and isinstance(answer.result, Refused)
        return refused and not self.late

    def _heard(self) -> Dialogue[bytes | None]:
        """Return what comes soon; None: nothing."""
        try:
            return (yield from self._carrier.hear(wait_s=AGAIN_S))
        except MeterSilent:
            return None

    def _ask(self, send: bytes, transfer: Transfer) -> Answer:
        if self.blocks and self.room and len(send) > self.room:
            return (yield from transfer.ask(send, self.room - HEAD_SIZE))
        return (yield from self._carrier.ask(send))

    @staticmethod
    def _joined(apdu: bytes, transfer: Transfer) -> Answer:
        """Return an APDU whole: when it is the first of some blocks, fetch the others."""
        return (yield from transfer.finish(apdu)) if is_block(apdu) else apdu

    @property
    def request_room(self) -> int | None:
        """How many bytes a request may have before protection; None: as many as it likes."""
        if not self.room:
            return None
        return self.room - (PROTECTION_SIZE if self.ciphered else 0)

    def _opened(self, apdu: bytes) -> Any:
        """Return what an APDU holds; None when it is none of this conversation.

        Raises:
            MeterNonsense: it came whole, and is no APDU.

        """
        answer = decode_whole(apdu)
        if isinstance(answer, acse.Aare | acse.Release):
            return answer
        if not self.ciphered:
            return None if isinstance(answer, Ciphered) and self._may_stray else answer
        if not isinstance(answer, Ciphered):
            return self._in_the_open(answer)
        if answer.tag in {GENERAL_GLO, GENERAL_DED, GENERAL_CIPHERING} and self._may_stray:
            return self._general(answer)
        return self.open(answer)

    @property
    def _may_stray(self) -> bool:
        return not self._carrier.numbered

    def _general(self, ciphered: Ciphered) -> Any:
        """Open what may be an answer or a push, of this meter or another."""
        try:
            return self.open(ciphered)
        except RemoteProtocolError:
            return None

    def _answers(self, answer: Any, request: bytes, block: int) -> bool:
        """Whether ``answer`` is the one to ``request``."""
        if self._carrier.numbered:
            return True
        if isinstance(answer, apdu_access.AccessResponse):
            return request[:1] == b"\xd9" and answer.long_invoke_id & 0x0F == request[4] & 0x0F
        invoke = getattr(answer, "invoke", None)
        if invoke is None:
            return isinstance(answer, ExceptionResponse | ConfirmedServiceError)
        if (invoke & 0x0F) != (request[2] & 0x0F):
            return False
        # All blocks of a value have one invoke id: here their number tells them apart.
        number = getattr(answer, "block", None)
        if isinstance(answer, apdu_action.ActionBlock) and request[1] != apdu_action.NEXT:
            return True  # what is returned to blocks of ours has numbers of its own
        return number is None or number >= block or getattr(answer, "error", None) is not None

    # -- protection

    def keys(self) -> Keys:
        """Return the keys.

        Raises:
            LocalProtocolError: there are none.

        """
        if self._own_keys is None:
            raise LocalProtocolError("keys", "this association needs keys")
        if self.dedicated:
            return msgspec.structs.replace(self._own_keys, dedicated=self.dedicated)
        return self._own_keys

    def _sealed(self, request: bytes) -> bytes:
        """Return a request in its protected form: the service's own, or the general one."""
        dedicated = bool(self.dedicated) and not self.proving
        message = self._under_dedicated(request) if dedicated else self.protect(request)
        forms = DED if dedicated else GLO
        if request[0] in forms:
            return encode_ciphered(forms[request[0]], message)
        return encode_ciphered(GENERAL_DED if dedicated else GENERAL_GLO, message, self._title)

    def _under_dedicated(self, plain: bytes) -> bytes:
        keys = self.keys()
        self._dedicated_counter += 1
        return protect(
            plain, title=self._title, control=GUARDED | keys.suite,
            counter=self._dedicated_counter, key=self.dedicated, ak=keys.authentication,
        )  # fmt: skip

    def protect(self, plain: bytes) -> bytes:
        """Return ``plain`` protected under the global key; uses one invocation counter."""
        keys = self.keys()
        return protect(
            plain, title=self._title, control=GUARDED | keys.suite, counter=self._counter(),
            key=keys.encryption, ak=keys.authentication,
        )  # fmt: skip

    def open(self, ciphered: Ciphered) -> Any:
        """Take the protection off; the counter counts only once the tag was right.

        None: the same message once more, over a carrier that may deliver twice.

        Raises:
            RemoteProtocolError: wrong tag, no tag, or a counter that was used before.

        """
        if not ciphered.header.control & AUTHENTICATED:
            raise RemoteProtocolError("security", "the meter's answer is not authenticated")
        opened = open_ciphered(ciphered, self.keys(), self.meter_title)
        if isinstance(opened.plain, DataNotification | EventNotification):
            return None  # a push: it has counters of its own, and a reader of its own
        before = self._meter_counters.get(ciphered.dedicated, -1)
        if opened.counter <= before:
            if self._may_stray:
                return None
            raise RemoteProtocolError(
                "counter", f"the meter used counter {opened.counter} after {before}"
            )
        self._meter_counters[ciphered.dedicated] = opened.counter
        return opened.plain

    def proved(self, counter: int) -> None:
        """Take note of the counter in the meter's proof, which is fresh: it answers our challenge.

        What was recorded in an earlier association has a lower one.
        """
        self._meter_counters[False] = max(counter, self._meter_counters.get(False, -1))

    def _in_the_open(self, answer: Any) -> Any:
        """Judge an answer without protection in an association that asks for it."""
        if isinstance(answer, ExceptionResponse | ConfirmedServiceError):
            return answer
        if self.proving and isinstance(answer, apdu_action.ActionResponse):
            return answer  # the proof itself protects this one
        if self._may_stray and isinstance(answer, DataNotification | EventNotification):
            return None
        raise RemoteProtocolError("security", "the meter's answer is not ciphered")


def _too_many() -> RemoteProtocolError:
    return RemoteProtocolError("answer", f"{STRAYS_MAX} messages and no answer among them")
