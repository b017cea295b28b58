"""The translator: any request is answered, never raised at."""

from typing import Any

import pytest
from dlms_messages import KEYS, TIME, TITLE, ciphered_apdus, plain_apdus
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import acse, apdu_action, axdr_encode as ax, hdlc
from protocols.dlms.apdu_ciphered import GENERAL_GLO, GLO_INITIATE_REQUEST, encode_ciphered
from protocols.dlms.cosem import ASSOCIATION_OBIS, Attribute
from protocols.dlms.gbt import Block, encode_block
from protocols.dlms.security import gmac_token, protect
from protocols.dlms.translate import FRAMINGS, NOT_VERIFIED, SESSIONS, Answer, translate
from protocols.dlms.wrapper import encode_wpdu

KEY_TEXTS = {
    "ek": KEYS.encryption.hex(), "ak": KEYS.authentication.hex(), "ded": KEYS.dedicated.hex(),
    "system_title": TITLE.hex(),
}  # fmt: skip
PUSH = plain_apdus()["push"]
LLC = b"\xe6\xe7\x00"


def one(apdu: bytes, **more: Any) -> Any:
    told = translate({"framing": "apdu", "hex": apdu.hex(), **more})
    assert told["ok"], told
    return told["apdus"][0]["apdu"]


@pytest.mark.parametrize("name", plain_apdus())
def test_every_apdu_has_its_words(name: str) -> None:
    shown = one(plain_apdus()[name])
    assert isinstance(shown["type"], str)


CLOCK_SHOWN = {"class": 8, "obis": "0.0.1.0.0.255", "index": 2}
TOLD = [
    ("got-refusal", {"type": "get-response-normal", "invoke": 193, "result": {"error": 4}}),
    ("got-no-block", {"type": "get-response-with-datablock", "invoke": 193, "last": True,
                      "block": 3, "error": 19}),
    ("get-next", {"type": "get-request-next", "invoke": 193, "block": 7}),
    ("was-set", {"type": "set-response-normal", "invoke": 193, "result": 0}),
    ("called", {"type": "action-response-normal", "invoke": 193, "result": 0, "return": None}),
    ("rlrq", {"type": "rlrq", "reason": 0}),
    ("service-error", {"type": "confirmed-service-error", "service": 1, "kind": 6, "value": 1}),
    ("push-confirm", {"type": "data-notification-confirm", "long_invoke_id": 7,
                      "time": TIME.hex()}),
    ("set-list-first", {
        "type": "set-request-with-list-and-first-datablock", "invoke": 193, "last": False,
        "block": 1, "raw": "0211", "list": [
            {"attribute": CLOCK_SHOWN, "selection": None},
            {"attribute": {"class": 7, "obis": "1.0.99.1.0.255", "index": 2},
             "selection": {"selector": 2, "parameter": [1, 2, 1, 0]}},
        ],
    }),
    ("last-list-was-set", {"type": "set-response-last-datablock-with-list", "invoke": 193,
                           "list": [0, 3], "block": 7}),
    ("list-was-set", {"type": "set-response-with-list", "invoke": 193, "list": [0, 3]}),
    ("call-list", {"type": "action-request-with-list", "invoke": 193,
                   "methods": [CLOCK_SHOWN | {"index": 6}] * 2, "parameters": [-5, None]}),
    ("call-list-first", {"type": "action-request-with-list-and-first-pblock", "invoke": 193,
                         "methods": [CLOCK_SHOWN | {"index": 6}], "last": False, "block": 1,
                         "raw": "0110"}),
    ("called-list", {"type": "action-response-with-list", "invoke": 193, "list": [
        {"result": 0, "return": {"data": 1}}, {"result": 3, "return": None},
    ]}),
    ("accessed", {"type": "access-response", "long_invoke_id": 0xC0000005, "time": None, "list": [
        {"verb": "get", "result": 0, "data": 1}, {"verb": "set", "result": 3, "data": None},
        {"verb": "action", "result": 0, "data": None},
    ]}),
    ("call", {"type": "action-request-normal", "invoke": 193, "parameter": -5,
              "method": {"class": 8, "obis": "0.0.1.0.0.255", "index": 6}}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "told"), TOLD)
