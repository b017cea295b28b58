"""A DLMS client: associates with a meter and reads, writes and calls, as dialogues.

The client has no clock, no socket and no memory of its own beyond the association. What must
survive, the invocation counters, is asked from the caller for each message.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from protocols.dialogue import Exchange
from protocols.dlms import acse, apdu_action, apdu_get, apdu_set
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GLO_INITIATE_REQUEST, Ciphered, encode_ciphered
from protocols.dlms.association import Association, Signal, step
from protocols.dlms.axdr import decode_all
from protocols.dlms.axdr_encode import octets
from protocols.dlms.carrier import Carrier, Step
from protocols.dlms.cosem import ASSOCIATION_OBIS, Attribute, Refused, Result, Selection
from protocols.dlms.requester import PRIORITY, CounterTooLow, Requester, refusal
from protocols.dlms.rows import decode_rows
from protocols.dlms.security import Keys, check_gmac_token, gmac_token
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper import APDU_SIZE_MAX
from protocols.errors import MeterRefused, ProtocolError, RemoteProtocolError

__all__ = ["ClientSettings", "CounterTooLow", "Dialogue", "DlmsClient"]

T = TypeVar("T")
Dialogue = Generator[Exchange, bytes | None, T]

VALUE_SIZE_MAX: Final = 1024 * 1024
"""A value in blocks may not be longer: 60 days of a wide profile have 150 KB."""
BLOCKS_MAX: Final = 16_384
"""Nor may it have more of them: of 64 bytes they make that size."""


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to associate with one meter."""

    auth: Mechanism = Mechanism.NONE
    password: bytes = b""
    keys: Keys | None = None
    title: bytes = b"HES\x00\x00\x00\x00\x01"
    """Our system title."""
    meter_title: bytes | None = None
    """The meter's, when it is known before it says so itself."""
    max_pdu: int = APDU_SIZE_MAX
    """The longest APDU that we take."""
    timers: DlmsTimers = DlmsTimers()

    @property
    def ciphered(self) -> bool:
        """Whether services are protected."""
        return self.auth is Mechanism.GMAC


