"""A DLMS client: associates with a meter and reads, writes and calls, as dialogues.

The client has no clock, no socket and no memory of its own beyond the association. What must
survive, the invocation counters, is asked from the caller for each message; so is what must be
random, the challenge and the dedicated key.
"""

from collections.abc import Callable
from typing import Final, NoReturn

import msgspec

from protocols.dlms import acse, apdu_action, hls
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GLO_INITIATE_REQUEST, Ciphered, encode_ciphered
from protocols.dlms.association import Association, Signal, step
from protocols.dlms.axdr_encode import octets
from protocols.dlms.carrier import Carrier, Step
from protocols.dlms.cosem import ASSOCIATION_OBIS, CLASS_ASSOCIATION_LN, Attribute
from protocols.dlms.gbt_client import WINDOW
from protocols.dlms.hls import Side
from protocols.dlms.refusals import CounterTooLow, refusal
from protocols.dlms.requester import Requester
from protocols.dlms.security import Keys, check_gmac_token, gmac_token
from protocols.dlms.service_blocks import BLOCKS_MAX, VALUE_SIZE_MAX
from protocols.dlms.services import Dialogue, Services
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper import APDU_SIZE_MAX
from protocols.errors import MeterRefused, ProtocolError, RemoteProtocolError

__all__ = [
    "BLOCKS_MAX", "VALUE_SIZE_MAX", "ClientSettings", "CounterTooLow", "Dialogue", "DlmsClient",
]  # fmt: skip

ROOM_MIN: Final = 64
"""The standard lets no meter take shorter PDUs; one that says so does not mean it."""
HLS_REPLY: Final = Attribute(CLASS_ASSOCIATION_LN, ASSOCIATION_OBIS, 1)


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to associate with one meter."""

    auth: Mechanism = Mechanism.NONE
    password: bytes = b""
    """For HLS with a digest: the secret."""
    keys: Keys | None = None
    protected: bool = False
    """Whether services are protected though the proof is another than GMAC."""
    title: bytes = b"HES\x00\x00\x00\x00\x01"
    """Our system title."""
    meter_title: bytes | None = None
    """The meter's, when it is known before it says so itself."""
    max_pdu: int = APDU_SIZE_MAX
    """The longest APDU that we take."""
    lists: bool = True
    """Whether several attributes may be asked for in one request."""
    window: int = WINDOW
    """Blocks of a general block transfer that we take at a time; 0: none are agreed on."""
    timers: DlmsTimers = DlmsTimers()

    @property
    def ciphered(self) -> bool:
        """Whether services are protected."""
        return self.auth is Mechanism.GMAC or self.protected

    @property
    def high(self) -> bool:
        """Whether both prove in four passes that they know a secret."""
        return self.auth > Mechanism.LOW

    @property
    def conformance(self) -> bytes:
        """What we offer to do."""
        if self.window:
            return acse.CONFORMANCE_CLIENT
        offered = int.from_bytes(acse.CONFORMANCE_CLIENT) & ~acse.GENERAL_BLOCKS
        return offered.to_bytes(3)