def test_what_is_told(name: str, told: dict[str, Any]) -> None:
    assert one(plain_apdus()[name]) == told


def test_what_is_asked_for_all_at_once() -> None:
    shown = one(plain_apdus()["access"])
    assert (shown["type"], shown["time"]) == ("access-request", TIME.hex())
    verbs = [item["verb"] for item in shown["list"]]
    assert verbs == ["get", "get-selected", "set", "set-selected", "action"]
    assert [item["data"] for item in shown["list"]] == [None, None, "hex:" + TIME.hex(), 1, -5]
    assert shown["list"][1]["selection"] == {"selector": 2, "parameter": [1, 2, 1, 0]}
    assert one(plain_apdus()["accessed"]) == one(plain_apdus()["accessed-again"])


def test_what_needs_certificates_is_refused_by_its_name() -> None:
    told = translate({"framing": "apdu", "hex": "df0000"})
    assert (told["ok"], told["error"]) == (False, "apdu-tag")
    assert told["detail"].startswith("general-signing")


def test_frames_that_hold_no_message() -> None:
    """A connection's frames: the numbers agreed on, and those with nothing in them."""
    parameters = bytes.fromhex("818014050200ef060200ef070400000001080400000001")
    assert one(parameters) == {"type": "hdlc-parameters"}
    address = hdlc.encode_address(1, None, 1), hdlc.encode_address(16, None, 1)
    bare = hdlc.encode_frame(*address, hdlc.SNRM)
    told = translate({"framing": "hdlc-frame", "hex": bare.hex()})
    assert (told["frames"][0]["info"], "hcs_ok" in told["frames"][0]) == ("", False)


def test_associations_without_names_and_terms() -> None:
    shown = one(acse.encode_aarq(acse.Aarq()))
    assert shown == {"type": "aarq", "context": 1}
    assert "system_title" not in one(acse.encode_aare(acse.Aare()))


def test_a_block_transfer_without_its_end_is_refused() -> None:
    block = encode_block(Block(False, False, 1, 1, 0, b"\x0f"))
    address = hdlc.encode_address(16, None, 1), hdlc.encode_address(1, None, 1)
    frame = hdlc.encode_frame(*address, hdlc.UI, LLC + block)
    told = translate({"framing": "hdlc-gbt", "hex": frame.hex()})
    assert (told["ok"], told["error"]) == (False, "truncated")


@pytest.mark.parametrize("name", ciphered_apdus())
def test_protected_messages_with_and_without_keys(name: str) -> None:
    apdu = ciphered_apdus()[name]
    opened = one(apdu, keys=KEY_TEXTS)
    assert opened["security"]["system_title"] == TITLE.hex()
    assert opened["security"]["invocation_counter"] == 5
    assert opened["plain"] == one(bytes.fromhex(opened["plain_hex"]))
    for keys in (None, {}, {"ak": KEY_TEXTS["ak"]}, {"system_title": TITLE.hex()}):
        kept = one(apdu, keys=keys)
        assert kept["plain"] is None
        assert kept["security"]["security_control"] == 0x30
    if not name.startswith("general"):  # nobody knows who sent it
        nameless = {**KEY_TEXTS, "system_title": None}
        assert one(apdu, keys=nameless)["security"]["system_title"] is None


def test_values_by_code() -> None:
    energy = ax.octets(bytes((1, 0, 1, 8, 0, 255)))
    scaled = ax.structure(energy, ax.u32(1234), ax.structure(ax.i8(0), ax.enum(30)))
    body = ax.array(scaled)
    told = translate({"framing": "apdu", "hex": (b"\x0f\0\0\0\1\0" + body).hex()})
    assert told["apdus"][0]["values"] == {"1.0.1.8.0.255": {"value": 1234, "scaler": 0, "unit": 30}}


FRAMED = {
    "hdlc": hdlc.encode_frame(b"\x21", b"\x03", hdlc.UI, LLC + PUSH),
    "hdlc-gbt": b"".join(
        hdlc.encode_frame(
            b"\x21", b"\x03", hdlc.UI,
            LLC + encode_block(Block(n == 2, n < 2, 1, n, 0, half)),
        )
        for n, half in ((1, PUSH[:40]), (2, PUSH[40:]))
    ),
    "wrapper": encode_wpdu(1, 103, PUSH),
    "llc": LLC + PUSH,
    "apdu": PUSH,
}  # fmt: skip