class DlmsClient:
    """One association with one meter. ``challenge`` and ``counter`` come from the world outside."""

    def __init__(
        self,
        carrier: Carrier,
        settings: ClientSettings,
        *,
        counter: Callable[[], int],
        challenge: Callable[[], bytes],
    ) -> None:
        self.state = Association.CLOSED
        self.agreed: acse.InitiateResponse | None = None
        self.requester = Requester(
            carrier, title=settings.title, keys=settings.keys, counter=counter
        )
        self.requester.ciphered = settings.ciphered
        self.requester.meter_title = settings.meter_title
        self._carrier = carrier
        self._settings = settings
        self._counter = counter
        self._challenge = challenge

    def _signal(self, signal: Signal) -> None:
        self.state = step(self.state, signal)

    # -- association

    def associate(self) -> Step:
        """Open the link and the association.

        Raises:
            MeterSilent: no answer.
            MeterRefused: wrong password or key, or the meter does not know this client.
            CounterTooLow: jump and try again.
            RemoteProtocolError: nonsense, or the meter does not prove its key.

        """
        yield from self._carrier.connect()
        self._signal(Signal.CONNECTED)
        challenge = self._challenge() if self._settings.auth > Mechanism.LOW else b""
        request = acse.encode_aarq(self._aarq(challenge))
        self._signal(Signal.REQUESTED)
        wait_s = self._settings.timers.associate_s
        answer = yield from self.requester.associate(request, wait_s)
        if not isinstance(answer, acse.Aare):
            self._signal(Signal.REFUSED)
            raise refusal(answer)
        self._take_aare(answer)
        if self._settings.auth > Mechanism.LOW:
            yield from self._prove(challenge, answer.authentication_value or b"")

    def _aarq(self, challenge: bytes) -> acse.Aarq:
        settings = self._settings
        initiate = acse.encode_initiate_request(acse.InitiateRequest(max_pdu=settings.max_pdu))
        if not settings.ciphered:
            low = settings.auth is Mechanism.LOW
            return acse.Aarq(
                mechanism=Mechanism.LOW if low else None,
                authentication_value=settings.password if low else None,
                user_information=initiate,
            )
        message = self.requester.protect(initiate)
        return acse.Aarq(
            context=acse.CONTEXT_LN_CIPHERED,
            system_title=settings.title,
            mechanism=settings.auth,
            authentication_value=challenge,
            user_information=encode_ciphered(GLO_INITIATE_REQUEST, message),
        )

    def _take_aare(self, aare: acse.Aare) -> None:
        pending = aare.diagnostic == acse.Diagnostic.AUTHENTICATION_REQUIRED
        if aare.result or (pending and self._settings.auth <= Mechanism.LOW):
            self._signal(Signal.REFUSED)
            raise MeterRefused(f"the meter refused the association ({_why(aare)})")
        if aare.system_title:
            self.requester.meter_title = aare.system_title
        if aare.user_information is None:
            raise RemoteProtocolError("acse", "an accepted association without its terms")
        terms = decode_apdu(aare.user_information)
        if isinstance(terms, Ciphered):
            terms = self.requester.open(terms)
        if not isinstance(terms, acse.InitiateResponse):
            self._signal(Signal.REFUSED)
            raise refusal(terms)
        self.agreed = terms
        high = self._settings.auth > Mechanism.LOW
        self._signal(Signal.CHALLENGED if high else Signal.ACCEPTED)

    def _prove(self, ours: bytes, theirs: bytes) -> Step:
        """Exchange the answers to both challenges (reply_to_HLS_authentication)."""
        requester, title = self.requester, self._settings.title
        keys = requester.keys()
        if not 8 <= len(theirs) <= 64:
            raise RemoteProtocolError("acse", f"a challenge of {len(theirs)} bytes")
        if theirs == ours or requester.meter_title == title:
            # Whoever holds no key could send our own answer back to us.
            raise RemoteProtocolError("acse", "the meter sends our own challenge or title back")
        token = gmac_token(theirs, title=title, counter=self._counter(), keys=keys)
        method = Attribute(15, ASSOCIATION_OBIS, 1)
        request = apdu_action.ActionRequest(requester.next_invoke(), method, octets(token))
        requester.proving = True
        answer = yield from requester.service(apdu_action.encode_request(request))
        requester.proving = False
        if not isinstance(answer, apdu_action.ActionResponse):
            self._signal(Signal.REFUSED)
            raise refusal(answer)
        if answer.result or not isinstance(answer.value, bytes):
            self._signal(Signal.REFUSED)
            raise MeterRefused(f"the meter did not accept our key (action result {answer.result})")
        meter = requester.meter_title or b""
        check_gmac_token(answer.value, ours, title=meter, keys=keys)
        self._signal(Signal.PROVEN)

    def release(self, *, tell: bool = True) -> Dialogue[bool]:
        """End the association and the link; return whether the meter followed.

        What it says to it does not matter. Where the link below closes, the association ends with
        it; the wrapper has nothing to close, and a meter may refuse the next one until it is told.
        """
        heard = True
        if self.state is Association.ASSOCIATED:
            self._signal(Signal.RELEASED)
            if tell and not self._carrier.numbered:
                heard = yield from self.let_go()
        yield from self._carrier.disconnect()
        self._signal(Signal.DISCONNECTED)
        return heard

    def let_go(self) -> Dialogue[bool]:
        """Ask the meter to end whatever association it has; return whether it answered."""
        information = None
        if self._settings.ciphered:
            initiate = acse.encode_initiate_request(
                acse.InitiateRequest(max_pdu=self._settings.max_pdu)
            )
            message = self.requester.protect(initiate)
            information = encode_ciphered(GLO_INITIATE_REQUEST, message)
        request = acse.Release(response=False, reason=0, user_information=information)
        wait_s = self._settings.timers.release_s
        try:
            yield from self._carrier.ask(acse.encode_release(request), wait_s=wait_s)
        except ProtocolError:
            return False
        return True

    # -- services

    def get(self, attribute: Attribute, selection: Selection | None = None) -> Dialogue[Result]:
        """Read one attribute; a refusal is a result."""
        request = apdu_get.encode_request(
            apdu_get.GetRequest(self.requester.next_invoke(), attribute, selection)
        )
        answer = yield from self.requester.service(request)
        if isinstance(answer, apdu_get.GetResponse):
            return answer.result
        if isinstance(answer, apdu_get.GetBlock):
            whole = yield from self._blocks(answer)
            return whole if isinstance(whole, Refused) else _joined(whole)
        raise refusal(answer)

    def _blocks(self, block: apdu_get.GetBlock) -> Dialogue[bytes | Refused]:
        """Collect the further blocks of a long value."""
        joined: list[bytes] = []
        size, expected = 0, 1
        while True:
            if block.error is not None:
                return Refused(block.error)
            if block.block != expected:
                raise RemoteProtocolError("block", f"block {block.block}, expected {expected}")
            joined.append(block.raw)
            size += len(block.raw)
            if size > VALUE_SIZE_MAX or expected > BLOCKS_MAX:
                raise RemoteProtocolError("size", f"a value of more than {VALUE_SIZE_MAX} bytes")
            if block.last:
                return b"".join(joined)
            invoke = PRIORITY | block.invoke & 0x0F  # all blocks belong to one request
            request = apdu_get.encode_request(apdu_get.GetNext(invoke, block.block))
            answer = yield from self.requester.service(request)
            if not isinstance(answer, apdu_get.GetBlock):
                raise refusal(answer)
            block, expected = answer, expected + 1

    def get_list(self, attributes: Sequence[Attribute]) -> Dialogue[list[Result]]:
        """Read several attributes: in one request where the meter can, else one by one."""
        several = self.agreed is not None and self.agreed.allows(acse.MULTIPLE_REFERENCES)
        results: list[Result] = []
        for chunk in self._chunks(attributes) if several and len(attributes) > 1 else ():
            got = yield from self._get_chunk(chunk)
            if got is None:
                break
            results += got
        for attribute in attributes[len(results) :]:
            results.append((yield from self.get(attribute)))
        return results

    def _chunks(self, attributes: Sequence[Attribute]) -> list[Sequence[Attribute]]:
        """Cut a list so that the request, and surely short answers to it, fit the meter's PDU."""
        room = (self.agreed.max_pdu if self.agreed else 128) or 1024
        most = max(1, min(20, (min(room, 2048) - 40) // 16))
        return [attributes[at : at + most] for at in range(0, len(attributes), most)]

    def _get_chunk(self, chunk: Sequence[Attribute]) -> Dialogue[list[Result] | None]:
        """Read a list in one request; None when the meter does not do that."""
        wanted = tuple((attribute, None) for attribute in chunk)
        request = apdu_get.encode_request(apdu_get.GetList(self.requester.next_invoke(), wanted))
        answer = yield from self.requester.service(request)
        if isinstance(answer, apdu_get.GetBlock):
            joined = yield from self._blocks(answer)
            answer = None if isinstance(joined, Refused) else _list_from_blocks(joined)
        if isinstance(answer, apdu_get.GetListResponse) and len(answer.results) == len(chunk):
            return list(answer.results)
        return None

    def set(self, attribute: Attribute, value: bytes) -> Dialogue[int]:
        """Write one attribute (``value`` comes encoded); return 0 or the meter's reason."""
        request = apdu_set.SetRequest(self.requester.next_invoke(), attribute, None, value)
        answer = yield from self.requester.service(apdu_set.encode_request(request))
        if isinstance(answer, apdu_set.SetResponse):
            return answer.result
        raise refusal(answer)

    def action(self, method: Attribute, parameter: bytes | None = None) -> Dialogue[int]:
        """Call a method (``parameter`` comes encoded); return 0 or the meter's reason."""
        request = apdu_action.ActionRequest(self.requester.next_invoke(), method, parameter)
        answer = yield from self.requester.service(apdu_action.encode_request(request))
        if isinstance(answer, apdu_action.ActionResponse):
            return answer.result
        raise refusal(answer)


def _joined(raw: bytes) -> Result:
    if raw[:1] != b"\x01":
        return decode_all(raw)
    rows, end = decode_rows(raw)
    if end != len(raw):
        raise RemoteProtocolError("trailing", f"{len(raw) - end} bytes after the value")
    return rows


def _list_from_blocks(joined: bytes) -> Any:
    """Decode the results of a long answer to a list: count, then results."""
    return decode_apdu(bytes((apdu_get.RESPONSE, apdu_get.WITH_LIST, 0)) + joined)


def _why(aare: acse.Aare) -> str:
    known = {d.value: d.name.lower().replace("_", " ") for d in acse.Diagnostic}
    return known.get(aare.diagnostic, f"diagnostic {aare.diagnostic}")