class DlmsClient(Services):
    """One association with one meter. ``challenge`` and ``counter`` come from the world outside.

    ``dedicated_key`` gives a random key for one association alone; without it, or where nothing is
    protected, services are under the global key.
    """

    def __init__(
        self,
        carrier: Carrier,
        settings: ClientSettings,
        *,
        counter: Callable[[], int],
        challenge: Callable[[], bytes],
        dedicated_key: Callable[[], bytes] | None = None,
    ) -> None:
        super().__init__(
            Requester(carrier, title=settings.title, keys=settings.keys, counter=counter)
        )
        self.state = Association.CLOSED
        self.requester.ciphered = settings.ciphered
        self.requester.meter_title = settings.meter_title
        self._carrier = carrier
        self._settings = settings
        self._counter = counter
        self._challenge = challenge
        self._dedicated_key = dedicated_key
        self._fresh_key: bytes | None = None
        """Proposed to the meter; in use once it has proved its own."""

    def _signal(self, signal: Signal) -> None:
        self.state = step(self.state, signal)

    # -- association

    def associate(self) -> Step:
        """Open the link and the association.

        Raises:
            MeterSilent: no answer.
            MeterRefused: wrong password or key, the meter does not know this client, or it wants
                what we do not speak: short names, another mechanism.
            CounterTooLow: jump and try again.
            RemoteProtocolError: nonsense, or the meter does not prove its key.

        """
        settings = self._settings
        hls.check_spoken(settings.auth)
        yield from self._carrier.connect()
        self._signal(Signal.CONNECTED)
        challenge = self._challenge() if settings.high else b""
        request = acse.encode_aarq(self._aarq(challenge))
        self._signal(Signal.REQUESTED)
        answer = yield from self.requester.associate(request, settings.timers.associate_s)
        if not isinstance(answer, acse.Aare):
            self._signal(Signal.REFUSED)
            raise refusal(answer)
        self._take_aare(answer)
        if settings.high:
            theirs = Side(self.requester.meter_title or b"", answer.authentication_value or b"")
            yield from self._prove(Side(settings.title, challenge), theirs)

    def _initiate(self, dedicated_key: bytes | None = None) -> bytes:
        """Return the terms that we propose, protected if need be."""
        settings = self._settings
        initiate = acse.encode_initiate_request(acse.InitiateRequest(
            dedicated_key=dedicated_key, conformance=settings.conformance,
            max_pdu=settings.max_pdu,
        ))  # fmt: skip
        if not settings.ciphered:
            return initiate
        return encode_ciphered(GLO_INITIATE_REQUEST, self.requester.protect(initiate))

    def _aarq(self, challenge: bytes) -> acse.Aarq:
        settings = self._settings
        mechanism = None if settings.auth is Mechanism.NONE else settings.auth
        titled = settings.ciphered or settings.auth is Mechanism.SHA256
        return acse.Aarq(
            context=acse.CONTEXT_LN_CIPHERED if settings.ciphered else acse.CONTEXT_LN,
            system_title=settings.title if titled else None,
            mechanism=mechanism,
            authentication_value=challenge if settings.high else settings.password,
            user_information=self._initiate(self._key_of_this_association()),
        )

    def _key_of_this_association(self) -> bytes | None:
        self.requester.dedicated = b""
        self._fresh_key = None
        if self._dedicated_key is not None and self._settings.ciphered:
            self._fresh_key = self._dedicated_key()
        return self._fresh_key

    def _take_aare(self, aare: acse.Aare) -> None:
        self._check_accepted(aare)
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
        if terms.short_names:
            self._refuse("it names its objects by addresses, which is not supported")
        self._agree(terms)
        if self._settings.high:
            self._signal(Signal.CHALLENGED)
        else:
            self._associated(Signal.ACCEPTED)

    def _check_accepted(self, aare: acse.Aare) -> None:
        settings = self._settings
        if aare.context in acse.SHORT_NAMES:
            self._refuse("it names its objects by addresses, which is not supported")
        pending = aare.diagnostic == acse.Diagnostic.AUTHENTICATION_REQUIRED
        other = aare.mechanism not in {None, settings.auth}
        if aare.result or (pending and not settings.high):
            self._refuse(_why(aare) + (_wanted(aare.mechanism) if other else ""))
        if settings.high and other:
            self._refuse("another mechanism than ours" + _wanted(aare.mechanism))

    def _refuse(self, why: str) -> NoReturn:
        self._signal(Signal.REFUSED)
        raise MeterRefused(f"the meter refused the association ({why})")

    def _agree(self, terms: acse.InitiateResponse) -> None:
        lists = self._settings.lists
        self.agreed = terms if lists else terms.without(acse.MULTIPLE_REFERENCES)
        self.requester.room = max(terms.max_pdu, ROOM_MIN) if terms.max_pdu else 0
        self.requester.blocks = bool(self._settings.window) and self.allows(acse.GENERAL_BLOCKS)
        self.requester.window = max(1, self._settings.window)

    def _associated(self, signal: Signal) -> None:
        self._signal(signal)
        self.requester.dedicated = self._fresh_key or b""

    def _prove(self, ours: Side, theirs: Side) -> Step:
        """Exchange the answers to both challenges (reply_to_HLS_authentication)."""
        hls.check_challenge(ours, theirs)
        requester = self.requester
        request = apdu_action.ActionRequest(
            requester.next_invoke(), HLS_REPLY, octets(self._proof(ours, theirs))
        )
        requester.proving = True
        answer = yield from requester.service(apdu_action.encode_request(request))
        requester.proving = False
        if not isinstance(answer, apdu_action.ActionResponse):
            self._signal(Signal.REFUSED)
            raise refusal(answer)
        if answer.result or not isinstance(answer.value, bytes):
            self._signal(Signal.REFUSED)
            raise MeterRefused(f"the meter did not accept our key (action result {answer.result})")
        self._check_proof(answer.value, ours, theirs)
        self._associated(Signal.PROVEN)

    def _proof(self, ours: Side, theirs: Side) -> bytes:
        settings = self._settings
        if settings.auth is not Mechanism.GMAC:
            return hls.digest_proof(settings.auth, settings.password, ours, theirs)
        return gmac_token(
            theirs.challenge, title=ours.title, counter=self._counter(), keys=self.requester.keys()
        )

    def _check_proof(self, proof: bytes, ours: Side, theirs: Side) -> None:
        settings = self._settings
        if settings.auth is not Mechanism.GMAC:
            secret = settings.password
            hls.check_digest_proof(proof, settings.auth, secret, prover=theirs, asker=ours)
            return
        keys = self.requester.keys()
        counter = check_gmac_token(proof, ours.challenge, title=theirs.title, keys=keys)
        self.requester.proved(counter)

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
        information = self._initiate() if self._settings.ciphered else None
        request = acse.Release(response=False, reason=0, user_information=information)
        wait_s = self._settings.timers.release_s
        try:
            yield from self._carrier.ask(acse.encode_release(request), wait_s=wait_s)
        except ProtocolError:
            return False
        return True


def _why(aare: acse.Aare) -> str:
    known = {d.value: d.name.lower().replace("_", " ") for d in acse.Diagnostic}
    if aare.diagnostic_by_provider:
        known = {0: "null", 1: "no reason", 2: "no common ACSE version"}
    return known.get(aare.diagnostic, f"diagnostic {aare.diagnostic}")


def _wanted(mechanism: int | None) -> str:
    known = {m.value: m.name for m in Mechanism}
    return f"; it wants authentication mechanism {mechanism} ({known.get(mechanism or 0, '?')})"
