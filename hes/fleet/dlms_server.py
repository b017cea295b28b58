"""The application layer of a simulated meter: associations, services, protection, blocks."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from hes.fleet.dlms_association import MeterAssociation
from hes.fleet.dlms_blocks import MeterBlocks
from hes.fleet.dlms_classes.managed import ManagedObjects
from hes.fleet.dlms_lists import of_itself
from hes.fleet.dlms_objects import DENIED, SimulatedObjects
from hes.fleet.dlms_services import NOT_POSSIBLE, MeterObjects, MeterServices
from protocols.dlms import acse, apdu_action, apdu_errors, axdr_encode as ax, cosem
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import (
    DED,
    GENERAL_DED,
    GENERAL_GLO,
    GLO,
    GLO_INITIATE_RESPONSE,
    Ciphered,
    encode_ciphered,
)
from protocols.dlms.cosem import Attribute, DataAccessError, Refused
from protocols.dlms.gbt import Block
from protocols.dlms.hls import Side, check_digest_proof, digest_proof
from protocols.dlms.object_list import CLASS_SAP
from protocols.dlms.opened import open_ciphered
from protocols.dlms.security import Keys, check_gmac_token, gmac_token, protect
from protocols.errors import ProtocolError, RemoteProtocolError

PUBLIC_CLIENT: Final = 16
PUBLIC_CLASSES: Final = frozenset({1, CLASS_SAP})
"""What it tells to a client without any proof: names, and the list of logical devices."""
CONFORMANCE: Final = bytes.fromhex("00fe1f")
NOT_ASSOCIATED: Final = apdu_errors.encode_exception(apdu_errors.ExceptionResponse(1, 1))


class MeterIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a simulated meter is and how it guards itself."""

    serial: str
    title: bytes = b""
    auth: Mechanism = Mechanism.NONE
    password: bytes = b""
    """For HLS with a digest: the secret."""
    keys: Keys | None = None
    max_pdu: int = 1024
    conformance: bytes = CONFORMANCE
    """What it can do."""
    window: int = 4
    """Blocks of a general block transfer that it takes at a time."""
    logical: int = 1
    """Its own address, as it stands in its SAP assignment."""


class MeterClock:
    """The meter's own clock: the world's, plus its drift."""

    def __init__(self, world: Callable[[], datetime], drift_s: float = 0.0) -> None:
        self._world = world
        self.drift_s = drift_s

    def now(self) -> datetime:
        """Return the time as the meter has it."""
        return self._world() + timedelta(seconds=self.drift_s)

    def set(self, instant: datetime) -> None:
        """Set the clock."""
        self.drift_s = (instant - self._world()).total_seconds()


