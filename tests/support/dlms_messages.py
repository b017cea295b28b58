"""Generated DLMS messages: A-XDR values with what they must decode to, and one of each APDU."""

from typing import Any, Final

from hypothesis import strategies as st

from protocols.dlms import (
    acse,
    apdu_access,
    apdu_action,
    apdu_errors,
    apdu_get,
    apdu_push,
    apdu_set,
    axdr_encode as ax,
    gbt,
)
from protocols.dlms.apdu_access import AccessItem, Verb
from protocols.dlms.apdu_ciphered import DED, GENERAL_DED, GENERAL_GLO, GLO, encode_ciphered
from protocols.dlms.axdr import BitString
from protocols.dlms.cosem import Attribute, Refused, by_entry, by_range
from protocols.dlms.lengths import encode_length
from protocols.dlms.security import Keys, protect
from protocols.errors import ProtocolError

TITLE: Final = b"TST\x00\x00\x00\x00\x07"
KEYS: Final = Keys(bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48)))
TIME: Final = bytes.fromhex("07ea031f020d1e00fffe5c00")

Sample = tuple[bytes, Any]
"""Encoded, and the value."""


def _ints(encode: Any, low: int, high: int) -> st.SearchStrategy[Sample]:
    return st.integers(low, high).map(lambda n: (encode(n), n))


def _text(encode: Any, alphabet: Any) -> st.SearchStrategy[Sample]:
    return st.text(alphabet, max_size=200).map(lambda s: (encode(s), s))


LATIN: Final = st.characters(max_codepoint=255)
SINGLES: Final = st.floats(width=32, allow_nan=False).map(lambda f: (ax.f32(f), f))
NUMBERS: Final = st.one_of(
    _ints(ax.i8, -(2**7), 2**7 - 1),
    _ints(ax.i16, -(2**15), 2**15 - 1),
    _ints(ax.i32, -(2**31), 2**31 - 1),
    _ints(ax.i64, -(2**63), 2**63 - 1),
    _ints(ax.u8, 0, 2**8 - 1),
    _ints(ax.u16, 0, 2**16 - 1),
    _ints(ax.u32, 0, 2**32 - 1),
    _ints(ax.u64, 0, 2**64 - 1),
    _ints(ax.enum, 0, 2**8 - 1),
    st.integers(0, 255).map(lambda n: (bytes((13, n)), n)),
    st.booleans().map(lambda b: (ax.boolean(b), b)),
    SINGLES,
    st.floats(allow_nan=False).map(lambda f: (ax.f64(f), f)),
)
STRINGS: Final = st.one_of(
    st.binary(max_size=300).map(lambda b: (ax.octets(b), b)),
    _text(ax.visible, LATIN),
    _text(ax.utf8, st.characters(exclude_categories=["Cs"])),
    st.text("01", max_size=300).map(lambda s: (ax.bits(s), BitString(s))),
)
TIMES: Final = st.one_of(*(
    st.binary(min_size=size, max_size=size).map(lambda b, t=tag: (bytes((t,)) + b, b))
    for tag, size in ((25, 12), (26, 5), (27, 4))
))  # fmt: skip
NOTHING: Final = st.sampled_from([(b"\x00", None), (b"\xff", None)])
SCALARS: Final = st.one_of(NUMBERS, STRINGS, TIMES, NOTHING)


def _sequence(encode: Any) -> Any:
    def join(parts: list[Sample]) -> Sample:
        return encode(*(raw for raw, _ in parts)), [value for _, value in parts]

    return join


@st.composite
def compact_arrays(draw: st.DrawFn, depth: int = 2) -> Sample:
    """Return a compact array; its elements are all of one type."""
    description, contents = draw(_types(depth))
    elements = draw(st.lists(contents, max_size=12))
    body = b"".join(raw for raw, _ in elements)
    encoded = b"\x13" + description + encode_length(len(body)) + body
    return encoded, [value for _, value in elements]


