"""The services of a simulated meter: requests in, answers out, long ones in blocks either way."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from protocols.dlms import apdu_access, apdu_action, apdu_errors, apdu_get, apdu_set
from protocols.dlms.apdu_access import AccessItem, AccessRequest, Verb
from protocols.dlms.apdu_action import (
    ActionBlock,
    ActionBlockTaken,
    ActionFirstBlock,
    ActionList,
    ActionListFirstBlock,
    ActionNextBlock,
    ActionRequest,
)
from protocols.dlms.apdu_get import GetBlock, GetList, GetNext, GetRequest
from protocols.dlms.apdu_set import (
    SetBlock,
    SetBlockResponse,
    SetFirstBlock,
    SetList,
    SetListFirstBlock,
    SetListResponse,
    SetRequest,
    SetResponse,
)
from protocols.dlms.axdr import decode_all
from protocols.dlms.axdr_encode import NULL
from protocols.dlms.cosem import Attribute, DataAccessError, Refused, Selection
from protocols.dlms.reading import Cursor

NOT_POSSIBLE: Final = apdu_errors.encode_exception(apdu_errors.ExceptionResponse(1, 5))
INVALID: Final = DataAccessError.DATA_BLOCK_NUMBER_INVALID
TOO_LONG: Final = DataAccessError.LONG_SET_ABORTED
TAKEN_SIZE_MAX: Final = 64 * 1024
"""A value in blocks that is longer is not taken."""
First = SetFirstBlock | SetListFirstBlock | ActionFirstBlock | ActionListFirstBlock


class MeterObjects(msgspec.Struct, frozen=True):
    """What there is to read, to write and to call."""

    read: Callable[[Attribute, Selection | None], bytes | Refused]
    write: Callable[[Attribute, Any], int]
    call: Callable[[Attribute, Any], int]
    returned: Callable[[Attribute], bytes | None]
    """What a method returns beside its result, encoded."""


class MeterServices:
    """The services of one association, with the blocks that are under way in it."""

    def __init__(self, objects: MeterObjects, room: Callable[[], int | None]) -> None:
        self._objects = objects
        self._room = room
        """The longest answer; None: as long as it likes, what is below cuts it."""
        self._out: list[bytes] = []
        self._first: First | None = None
        self._in = b""
        self._number = 0

    def answer(self, request: Any) -> bytes:
        """Return the answer to a request."""
        match request:
            case GetRequest() | GetList() | GetNext():
                return self._get(request)
            case SetRequest() | SetList():
                return self._set(request)
            case ActionRequest() | ActionList() | ActionNextBlock():
                return self._action(request)
            case SetFirstBlock() | SetListFirstBlock() | SetBlock():
                return self._take(request)
            case ActionFirstBlock() | ActionListFirstBlock() | ActionBlock():
                return self._take(request)
            case _:
                return self._other(request)

    def _other(self, request: Any) -> bytes:
        if not isinstance(request, AccessRequest):
            return NOT_POSSIBLE
        done = [self._access(item) for item in request.items]
        return apdu_access.encode_response(request.long_invoke_id, None, done)

    # -- reading

    def _get(self, request: GetRequest | GetList | GetNext) -> bytes:
        invoke, read = request.invoke, self._objects.read
        if isinstance(request, GetNext):
            return self._next_got(invoke, request.block)
        if isinstance(request, GetRequest):
            whole = apdu_get.encode_response(invoke, read(request.attribute, request.selection))
            raw = whole[4:]  # the value, behind its choice
        else:
            whole = apdu_get.encode_list_response(invoke, [read(a, s) for a, s in request.wanted])
            raw = whole[3:]  # from its count on
        # One block would be no shorter than the whole, and not every client takes it.
        return self._got(invoke, 1) if self._cut(whole, raw) else whole

    def _cut(self, whole: bytes, raw: bytes) -> bool:
        """Cut what goes out, if it must be."""
        room = self._room()
        if room is None or len(whole) <= room or len(raw) <= room:
            return False
        self._out = [raw[at : at + room] for at in range(0, len(raw), room)]
        return True

    def _next_got(self, invoke: int, block: int) -> bytes:
        if not 1 <= block < len(self._out):
            return apdu_get.encode_block(GetBlock(invoke, True, block, b"", INVALID))
        return self._got(invoke, block + 1)

    def _got(self, invoke: int, number: int) -> bytes:
        last = number == len(self._out)
        return apdu_get.encode_block(GetBlock(invoke, last, number, self._out[number - 1]))

    # -- writing and calling

    def _set(self, request: SetRequest | SetList) -> bytes:
        if isinstance(request, SetRequest):
            code = self._objects.write(request.attribute, request.value)
            return apdu_set.encode_response(SetResponse(request.invoke, code))
        codes = self._write_all(request.wanted, [decode_all(data) for data in request.data])
        return apdu_set.encode_response(SetListResponse(request.invoke, codes))

    def _write_all(
        self, wanted: tuple[tuple[Attribute, Selection | None], ...], values: list[Any]
    ) -> tuple[int, ...]:
        pairs = zip(wanted, values, strict=False)
        return tuple(self._objects.write(attribute, value) for (attribute, _), value in pairs)

    def _action(self, request: ActionRequest | ActionList | ActionNextBlock) -> bytes:
        invoke = request.invoke
        if isinstance(request, ActionNextBlock):
            if not 1 <= request.block < len(self._out):
                return NOT_POSSIBLE
            return self._returned(invoke, request.block + 1)
        if isinstance(request, ActionRequest):
            return self._called(invoke, request.method, request.parameter)
        return self._called_all(invoke, request.methods, request.parameters)

    def _called(self, invoke: int, method: Attribute, parameter: Any) -> bytes:
        whole = apdu_action.encode_response(invoke, *self._call(method, parameter))
        return self._returned(invoke, 1) if self._cut(whole, whole[3:]) else whole

    def _called_all(
        self, invoke: int, methods: tuple[Attribute, ...], parameters: list[Any]
    ) -> bytes:
        pairs = zip(methods, parameters, strict=False)
        called = [apdu_action.encode_called(*self._call(method, p)) for method, p in pairs]
        whole = apdu_action.encode_list_response(invoke, called)
        return self._returned(invoke, 1) if self._cut(whole, whole[3:]) else whole

    def _call(self, method: Attribute, parameter: Any) -> tuple[int, bytes | None]:
        code = self._objects.call(method, parameter)
        return code, None if code else self._objects.returned(method)

    def _returned(self, invoke: int, number: int) -> bytes:
        last = number == len(self._out)
        block = ActionBlock(invoke, last, number, self._out[number - 1], response=True)
        return apdu_action.encode_block_response(block)

    # -- long values that come in

    def _take(self, block: First | SetBlock | ActionBlock) -> bytes:
        if not isinstance(block, SetBlock | ActionBlock):
            self._first, self._in, self._number = block, b"", 0
        first = self._first
        if first is None or block.block != self._number + 1 or block.invoke != first.invoke:
            return self._give_up(block, INVALID)
        self._in += block.raw
        self._number = block.block
        if len(self._in) > TAKEN_SIZE_MAX:
            return self._give_up(block, TOO_LONG)
        if block.last:
            self._first = None
            return self._taken(first, block.block)
        if isinstance(first, SetFirstBlock | SetListFirstBlock):
            return apdu_set.encode_response(SetBlockResponse(block.invoke, block.block))
        return apdu_action.encode_taken(ActionBlockTaken(block.invoke, block.block))

    def _give_up(self, block: First | SetBlock | ActionBlock, code: int) -> bytes:
        self._first = None
        if isinstance(block, SetBlock | SetFirstBlock | SetListFirstBlock):
            return apdu_set.encode_response(SetBlockResponse(block.invoke, block.block, code))
        return apdu_action.encode_response(block.invoke, code)

    def _taken(self, first: First, number: int) -> bytes:
        invoke, data = first.invoke, self._in
        match first:
            case SetFirstBlock(attribute=attribute):
                code = self._objects.write(attribute, decode_all(data))
                return apdu_set.encode_response(SetBlockResponse(invoke, number, code))
            case SetListFirstBlock(wanted=wanted):
                codes = self._write_all(wanted, _values(data))
                return apdu_set.encode_response(SetListResponse(invoke, codes, number))
            case ActionFirstBlock(method=method):
                return self._called(invoke, method, decode_all(data))
            case ActionListFirstBlock(methods=methods):
                return self._called_all(invoke, methods, _values(data))

    # -- all in one

    def _access(self, item: AccessItem) -> tuple[Verb, int, bytes]:
        match item.verb:
            case Verb.GET | Verb.GET_SELECTED:
                got = self._objects.read(item.attribute, item.selection)
                if isinstance(got, Refused):
                    return Verb.GET, got.code, NULL
                return Verb.GET, 0, got
            case Verb.SET | Verb.SET_SELECTED:
                return Verb.SET, self._objects.write(item.attribute, item.value), NULL
            case Verb.ACTION:
                code, value = self._call(item.attribute, item.value)
                return Verb.ACTION, code, NULL if value is None else value


def _values(data: bytes) -> list[Any]:
    """Return the values of a list: count, then values."""
    cursor = Cursor(data)
    values = [cursor.value() for _ in range(cursor.count())]
    cursor.end()
    return values