@pytest.mark.parametrize("framing", FRAMED)
def test_the_same_message_in_every_framing(framing: str) -> None:
    told = translate({"framing": framing, "raw_hex": FRAMED[framing].hex()})
    assert told["ok"], told
    assert [a["apdu_hex"] for a in told["apdus"]] == [PUSH.hex()]


def test_plain_messages_among_blocks() -> None:
    mixed = FRAMED["hdlc"] + FRAMED["hdlc-gbt"]
    told = translate({"framing": "hdlc-gbt", "hex": mixed.hex()})
    assert [a["apdu_hex"] for a in told["apdus"]] == [PUSH.hex()] * 2


@pytest.mark.parametrize("request_", [
    {}, {"framing": "apdu"}, {"framing": "morse", "hex": ""}, {"framing": [], "hex": "00"},
    {"framing": {"a": 1}, "hex": "00"}, {"framing": 7}, {"framing": "apdu", "hex": "0g"},
    {"framing": "apdu", "hex": 7}, {"framing": "apdu", "chunks_hex": "00"},
    {"framing": "apdu", "chunks_hex": [1]}, {"framing": "hdlc-session"},
    {"framing": "hdlc-session", "frames_in_order": [["tx"]]},
    {"framing": "hdlc-session", "frames_in_order": [[["tx"], "00"]]},
    {"framing": "apdu-session", "frames_in_order": [["tx", 5]]},
    {"framing": "apdu-session", "frames_in_order": [["up", "00"]]},
    {"framing": "apdu-session", "frames_in_order": 5},
    {"framing": "apdu", "hex": "00", "keys": 5},
    {"framing": "apdu", "hex": "00", "keys": {"ek": "00"}},
    {"framing": "apdu", "hex": "00", "keys": {"ek": 5}}, {"framing": "axdr", "hex": ""},
    {"framing": "apdu", "hex": "00", "keys": {"system_title": "0102"}},
])  # fmt: skip
def test_bad_requests_are_answered(request_: dict[str, Any]) -> None:
    told = translate(request_)
    assert told["ok"] is False
    assert told["error"]
    assert told["detail"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=9).map(bytes.hex),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=many(0.8))
@given(
    st.fixed_dictionaries(
        {"framing": st.sampled_from([*FRAMINGS, *SESSIONS]) | JSON},
        optional={
            "hex": JSON,
            "raw_hex": JSON,
            "chunks_hex": JSON,
            "frames_in_order": JSON,
            "keys": JSON
            | st.dictionaries(st.sampled_from(["ek", "ak", "ded", "system_title"]), JSON),
        },
    )
)
def test_any_request_is_answered(request_: dict[str, Any]) -> None:
    assert translate(request_)["ok"] in {True, False}


@settings(max_examples=many(1.5))
@given(
    st.sampled_from(sorted(plain_apdus() | ciphered_apdus())),
    st.sampled_from(sorted(FRAMINGS)),
    st.data(),
)
def test_any_damaged_message_is_answered(name: str, framing: str, data: st.DataObject) -> None:
    raw = bytearray((plain_apdus() | ciphered_apdus())[name])
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[at] = data.draw(st.integers(0, 255))
    keys = data.draw(st.sampled_from([None, KEY_TEXTS, {"ak": KEY_TEXTS["ak"]}]))
    for framed in (bytes(raw), LLC + bytes(raw), encode_wpdu(1, 1, bytes(raw)),
                   hdlc.encode_frame(b"\x21", b"\x03", hdlc.UI, LLC + bytes(raw))):  # fmt: skip
        assert translate({"framing": framing, "hex": framed.hex(), "keys": keys})["ok"] in {
            True,
            False,
        }


def test_nested_protection_is_refused() -> None:
    inner = ciphered_apdus()["general-glo"]
    message = protect(
        inner, title=TITLE, control=0x30, counter=1, key=KEYS.encryption, ak=KEYS.authentication
    )
    outer = encode_ciphered(GENERAL_GLO, message, TITLE)
    told = translate({"framing": "apdu", "hex": outer.hex(), "keys": KEY_TEXTS})
    assert (told["ok"], told["error"]) == (False, "security")