_FIXED: Final = {
    5: _ints(ax.i32, -(2**31), 2**31 - 1), 6: _ints(ax.u32, 0, 2**32 - 1),
    15: _ints(ax.i8, -(2**7), 2**7 - 1), 16: _ints(ax.i16, -(2**15), 2**15 - 1),
    17: _ints(ax.u8, 0, 255), 18: _ints(ax.u16, 0, 2**16 - 1),
    20: _ints(ax.i64, -(2**63), 2**63 - 1), 21: _ints(ax.u64, 0, 2**64 - 1),
    22: _ints(ax.enum, 0, 255), 23: SINGLES,
    9: st.binary(max_size=20).map(lambda b: (ax.octets(b), b)), 10: _text(ax.visible, LATIN),
    12: _text(ax.utf8, "aé€"),
    4: st.text("01", max_size=20).map(lambda s: (ax.bits(s), BitString(s))),
    25: st.binary(min_size=12, max_size=12).map(lambda b: (b"\x19" + b, b)),
}  # fmt: skip


@st.composite
def _types(draw: st.DrawFn, depth: int) -> tuple[bytes, st.SearchStrategy[Sample]]:
    """Return a type's description and a strategy for its contents (without tag)."""
    kind = draw(st.sampled_from(["scalar", "structure", "array"] if depth else ["scalar"]))
    if kind == "scalar":
        tag = draw(st.sampled_from(sorted(_FIXED)))
        return bytes((tag,)), _FIXED[tag].map(lambda sample: (sample[0][1:], sample[1]))
    if kind == "structure":
        parts = draw(st.lists(_types(depth - 1), min_size=1, max_size=4))
        description = b"\x02" + bytes((len(parts),)) + b"".join(d for d, _ in parts)
        return description, st.tuples(*(c for _, c in parts)).map(_joined)
    count = draw(st.integers(1, 4))
    described, contents = draw(_types(depth - 1))
    description = b"\x01" + count.to_bytes(2) + described
    return description, st.lists(contents, min_size=count, max_size=count).map(_joined)


def _joined(parts: Any) -> Sample:
    return b"".join(raw for raw, _ in parts), [value for _, value in parts]


VALUES: Final = st.recursive(
    st.one_of(SCALARS, compact_arrays()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(_sequence(ax.array)),
        st.lists(inner, max_size=5).map(_sequence(ax.structure)),
    ),
    max_leaves=20,
)
"""Any value, nested at random."""


def same(got: Any, wanted: Any) -> bool:
    """Whether two decoded values are the same, types too; rows may be tuples."""
    if isinstance(wanted, list | tuple):
        return (
            isinstance(got, list | tuple)
            and len(got) == len(wanted)
            and all(map(same, got, wanted))
        )
    if isinstance(wanted, float) and isinstance(got, float):
        return got == wanted
    return type(got) is type(wanted) and bool(got == wanted)


def check_category(refused: ProtocolError, *categories: str) -> None:
    """Check that an error is of one of the categories."""
    assert refused.category in categories


CLOCK: Final = Attribute(8, bytes((0, 0, 1, 0, 0, 255)), 2)
PROFILE: Final = Attribute(7, bytes((1, 0, 99, 1, 0, 255)), 2)
ROW: Final = ax.structure(ax.octets(TIME), ax.u8(8), ax.u32(1_000_000), ax.NULL, ax.i16(-3))
BODY: Final = ax.structure(
    ax.octets(TIME), ax.array(ROW, ROW), ax.bits("0101100"), ax.f32(1.5), ax.visible("abc"),
    b"\x13\x02\x02\x11\x12\x06" + bytes(6),
)  # fmt: skip


