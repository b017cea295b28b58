"""The application layer of a simulated meter: associations, services, protection, blocks."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from hes.fleet.dlms_objects import DENIED, UTC_OFFSET_MIN, SimulatedObjects
from protocols.dlms import (
    acse,
    apdu_action,
    apdu_errors,
    apdu_get,
    apdu_set,
    axdr_encode as ax,
    cosem,
)
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GLO, GLO_INITIATE_RESPONSE, Ciphered, encode_ciphered
from protocols.dlms.cosem import Attribute, DataAccessError, Refused
from protocols.dlms.cosem_time import decode_time
from protocols.dlms.opened import open_ciphered
from protocols.dlms.security import Keys, check_gmac_token, gmac_token, protect
from protocols.errors import ProtocolError, RemoteProtocolError

PUBLIC_CLIENT: Final = 16
CONFORMANCE: Final = bytes.fromhex("00fe1f")
NOT_ASSOCIATED: Final = apdu_errors.encode_exception(apdu_errors.ExceptionResponse(1, 1))
NOT_POSSIBLE: Final = apdu_errors.encode_exception(apdu_errors.ExceptionResponse(1, 5))


class MeterIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a simulated meter is and how it guards itself."""

    serial: str
    title: bytes = b""
    auth: Mechanism = Mechanism.NONE
    password: bytes = b""
    keys: Keys | None = None
    max_pdu: int = 1024


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