# -- sessions

CLIENT = b"HES\0\0\0\0\1"


def handshake(*, ours: bytes = b"K56iVagY", theirs: bytes = b"P6wRJ21F") -> list[list[str]]:
    """Return an HLS-GMAC association; ``theirs`` is what the client answers to."""
    sealed = protect(
        acse.encode_initiate_request(acse.InitiateRequest()), title=CLIENT, control=0x30, counter=1,
        key=KEYS.encryption, ak=KEYS.authentication,
    )  # fmt: skip
    aarq = acse.Aarq(
        context=3, system_title=CLIENT, mechanism=5, authentication_value=ours,
        user_information=encode_ciphered(GLO_INITIATE_REQUEST, sealed),
    )  # fmt: skip
    aare = acse.Aare(
        context=3, diagnostic=14, system_title=TITLE, mechanism=5,
        authentication_value=b"P6wRJ21F",
    )  # fmt: skip
    token = gmac_token(theirs, title=CLIENT, counter=2, keys=KEYS)
    answer = gmac_token(ours, title=TITLE, counter=3, keys=KEYS)
    method = Attribute(15, ASSOCIATION_OBIS, 1)
    call = apdu_action.encode_request(apdu_action.ActionRequest(0xC1, method, ax.octets(token)))
    done = apdu_action.encode_response(0xC1, 0, ax.octets(answer))
    return [
        ["tx", acse.encode_aarq(aarq).hex()], ["rx", acse.encode_aare(aare).hex()],
        ["tx", call.hex()], ["rx", done.hex()],
    ]  # fmt: skip


def framed(frames: list[list[str]], size: int) -> list[list[str]]:
    """Return the same session in HDLC frames of ``size`` bytes of information."""
    sent: list[list[str]] = []
    for direction, text in frames:
        message = (b"\xe6\xe6\x00" if direction == "tx" else LLC) + bytes.fromhex(text)
        pieces = [message[at : at + size] for at in range(0, len(message), size)]
        for n, piece in enumerate(pieces):
            raw = hdlc.encode_frame(b"\x03", b"\x21", 0x10, piece, segmented=n < len(pieces) - 1)
            sent.append([direction, raw.hex()])
            if n < len(pieces) - 1:
                ready = hdlc.encode_frame(b"\x21", b"\x03", hdlc.receive_ready(1))
                sent.append(["rx" if direction == "tx" else "tx", ready.hex()])
    return sent


@pytest.mark.parametrize("size", [20, 64, 300])
def test_a_session_tells_whether_both_proved_their_key(size: int) -> None:
    keys = {**KEY_TEXTS, "system_title": None}
    told = translate(
        {"framing": "hdlc-session", "keys": keys, "frames_in_order": framed(handshake(), size)}
    )
    assert told["ok"], told
    assert [(h["who"], h["valid"]) for h in told["hls_gmac"]] == [
        ("client f(StoC)", True), ("server f(CtoS)", True),
    ]  # fmt: skip
    assert told["apdus"][0]["apdu"]["user_information"]["type"] == "initiate-request"
    wrong = framed(handshake(theirs=b"P6wRJ21G"), size)
    told = translate({"framing": "hdlc-session", "keys": keys, "frames_in_order": wrong})
    assert [h["valid"] for h in told["hls_gmac"]] == [False, True]
    for nothing in (None, {"ak": KEY_TEXTS["ak"]}):
        told = translate({"framing": "hdlc-session", "keys": nothing, "frames_in_order": wrong})
        assert told["ok"], told
        assert told["hls_gmac"] == []
        assert set(told["apdus"][0]["apdu"]["user_information"]) == {"ciphered"}


def test_what_is_no_token_is_not_judged() -> None:
    frames = handshake()
    method = Attribute(15, ASSOCIATION_OBIS, 1)
    call = apdu_action.ActionRequest(0xC1, method, ax.octets(bytes(16)))
    frames[2][1] = apdu_action.encode_request(call).hex()
    told = translate(
        {"framing": "hdlc-session", "keys": KEY_TEXTS, "frames_in_order": framed(frames, 100)}
    )
    assert [h["who"] for h in told["hls_gmac"]] == ["server f(CtoS)"]