class DlmsServer:
    """Answers APDUs. One association at a time, as in most meters."""

    def __init__(
        self,
        identity: MeterIdentity,
        objects: SimulatedObjects,
        clock: MeterClock,
        challenge: Callable[[], bytes],
    ) -> None:
        self.identity = identity
        self.objects = objects
        self.clock = clock
        self.counter = 1
        """Our invocation counter."""
        self.client_counter = 0
        """The least counter that the client may use next."""
        self.managed: ManagedObjects | None = None
        """What can be set and switched, beside what can be read."""
        self.rekeyed: Keys | None = None
        """Keys that count from the next association on."""
        self.returned: dict[Attribute, bytes] = {}
        """What methods return beside their result, encoded."""
        self._challenge = challenge
        self._session: MeterAssociation | None = None
        self._services = self._new_services()
        self._blocks = MeterBlocks(identity.window)
        self._more: list[bytes] = []

    def _new_services(self) -> MeterServices:
        # Looked up when they are used, so that a test may put another in their place.
        objects = MeterObjects(
            read=lambda attribute, selection: self._read(attribute, selection),  # noqa: PLW0108
            write=lambda attribute, value: self._write(attribute, value),  # noqa: PLW0108
            call=lambda method, parameter: self._call(method, parameter),  # noqa: PLW0108
            returned=self.returned.get,
        )
        return MeterServices(objects, self._room)

    def more(self) -> list[bytes]:
        """Return what is sent behind the last answer, and forget it."""
        more, self._more = self._more, []
        return more

    def reset(self) -> None:
        """End the association: the link below was closed."""
        self._session = None

    def answer(self, apdu: bytes, client: int) -> bytes | None:
        """Return the answer to a request of a client; None when there is none.

        Blocks that follow the first without being asked for are left to ``more``.
        """
        try:
            request = decode_apdu(apdu)
            if isinstance(request, Block):
                return self._first_of(self._block(request, client))
            self._blocks.begin()
            return self._first_of(self._in_blocks(self._answer(request, client)))
        except ProtocolError:
            return NOT_POSSIBLE

    def _first_of(self, apdus: list[bytes]) -> bytes | None:
        self._more = apdus[1:]
        return apdus[0] if apdus else None

    def _answer(self, request: Any, client: int) -> bytes:
        if isinstance(request, acse.Aarq):
            return self._associate(request, client)
        if isinstance(request, acse.Release):
            self._session = None
            return acse.encode_release(acse.Release(response=True, reason=0))
        if self._session is None or self._session.client != client:
            return NOT_ASSOCIATED
        return self._guarded(request, self._session)

    def _block(self, block: Block, client: int) -> list[bytes]:
        session = self._session
        if session is None or session.client != client or not session.allows(acse.GENERAL_BLOCKS):
            return [NOT_POSSIBLE]
        whole, send = self._blocks.take(block)
        if whole is None:
            return send
        answer = self._guarded(decode_apdu(whole), session)
        return self._blocks.answer(answer, session.max_pdu)

    def _in_blocks(self, answer: bytes) -> list[bytes]:
        """Return an answer as it is, or the first of its blocks when it is longer than the PDU."""
        session = self._session
        if session is None or not session.open or len(answer) <= session.max_pdu:
            return [answer]
        if not session.allows(acse.GENERAL_BLOCKS):
            return [answer]
        return self._blocks.answer(answer, session.max_pdu)

    # -- associations

    def _associate(self, request: acse.Aarq, client: int) -> bytes:
        self._session = session = MeterAssociation(client)
        if self.rekeyed is not None:
            self.identity = msgspec.structs.replace(self.identity, keys=self.rekeyed)
            self.rekeyed = None
        mechanism = Mechanism(request.mechanism or 0)
        wanted = Mechanism.NONE if client == PUBLIC_CLIENT else self.identity.auth
        if mechanism is not wanted:
            return self._refuse(acse.Diagnostic.MECHANISM_REQUIRED)
        if wanted is Mechanism.LOW and request.authentication_value != self.identity.password:
            return self._refuse(acse.Diagnostic.AUTHENTICATION_FAILURE)
        information = decode_apdu(request.user_information or b"")
        session.mechanism = mechanism
        if wanted > Mechanism.LOW:
            return self._challenge_client(request, information, session)
        if not isinstance(information, acse.InitiateRequest):
            return self._refuse(acse.Diagnostic.NO_REASON)
        session.open = True
        return acse.encode_aare(acse.Aare(user_information=self._terms(information, session)))

    def _challenge_client(
        self, request: acse.Aarq, information: Any, session: MeterAssociation
    ) -> bytes:
        session.ciphered = isinstance(information, Ciphered)
        if session.ciphered != (self.identity.keys is not None):
            return self._refuse(acse.Diagnostic.NO_REASON)
        if request.system_title is None and (session.ciphered or _is_titled(session.mechanism)):
            return self._refuse(acse.Diagnostic.CALLING_TITLE_NOT_RECOGNIZED)
        session.client_title = request.system_title or b""
        session.theirs = request.authentication_value or b""
        session.ours = self._challenge()
        initiate = self._unseal(information, session) if session.ciphered else information
        if isinstance(initiate, bytes):
            return initiate  # the counter was too low
        terms = self._terms(initiate, session)
        if session.ciphered:
            terms = encode_ciphered(GLO_INITIATE_RESPONSE, self._seal(terms))
        return acse.encode_aare(acse.Aare(
            context=acse.CONTEXT_LN_CIPHERED if session.ciphered else acse.CONTEXT_LN,
            diagnostic=acse.Diagnostic.AUTHENTICATION_REQUIRED,
            system_title=self.identity.title or None,
            mechanism=session.mechanism,
            authentication_value=session.ours,
            user_information=terms,
        ))  # fmt: skip

    def _terms(self, request: acse.InitiateRequest, session: MeterAssociation) -> bytes:
        ours = int.from_bytes(self.identity.conformance)
        session.conformance = agreed = int.from_bytes(request.conformance) & ours
        session.dedicated = request.dedicated_key or b""
        self._services, self._blocks = self._new_services(), MeterBlocks(self.identity.window)
        session.max_pdu = min(self.identity.max_pdu, request.max_pdu or 0xFFFF)
        return acse.encode_initiate_response(
            acse.InitiateResponse(conformance=agreed.to_bytes(3), max_pdu=self.identity.max_pdu)
        )

    def _refuse(self, diagnostic: acse.Diagnostic) -> bytes:
        self._session = None
        return acse.encode_aare(acse.Aare(result=1, diagnostic=diagnostic))

    # -- protection

    def _keys(self) -> Keys:
        return self.identity.keys or Keys(b"\x00" * 16)

    def _seal(self, plain: bytes) -> bytes:
        keys = self._keys()
        self.counter += 1
        return protect(
            plain, title=self.identity.title, control=0x30, counter=self.counter,
            key=keys.encryption, ak=keys.authentication,
        )  # fmt: skip

    def _unseal(self, ciphered: Ciphered, session: MeterAssociation) -> Any:
        """Return what a protected request holds; the exception as bytes when its counter is old."""
        keys = msgspec.structs.replace(self._keys(), dedicated=session.dedicated)
        opened = open_ciphered(ciphered, keys, session.client_title)
        dedicated = ciphered.dedicated
        least = session.client_dedicated_counter if dedicated else self.client_counter
        if opened.counter < least:
            return apdu_errors.encode_exception(apdu_errors.ExceptionResponse(1, 6, least))
        if dedicated:
            session.client_dedicated_counter = opened.counter + 1
        else:
            self.client_counter = opened.counter + 1
        return opened.plain

    def _guarded(self, request: Any, session: MeterAssociation) -> bytes:
        if not session.ciphered:
            return self._plain(request, session)
        if not isinstance(request, Ciphered):
            return NOT_POSSIBLE
        plain = self._unseal(request, session)
        if isinstance(plain, bytes):
            return plain
        return self._sealed(self._plain(plain, session), session, dedicated=request.dedicated)

    def _plain(self, request: Any, session: MeterAssociation) -> bytes:
        if session.open:
            return self._services.answer(request)
        high = session.mechanism > Mechanism.LOW
        return self._prove(request, session) if high else NOT_ASSOCIATED

    def _sealed(self, answer: bytes, session: MeterAssociation, *, dedicated: bool) -> bytes:
        """Return an answer under the key that its question was under."""
        if answer[0] in {apdu_errors.EXCEPTION_RESPONSE, apdu_errors.CONFIRMED_SERVICE_ERROR}:
            return answer
        if dedicated:
            ak = self._keys().authentication
            message = session.under_dedicated(answer, self.identity.title, ak)
        else:
            message = self._seal(answer)
        forms = DED if dedicated else GLO
        if answer[0] in forms:
            return encode_ciphered(forms[answer[0]], message)
        general = GENERAL_DED if dedicated else GENERAL_GLO
        return encode_ciphered(general, message, self.identity.title)

    def _prove(self, request: Any, session: MeterAssociation) -> bytes:
        """Check the client's answer to our challenge and answer its own."""
        if not isinstance(request, apdu_action.ActionRequest) or not isinstance(
            request.parameter, bytes
        ):
            return NOT_ASSOCIATED
        try:
            proof = self._proof(request.parameter, session)
        except RemoteProtocolError:
            return apdu_action.encode_response(request.invoke, DataAccessError.READ_WRITE_DENIED)
        session.open = True
        return apdu_action.encode_response(request.invoke, 0, ax.octets(proof))

    def _proof(self, theirs: bytes, session: MeterAssociation) -> bytes:
        """Return our proof in answer to the client's.

        Raises:
            RemoteProtocolError: the client's is wrong.

        """
        client = Side(session.client_title, session.theirs)
        meter = Side(self.identity.title, session.ours)
        if session.mechanism is not Mechanism.GMAC:
            mechanism, secret = session.mechanism, self.identity.password
            check_digest_proof(theirs, mechanism, secret, prover=client, asker=meter)
            return digest_proof(mechanism, secret, meter, client)
        keys = self._keys()
        check_gmac_token(theirs, meter.challenge, title=client.title, keys=keys)
        self.counter += 1
        return gmac_token(client.challenge, title=meter.title, counter=self.counter, keys=keys)

    # -- objects

    def _room(self) -> int | None:
        """Return the longest answer before protection; None: it may go in general blocks."""
        session = self._session
        assert session is not None  # noqa: S101 -- only who is associated is served
        if session.allows(acse.GENERAL_BLOCKS) and not session.allows(acse.BLOCK_GET):
            return None
        return session.max_pdu - (40 if session.ciphered else 16)

    @property
    def _is_stranger(self) -> bool:
        public = self._session is not None and self._session.client == PUBLIC_CLIENT
        return public and self.identity.auth is not Mechanism.NONE

    def _read(self, attribute: Attribute, selection: Any) -> bytes | Refused:
        if attribute.obis == cosem.COUNTER_OBIS and attribute.index == 2:
            return ax.u32(max(0, self.client_counter - 1))
        if self._is_stranger and attribute.class_id not in PUBLIC_CLASSES:
            return DENIED
        told = of_itself(attribute, self.objects, self.identity.logical)
        if told is not None:
            return told
        now = self.clock.now()
        managed = None if self.managed is None else self.managed.find(attribute)
        if managed is not None:
            return managed.read(attribute.index, now)
        return self.objects.read(attribute, selection, now)

    def _write(self, attribute: Attribute, value: Any) -> int:
        if self._is_stranger or self.managed is None:
            return DataAccessError.READ_WRITE_DENIED
        return self.managed.write(attribute, value, self.clock.now())

    def _call(self, method: Attribute, parameter: Any) -> int:
        if self._is_stranger or self.managed is None:
            return DataAccessError.READ_WRITE_DENIED
        return self.managed.call(method, parameter, self.clock.now())


def _is_titled(mechanism: Mechanism) -> bool:
    """Whether a proof depends on the system titles of both."""
    return mechanism in {Mechanism.GMAC, Mechanism.SHA256}