class _Session:
    """One association."""

    def __init__(self, client: int) -> None:
        self.client = client
        self.open = False
        self.ciphered = False
        self.client_title = b""
        self.ours = b""
        self.theirs = b""
        self.max_pdu = 128
        self.blocks: list[bytes] = []


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
        self._challenge = challenge
        self._session: _Session | None = None

    def reset(self) -> None:
        """End the association: the link below was closed."""
        self._session = None

    def answer(self, apdu: bytes, client: int) -> bytes | None:
        """Return the answer to a request of a client; None when there is none."""
        try:
            request = decode_apdu(apdu)
            if isinstance(request, acse.Aarq):
                return self._associate(request, client)
            if isinstance(request, acse.Release):
                self._session = None
                return acse.encode_release(acse.Release(response=True, reason=0))
            if self._session is None or self._session.client != client:
                return NOT_ASSOCIATED
            return self._guarded(request, self._session)
        except ProtocolError:
            return NOT_POSSIBLE

    # -- associations

    def _associate(self, request: acse.Aarq, client: int) -> bytes:
        self._session = session = _Session(client)
        mechanism = Mechanism(request.mechanism or 0)
        wanted = Mechanism.NONE if client == PUBLIC_CLIENT else self.identity.auth
        if mechanism is not wanted:
            return self._refuse(acse.Diagnostic.MECHANISM_REQUIRED)
        if wanted is Mechanism.LOW and request.authentication_value != self.identity.password:
            return self._refuse(acse.Diagnostic.AUTHENTICATION_FAILURE)
        information = decode_apdu(request.user_information or b"")
        if wanted is Mechanism.GMAC:
            return self._challenge_client(request, information, session)
        if not isinstance(information, acse.InitiateRequest):
            return self._refuse(acse.Diagnostic.NO_REASON)
        session.open = True
        return acse.encode_aare(acse.Aare(user_information=self._terms(information, session)))

    def _challenge_client(self, request: acse.Aarq, information: Any, session: _Session) -> bytes:
        if not isinstance(information, Ciphered) or request.system_title is None:
            return self._refuse(acse.Diagnostic.NO_REASON)
        session.client_title = request.system_title
        session.ciphered = True
        session.theirs = request.authentication_value or b""
        session.ours = self._challenge()
        initiate = self._unseal(information, session)
        if isinstance(initiate, bytes):
            return initiate  # the counter was too low
        terms = encode_ciphered(GLO_INITIATE_RESPONSE, self._seal(self._terms(initiate, session)))
        return acse.encode_aare(acse.Aare(
            context=acse.CONTEXT_LN_CIPHERED,
            diagnostic=acse.Diagnostic.AUTHENTICATION_REQUIRED,
            system_title=self.identity.title,
            mechanism=Mechanism.GMAC,
            authentication_value=session.ours,
            user_information=terms,
        ))  # fmt: skip

    def _terms(self, request: acse.InitiateRequest, session: _Session) -> bytes:
        agreed = int.from_bytes(request.conformance) & int.from_bytes(CONFORMANCE)
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

    def _unseal(self, ciphered: Ciphered, session: _Session) -> Any:
        """Return what a protected request holds; the exception as bytes when its counter is old."""
        opened = open_ciphered(ciphered, self._keys(), session.client_title)
        if opened.counter < self.client_counter:
            return apdu_errors.encode_exception(
                apdu_errors.ExceptionResponse(1, 6, self.client_counter)
            )
        self.client_counter = opened.counter + 1
        return opened.plain

    def _guarded(self, request: Any, session: _Session) -> bytes:
        if not session.ciphered:
            return self._serve(request, session) if session.open else NOT_ASSOCIATED
        if not isinstance(request, Ciphered):
            return NOT_POSSIBLE
        plain = self._unseal(request, session)
        if isinstance(plain, bytes):
            return plain
        answer = self._serve(plain, session) if session.open else self._prove(plain, session)
        return encode_ciphered(GLO[answer[0]], self._seal(answer)) if answer[0] in GLO else answer

    def _prove(self, request: Any, session: _Session) -> bytes:
        """Check the client's answer to our challenge and answer its own."""
        if not isinstance(request, apdu_action.ActionRequest) or not isinstance(
            request.parameter, bytes
        ):
            return NOT_ASSOCIATED
        keys = self._keys()
        try:
            check_gmac_token(request.parameter, session.ours, title=session.client_title, keys=keys)
        except RemoteProtocolError:
            return apdu_action.encode_response(request.invoke, DataAccessError.READ_WRITE_DENIED)
        session.open = True
        self.counter += 1
        token = gmac_token(
            session.theirs, title=self.identity.title, counter=self.counter, keys=keys
        )
        return apdu_action.encode_response(request.invoke, 0, ax.octets(token))

    # -- services

    def _serve(self, request: Any, session: _Session) -> bytes:
        match request:
            case apdu_get.GetRequest(invoke=invoke, attribute=attribute, selection=selection):
                result = self._read(attribute, selection)
                return self._fit(apdu_get.encode_response(invoke, result), invoke, session)
            case apdu_get.GetList(invoke=invoke, wanted=wanted):
                results = [self._read(attribute, selection) for attribute, selection in wanted]
                whole = apdu_get.encode_list_response(invoke, results)
                return self._fit(whole, invoke, session)
            case apdu_get.GetNext(invoke=invoke, block=block):
                return self._next_block(invoke, block, session)
            case apdu_set.SetRequest(invoke=invoke, attribute=attribute):
                code = self._write(attribute, request.value)
                return apdu_set.encode_response(apdu_set.SetResponse(invoke, code))
            case apdu_action.ActionRequest(invoke=invoke, method=method):
                return apdu_action.encode_response(invoke, self._call(method, request.parameter))
            case _:
                return NOT_POSSIBLE

    def _read(self, attribute: Attribute, selection: Any) -> bytes | Refused:
        if attribute.obis == cosem.COUNTER_OBIS and attribute.index == 2:
            return ax.u32(max(0, self.client_counter - 1))
        public = self._session is not None and self._session.client == PUBLIC_CLIENT
        if public and self.identity.auth is not Mechanism.NONE and attribute.class_id != 1:
            return DENIED
        return self.objects.read(attribute, selection, self.clock.now())

    def _write(self, attribute: Attribute, value: Any) -> int:
        if attribute.class_id != cosem.CLASS_CLOCK or attribute.index != 2:
            return DataAccessError.READ_WRITE_DENIED
        instant = decode_time(value, utc_offset_min=UTC_OFFSET_MIN)
        if instant is None:
            return DataAccessError.TYPE_UNMATCHED
        self.clock.set(instant)
        return 0

    def _call(self, method: Attribute, parameter: Any) -> int:
        if method.class_id != cosem.CLASS_CLOCK or method.index != 6:
            return DataAccessError.READ_WRITE_DENIED
        self.clock.drift_s += parameter
        return 0

    # -- block transfer

    def _fit(self, response: bytes, invoke: int, session: _Session) -> bytes:
        """Return the response, or its first block when it is longer than the PDU."""
        room = session.max_pdu - (40 if session.ciphered else 16)
        if len(response) <= room:
            return response
        # A normal response carries its value behind the choice; a list is taken from its count on.
        raw = response[4:] if response[1] == apdu_get.NORMAL else response[3:]
        if len(raw) <= room:
            return response  # one block would be no shorter, and not every client takes it
        session.blocks = [raw[at : at + room] for at in range(0, len(raw), room)]
        return self._block(invoke, 1, session)

    def _next_block(self, invoke: int, block: int, session: _Session) -> bytes:
        if not 1 <= block < len(session.blocks):
            error = apdu_get.GetBlock(invoke, True, block, b"", 19)
            return apdu_get.encode_block(error)
        return self._block(invoke, block + 1, session)

    @staticmethod
    def _block(invoke: int, number: int, session: _Session) -> bytes:
        last = number == len(session.blocks)
        return apdu_get.encode_block(
            apdu_get.GetBlock(invoke, last, number, session.blocks[number - 1])
        )