def test_a_session_without_its_end_is_refused() -> None:
    frames = framed(handshake(), 20)[:-1]
    told = translate({"framing": "hdlc-session", "frames_in_order": frames})
    assert (told["ok"], told["error"]) == (False, "truncated")


def test_an_empty_session_has_nothing_in_it() -> None:
    assert translate({"framing": "apdu-session", "frames_in_order": []}) == {
        "ok": True,
        "apdus": [],
    }


def test_blocks_of_a_session_are_joined() -> None:
    value = ax.array(*[ax.u32(n) for n in range(40)])
    blocks = [
        bytes((0xC4, 2, 0xC1, n == 2, 0, 0, 0, n, 0, len(part))) + part
        for n, part in ((1, value[:100]), (2, value[100:]))
    ]
    frames = [["rx", block.hex()] for block in blocks]
    told = translate({"framing": "apdu-session", "frames_in_order": frames})
    assert told["joined_value"] == list(range(40))
    assert translate({"framing": "apdu-session", "frames_in_order": frames[:1]})["ok"] is False


def block(number: int, raw: bytes, *, last: bool) -> bytes:
    return bytes((0xC4, 2, 0xC1, last, 0, 0, 0, number, 0, len(raw))) + raw


GET = bytes.fromhex("c001c10001000060010aff0200")
GET_LIST = bytes.fromhex("c003c102") + GET[3:] * 2
GET_NEXT = bytes.fromhex("c002c100000001")
HALVES = (ax.array(ax.u16(1), ax.u16(2))[:4], ax.array(ax.u16(1), ax.u16(2))[4:])
IN_TWO = [GET, block(1, HALVES[0], last=False), GET_NEXT, block(2, HALVES[1], last=True)]


def session(apdus: list[bytes], **more: Any) -> dict[str, Any]:
    frames = [["rx" if apdu[0] in {0xC4, 0xCC} else "tx", apdu.hex()] for apdu in apdus]
    return translate({"framing": "apdu-session", "frames_in_order": frames, **more})


def test_several_values_in_blocks_are_told_apart() -> None:
    assert session(IN_TWO)["joined_value"] == [1, 2]
    assert session(IN_TWO * 2)["joined_values"] == [[1, 2], [1, 2]]
    twice = [IN_TWO[0], IN_TWO[1], IN_TWO[1], *IN_TWO[2:], IN_TWO[3]]
    assert session(twice)["joined_value"] == [1, 2]
    refused = [GET, block(1, HALVES[0], last=False), bytes.fromhex("c402c10100000002010f")]
    assert "joined_value" not in session(refused)
    assert session(refused + IN_TWO)["joined_value"] == [1, 2]


def test_a_list_that_came_in_blocks_is_a_list_of_results() -> None:
    parts = (b"\x02\x00" + ax.u16(7), b"\x01\x03")
    first, second = block(1, parts[0], last=False), block(2, parts[1], last=True)
    told = session([GET_LIST, first, GET_NEXT, second])
    assert told["joined_value"] == [{"data": 7}, {"error": 3}]


def test_a_missing_block_is_refused() -> None:
    gap = session([GET, block(1, HALVES[0], last=False), GET_NEXT, block(3, HALVES[1], last=True)])
    assert (gap["ok"], gap["error"]) == (False, "block-gap")
    cut = session(IN_TWO[:3])
    assert (cut["ok"], cut["error"]) == (False, "truncated")


def test_protected_blocks_are_joined_too() -> None:
    sealed = [
        encode_ciphered(0xCC if apdu[0] == 0xC4 else 0xC8, protect(
            apdu, title=TITLE, control=0x30, counter=n, key=KEYS.encryption,
            ak=KEYS.authentication,
        ))
        for n, apdu in enumerate(IN_TWO, start=1)
    ]  # fmt: skip
    assert session(sealed, keys=KEY_TEXTS)["joined_value"] == [1, 2]


