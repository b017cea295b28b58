"""The services of an association: GET, SET, ACTION and ACCESS, as dialogues.

What does not fit the meter's PDU goes and comes in blocks, whichever kind both have agreed on. The
meter's "no" to one object is a result; to a whole request it is an error.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, TypeVar

from protocols.dialogue import Exchange
from protocols.dlms import acse, apdu_access, apdu_action, apdu_get, apdu_set
from protocols.dlms.apdu_access import Accessed, AccessItem, AccessRequest, AccessResponse
from protocols.dlms.apdu_action import Called
from protocols.dlms.axdr import decode_all
from protocols.dlms.axdr_encode import NULL
from protocols.dlms.cosem import Attribute, Refused, Result, Selection
from protocols.dlms.opened import decode_whole
from protocols.dlms.refusals import refusal
from protocols.dlms.requester import Requester
from protocols.dlms.rows import decode_rows
from protocols.dlms.service_blocks import call_blocks, got_blocks, returned_blocks, set_blocks
from protocols.errors import MeterNonsense, MeterRefused, RemoteProtocolError

T = TypeVar("T")
Dialogue = Generator[Exchange, bytes | None, T]
Write = tuple[Attribute, bytes]
"""What to write where; the value comes encoded."""
Call = tuple[Attribute, bytes | None]
"""A method and its parameter, encoded."""
LIST_ITEMS_MAX: Final = 20


class Services:
    """What can be asked in one association."""

    def __init__(self, requester: Requester) -> None:
        self.requester = requester
        self.agreed: acse.InitiateResponse | None = None
        """The terms of the association."""

    def allows(self, service: int) -> bool:
        """Whether the meter agreed on a service, by its bit of conformance."""
        return self.agreed is not None and self.agreed.allows(service)

    @property
    def _several(self) -> bool:
        return self.allows(acse.MULTIPLE_REFERENCES)

    # -- GET

    def get(self, attribute: Attribute, selection: Selection | None = None) -> Dialogue[Result]:
        """Read one attribute; a refusal is a result."""
        request = apdu_get.GetRequest(self.requester.next_invoke(), attribute, selection)
        answer = yield from self.requester.service(apdu_get.encode_request(request))
        if isinstance(answer, apdu_get.GetResponse):
            return answer.result
        if isinstance(answer, apdu_get.GetBlock):
            whole = yield from got_blocks(self.requester, answer)
            return whole if isinstance(whole, Refused) else _joined(whole)
        raise refusal(answer)

    def get_list(self, attributes: Sequence[Attribute]) -> Dialogue[list[Result]]:
        """Read several attributes: in one request where the meter can, else one by one."""
        several = self._several and len(attributes) > 1
        results: list[Result] = []
        for chunk in self._chunks(attributes) if several else ():
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
        most = max(1, min(LIST_ITEMS_MAX, (min(room, 2048) - 40) // 16))
        return [attributes[at : at + most] for at in range(0, len(attributes), most)]

    def _get_chunk(self, chunk: Sequence[Attribute]) -> Dialogue[list[Result] | None]:
        """Read a list in one request; None when the meter does not do that."""
        wanted = tuple((attribute, None) for attribute in chunk)
        request = apdu_get.encode_request(apdu_get.GetList(self.requester.next_invoke(), wanted))
        try:
            answer = yield from self.requester.service(request)
            if isinstance(answer, apdu_get.GetBlock):
                joined = yield from got_blocks(self.requester, answer)
                answer = None if isinstance(joined, Refused) else _list_from_blocks(joined)
        except MeterNonsense:
            return None  # seen: a list in which the reason is missing why there is no value
        if isinstance(answer, apdu_get.GetListResponse) and len(answer.results) == len(chunk):
            return list(answer.results)
        return None

    # -- SET

    def set(
        self, attribute: Attribute, value: bytes, selection: Selection | None = None
    ) -> Dialogue[int]:
        """Write one attribute (``value`` comes encoded); return 0 or the meter's reason.

        Raises:
            MeterRefused: it is too long, and the meter takes no blocks.

        """
        invoke = self.requester.next_invoke()
        request = apdu_set.encode_request(apdu_set.SetRequest(invoke, attribute, selection, value))

        def first(last: bool, block: int, raw: bytes) -> bytes:
            return apdu_set.encode_request(
                apdu_set.SetFirstBlock(invoke, attribute, selection, last, block, raw)
            )

        if self._fits(request, acse.BLOCK_SET):
            answer = yield from self.requester.service(request)
        else:
            names = len(request) - len(value) - 3
            answer = yield from set_blocks(self.requester, first, value, names)
        written = isinstance(answer, apdu_set.SetResponse | apdu_set.SetBlockResponse)
        if not written or answer.result is None:
            raise refusal(answer)
        result: int = answer.result
        return result

    def set_list(self, writes: Sequence[Write]) -> Dialogue[list[int]]:
        """Write several attributes: in one request where the meter can, else one by one."""
        if not writes or not self._several:
            results: list[int] = []
            for attribute, value in writes:
                results.append((yield from self.set(attribute, value)))
            return results
        answer = yield from self._set_list(writes)
        if not isinstance(answer, apdu_set.SetListResponse):
            raise refusal(answer)
        return list(_one_each(answer.results, writes))

    def _set_list(self, writes: Sequence[Write]) -> Dialogue[Any]:
        invoke = self.requester.next_invoke()
        wanted = tuple((attribute, None) for attribute, _ in writes)
        values = tuple(value for _, value in writes)
        request = apdu_set.encode_request(apdu_set.SetList(invoke, wanted, values))

        def first(last: bool, block: int, raw: bytes) -> bytes:
            return apdu_set.encode_request(
                apdu_set.SetListFirstBlock(invoke, wanted, last, block, raw)
            )

        if self._fits(request, acse.BLOCK_SET):
            return (yield from self.requester.service(request))
        data = apdu_set.encode_values(values)
        return (yield from set_blocks(self.requester, first, data, len(request) - len(data) - 3))

    # -- ACTION

    def action(self, method: Attribute, parameter: bytes | None = None) -> Dialogue[int]:
        """Call a method (``parameter`` comes encoded); return 0 or the meter's reason."""
        called = yield from self.call(method, parameter)
        return called.result

    def call(self, method: Attribute, parameter: bytes | None = None) -> Dialogue[Called]:
        """Call a method (``parameter`` comes encoded); return its result and what it returned.

        Raises:
            MeterRefused: the parameter is too long, and the meter takes no blocks.

        """
        invoke = self.requester.next_invoke()
        request = apdu_action.encode_request(apdu_action.ActionRequest(invoke, method, parameter))

        def first(last: bool, block: int, raw: bytes) -> bytes:
            return apdu_action.encode_request(
                apdu_action.ActionFirstBlock(invoke, method, last, block, raw)
            )

        answer = yield from self._called(request, first, parameter or b"")
        if isinstance(answer, apdu_action.ActionResponse):
            return Called(answer.result, answer.returned, answer.value)
        if isinstance(answer, bytes):
            return apdu_action.called_from_blocks(answer)
        raise refusal(answer)

    def action_list(self, calls: Sequence[Call]) -> Dialogue[list[Called]]:
        """Call several methods: in one request where the meter can, else one by one."""
        if not calls or not self._several:
            results: list[Called] = []
            for method, parameter in calls:
                results.append((yield from self.call(method, parameter)))
            return results
        answer = yield from self._call_list(calls)
        if isinstance(answer, bytes):
            return list(_one_each(apdu_action.list_from_blocks(answer), calls))
        if isinstance(answer, apdu_action.ActionListResponse):
            return list(_one_each(answer.results, calls))
        raise refusal(answer)

    def _call_list(self, calls: Sequence[Call]) -> Dialogue[Any]:
        invoke = self.requester.next_invoke()
        methods = tuple(method for method, _ in calls)
        values = tuple(NULL if parameter is None else parameter for _, parameter in calls)
        request = apdu_action.encode_request(apdu_action.ActionList(invoke, methods, values))

        def first(last: bool, block: int, raw: bytes) -> bytes:
            return apdu_action.encode_request(
                apdu_action.ActionListFirstBlock(invoke, methods, last, block, raw)
            )

        return (yield from self._called(request, first, apdu_action.encode_values(values)))

    def _called(
        self, request: bytes, first: Callable[[bool, int, bytes], bytes], data: bytes
    ) -> Dialogue[Any]:
        """Send a call, in blocks if need be; return its answer, joined when it comes in blocks."""
        if self._fits(request, acse.BLOCK_ACTION):
            answer = yield from self.requester.service(request)
        else:
            names = len(request) - len(data) - 3
            answer = yield from call_blocks(self.requester, first, data, names)
        if isinstance(answer, apdu_action.ActionBlock):
            return (yield from returned_blocks(self.requester, answer))
        return answer

    # -- ACCESS

    def access(self, items: Sequence[AccessItem]) -> Dialogue[list[Accessed]]:
        """Read, write and call in one request.

        Raises:
            MeterRefused: the meter does not do that.

        """
        if not self.allows(acse.ACCESS):
            raise MeterRefused("the meter does not do the ACCESS service")
        long_invoke_id = self.requester.next_invoke() << 24 & 0xC0000000 | self.requester.invoke_id
        request = apdu_access.encode_request(AccessRequest(long_invoke_id, None, tuple(items)))
        self._fits(request, 0)
        answer = yield from self.requester.service(request)
        if isinstance(answer, AccessResponse):
            return list(_one_each(answer.results, items))
        raise refusal(answer)

    def _fits(self, request: bytes, blocks: int) -> bool:
        """Whether a request is sent as it is: it fits, or goes by general block transfer.

        Raises:
            MeterRefused: neither, and the meter takes no blocks of this service.

        """
        room = self.requester.request_room
        if room is None or len(request) <= room:
            return True
        if self.allows(blocks):
            return False
        if self.requester.blocks:
            return True
        raise MeterRefused(
            f"the meter takes requests of {room} bytes and no blocks; this one has {len(request)}"
        )


def _one_each(results: Sequence[T], asked: Sequence[Any]) -> Sequence[T]:
    if len(results) != len(asked):
        raise RemoteProtocolError("answer", f"{len(results)} results for {len(asked)} requests")
    return results


def _joined(raw: bytes) -> Result:
    if raw[:1] != b"\x01":
        return decode_all(raw)
    rows, end = decode_rows(raw)
    if end != len(raw):
        raise RemoteProtocolError("trailing", f"{len(raw) - end} bytes after the value")
    return rows


def _list_from_blocks(joined: bytes) -> Any:
    """Decode the results of a long answer to a list: count, then results."""
    return decode_whole(bytes((apdu_get.RESPONSE, apdu_get.WITH_LIST, 0)) + joined)