def plain_apdus() -> dict[str, bytes]:
    """Return one APDU of each kind, by a name."""
    initiate = acse.InitiateRequest(dedicated_key=KEYS.dedicated, max_pdu=1024)
    response = acse.InitiateResponse(conformance=b"\x00\x50\x1f", max_pdu=500)
    aarq = acse.Aarq(
        context=3, system_title=TITLE, mechanism=5, authentication_value=b"K56iVagY",
        user_information=acse.encode_initiate_request(initiate),
    )  # fmt: skip
    aare = acse.Aare(
        diagnostic=14, system_title=TITLE, mechanism=5, authentication_value=b"P6wRJ21F",
        user_information=acse.encode_initiate_response(response),
    )  # fmt: skip
    blocks = gbt.Block(True, False, 1, 3, 0, b"\x0f\x00\x00\x00\x01\x00\x11\x05")
    return {
        "aarq": acse.encode_aarq(aarq),
        "aare": acse.encode_aare(aare),
        "rlrq": acse.encode_release(acse.Release(response=False, reason=0)),
        "rlre": acse.encode_release(
            acse.Release(response=True, reason=0, user_information=aare.user_information)
        ),
        "initiate-request": acse.encode_initiate_request(initiate),
        "initiate-response": acse.encode_initiate_response(response),
        "gbt": gbt.encode_block(blocks),
        **error_apdus(),
        **get_apdus(),
        **set_apdus(),
        **action_apdus(),
        **access_apdus(),
        **push_apdus(),
    }


def get_apdus() -> dict[str, bytes]:
    """Return one of each GET."""
    request, respond = apdu_get.encode_request, apdu_get.encode_response
    wanted = ((CLOCK, None), (PROFILE, by_entry(1, 9)))
    return {
        "get": request(apdu_get.GetRequest(0xC1, CLOCK)),
        "get-range": request(apdu_get.GetRequest(0xC2, PROFILE, by_range(CLOCK.obis, TIME, TIME))),
        "get-next": request(apdu_get.GetNext(0xC1, 7)),
        "get-list": request(apdu_get.GetList(0xC1, wanted)),
        "got": respond(0xC1, BODY),
        "got-refusal": respond(0xC1, Refused(4)),
        "got-list": apdu_get.encode_list_response(0xC1, [ax.u32(1), Refused(3), ROW]),
        "got-block": apdu_get.encode_block(apdu_get.GetBlock(0xC1, False, 2, bytes(200))),
        "got-no-block": apdu_get.encode_block(apdu_get.GetBlock(0xC1, True, 3, b"", 19)),
    }


def set_apdus() -> dict[str, bytes]:
    """Return one of each SET."""
    request, respond = apdu_set.encode_request, apdu_set.encode_response
    listed = b"\xc1\x04\xc1\x02" + CLOCK.encode() + b"\x00" + PROFILE.encode() + b"\x01"
    listed += by_entry(1, 2).encode() + b"\x02" + ax.u8(1) + ax.octets(TIME)
    wanted = ((CLOCK, None), (PROFILE, by_entry(1, 2)))
    first = apdu_set.SetListFirstBlock(0xC1, wanted, False, 1, b"\x02\x11")
    return {
        "set": request(apdu_set.SetRequest(0xC1, CLOCK, None, ax.octets(TIME))),
        "set-selected": request(apdu_set.SetRequest(0xC1, PROFILE, by_entry(1, 2), ROW)),
        "set-first": request(apdu_set.SetFirstBlock(0xC1, CLOCK, None, False, 1, b"\x09\x0c")),
        "set-block": request(apdu_set.SetBlock(0xC1, True, 2, TIME)),
        "set-list": listed,
        "set-list-first": request(first),
        "was-set": respond(apdu_set.SetResponse(0xC1, 0)),
        "block-was-set": respond(apdu_set.SetBlockResponse(0xC1, 1)),
        "last-was-set": respond(apdu_set.SetBlockResponse(0xC1, 2, 0)),
        "list-was-set": b"\xc5\x05\xc1\x02\x00\x03",
        "last-list-was-set": respond(apdu_set.SetListResponse(0xC1, (0, 3), 7)),
    }