def notes(apdu: bytes, keys: dict[str, str] | None) -> tuple[str, ...]:
    told = translate({"framing": "apdu", "hex": apdu.hex(), "keys": keys})
    assert isinstance(told, Answer)
    assert set(told) == {"ok", "apdus"}, "its shape is that of the contract"
    return told.notes


def test_a_meter_without_an_authentication_key_is_verified_all_the_same() -> None:
    message = protect(PUSH, title=TITLE, control=0x30, counter=9, key=KEYS.encryption, ak=b"")
    sealed = encode_ciphered(GENERAL_GLO, message, TITLE)
    assert notes(sealed, {"ek": KEY_TEXTS["ek"]}) == ()


def test_what_is_only_encrypted_has_nothing_to_verify() -> None:
    message = protect(PUSH, title=TITLE, control=0x20, counter=9, key=KEYS.encryption, ak=b"")
    assert notes(encode_ciphered(GENERAL_GLO, message, TITLE), {"ek": KEY_TEXTS["ek"]}) == ()


@pytest.mark.parametrize("control", [0x10, 0x30])
def test_without_an_authentication_key_it_can_be_read_but_not_checked(control: int) -> None:
    message = protect(
        PUSH, title=TITLE, control=control, counter=9, key=KEYS.encryption, ak=KEYS.authentication
    )
    sealed = encode_ciphered(GENERAL_GLO, message, TITLE)
    shown = one(sealed, keys={"ek": KEY_TEXTS["ek"], "ak": None})
    assert shown["plain_hex"] == PUSH.hex()
    assert shown["security"]["security_control"] == control
    assert notes(sealed, {"ek": KEY_TEXTS["ek"]}) == (NOT_VERIFIED,)
    assert notes(sealed, KEY_TEXTS) == notes(sealed, None) == ()
    for keys in ({"ek": "11" * 16, "ak": KEY_TEXTS["ak"]}, KEY_TEXTS | {"ak": "11" * 16}):
        told = translate({"framing": "apdu", "hex": sealed.hex(), "keys": keys})
        assert (told["ok"], told["error"]) == (False, "auth-tag")
    if control & 0x20:
        told = translate({"framing": "apdu", "hex": sealed.hex(), "keys": {"ek": "11" * 16}})
        assert (told["ok"], told["error"]) == (False, "auth-tag")


def test_a_segment_that_was_sent_twice_counts_once() -> None:
    parts = (LLC + PUSH[:20], PUSH[20:])
    first, second = (
        hdlc.encode_frame(b"\x03", b"\x21", hdlc.information_control(n, 0), part, segmented=not n)
        for n, part in enumerate(parts)
    )
    told = translate({"framing": "hdlc", "hex": (first + first + second).hex()})
    assert [shown["apdu_hex"] for shown in told["apdus"]] == [PUSH.hex()]
    assert len(told["frames"]) == 3
    whole = hdlc.encode_frame(b"\x03", b"\x21", hdlc.information_control(0, 0), LLC + PUSH)
    assert len(translate({"framing": "hdlc", "hex": (whole * 2).hex()})["apdus"]) == 2


def test_an_apdu_as_long_as_its_field_allows() -> None:
    apdu = bytes.fromhex("0f0000000100") + ax.octets(bytes(60_000))
    wrapped = len(apdu).to_bytes(2)
    told = translate({"framing": "wrapper", "hex": (b"\0\1\0\1\0\x67" + wrapped + apdu).hex()})
    assert told["ok"] is True
    short = b"\0\1\0\1\0\x67\xff\xff" + apdu
    assert translate({"framing": "wrapper", "hex": short.hex()})["error"] == "truncated"


@pytest.mark.parametrize(
    ("hexes", "shown"),
    [("177fc00000", "nan"), ("187ff0000000000000", "inf"), ("17ff800000", "-inf")],
)
def test_what_is_no_number_is_told_in_words(hexes: str, shown: str) -> None:
    assert translate({"framing": "axdr", "hex": hexes})["value"] == shown


def test_differences_are_shown_as_numbers() -> None:
    told = translate({"framing": "axdr", "hex": "02061cfb1dff381e000000051ffb20010021ffffffff"})
    assert told["value"] == [-5, -200, 5, 251, 256, 0xFFFFFFFF]