def action_apdus() -> dict[str, bytes]:
    """Return one of each ACTION."""
    method = Attribute(8, CLOCK.obis, 6)
    listed = apdu_action.ActionList(0xC1, (method, method), (ax.i16(-5), ax.NULL))
    first = apdu_action.ActionListFirstBlock(0xC1, (method,), False, 1, b"\x01\x10")
    called = [apdu_action.encode_called(0, ax.u8(1)), apdu_action.encode_called(3)]
    request, respond = apdu_action.encode_request, apdu_action.encode_response
    return {
        "call": request(apdu_action.ActionRequest(0xC1, method, ax.i16(-5))),
        "call-bare": request(apdu_action.ActionRequest(0xC1, method, None)),
        "call-first": request(apdu_action.ActionFirstBlock(0xC1, method, False, 1, b"\x10")),
        "call-block": request(apdu_action.ActionBlock(0xC1, True, 2, b"\x00\x05")),
        "call-next": b"\xc3\x02\xc1\x00\x00\x00\x02",
        "called": respond(0xC1, 0),
        "called-value": respond(0xC1, 0, ax.octets(bytes(17))),
        "called-block": b"\xc7\x02\xc1\x01\x00\x00\x00\x01\x02\x11\x05",
        "called-taken": b"\xc7\x04\xc1\x00\x00\x00\x01",
        "call-list": request(listed),
        "call-list-first": request(first),
        "called-list": apdu_action.encode_list_response(0xC1, called),
    }


def access_apdus() -> dict[str, bytes]:
    """Return one of each ACCESS, among them one whose answer repeats the question."""
    items = (
        AccessItem(Verb.GET, CLOCK),
        AccessItem(Verb.GET_SELECTED, PROFILE, by_entry(1, 2)),
        AccessItem(Verb.SET, CLOCK, data=ax.octets(TIME)),
        AccessItem(Verb.SET_SELECTED, PROFILE, by_entry(1, 2), ax.u8(1)),
        AccessItem(Verb.ACTION, Attribute(8, CLOCK.obis, 6), data=ax.i16(-5)),
    )
    asked = apdu_access.encode_request(apdu_access.AccessRequest(0xC0000005, TIME, items))
    results = [(Verb.GET, 0, ax.u8(1)), (Verb.SET, 3, ax.NULL), (Verb.ACTION, 0, ax.NULL)]
    told = apdu_access.encode_response(0xC0000005, None, results)
    question = b"\x01\x01\x01" + CLOCK.encode()
    return {"access": asked, "accessed": told, "accessed-again": told[:6] + question + told[7:]}


def error_apdus() -> dict[str, bytes]:
    """Return each way to refuse a whole request."""
    refused = apdu_errors.ConfirmedServiceError(1, 6, 1)
    return {
        "exception": apdu_errors.encode_exception(apdu_errors.ExceptionResponse(1, 6, 77)),
        "service-error": apdu_errors.encode_service_error(refused),
    }


def push_apdus() -> dict[str, bytes]:
    """Return one of each APDU that a meter sends by itself."""
    confirm = apdu_push.DataNotificationConfirm(7, TIME)
    return {
        "push": apdu_push.encode_data_notification(0x40000007, TIME, BODY),
        "push-flat": apdu_push.encode_data_notification(8, None, ax.structure(ax.u8(1), ax.f64(2))),
        "push-confirm": apdu_push.encode_confirm(confirm),
        "event": apdu_push.encode_event_notification(TIME, CLOCK, ax.octets(b"x")),
        "event-timeless": apdu_push.encode_event_notification(None, CLOCK, ax.u16(9)),
    }


def ciphered_apdus() -> dict[str, bytes]:
    """Return each service in each protected form, by a name."""
    made: dict[str, bytes] = {}
    plain = {apdu[0]: (name, apdu) for name, apdu in reversed(plain_apdus().items())}
    for forms, word, key in ((GLO, "glo", KEYS.encryption), (DED, "ded", KEYS.dedicated)):
        for tag, ciphered in forms.items():
            name, apdu = plain[tag]
            made[f"{word}-{name}"] = encode_ciphered(ciphered, _sealed(apdu, key))
    push = push_apdus()["push"]
    made["general-glo"] = encode_ciphered(GENERAL_GLO, _sealed(push, KEYS.encryption), TITLE)
    made["general-ded"] = encode_ciphered(GENERAL_DED, _sealed(push, KEYS.dedicated), TITLE)
    return made


def _sealed(apdu: bytes, key: bytes, control: int = 0x30) -> bytes:
    return protect(apdu, title=TITLE, control=control, counter=5, key=key, ak=KEYS.authentication)
