"""An engineer's translator: a frame in, everything that can be said about it out, as plain data.

The request names the framing and may hold keys; the answer's shape is that of CONTRACT: ``hes
decode``. A frame that must be refused gives ``{"ok": false, "error": category, "detail": ...}``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.dlms import acse, apdu_action, hdlc_capture, mbus, wrapper
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import TAGS as CIPHERED_TAGS, Ciphered
from protocols.dlms.apdu_push import DataNotification
from protocols.dlms.axdr import decode_all
from protocols.dlms.captured_blocks import CapturedBlocks
from protocols.dlms.cosem import ASSOCIATION_OBIS
from protocols.dlms.display import show_apdu, show_value
from protocols.dlms.gbt import TAG as GBT_TAG, BlockJoiner, decode_block
from protocols.dlms.hdlc import HdlcFrame
from protocols.dlms.hdlc_limits import PARAMETERS
from protocols.dlms.llc import strip_llc
from protocols.dlms.opened import Opened, open_ciphered, open_unverified
from protocols.dlms.options import DlmsOptions
from protocols.dlms.push import items_of
from protocols.dlms.push_layouts import positional_items
from protocols.dlms.security import Keys, check_gmac_token
from protocols.errors import ProtocolError, RemoteProtocolError

TRANSLATES: Final = ("dlms",)
NOT_VERIFIED: Final = (
    "not verified: no authentication key (ak) was given, so nobody can tell whether a protected"
    " message is true"
)


class Answer(dict[str, Any]):
    """An answer, and what is to be said about it beside its own shape."""

    notes: tuple[str, ...] = ()


class _Session:
    """What the messages of one capture tell about each other."""

    def __init__(self, keys: Mapping[str, Any], options: DlmsOptions | None = None) -> None:
        self.keys = _keys(keys)
        self._options = options or DlmsOptions()
        title = keys.get("system_title")
        self.titles: dict[str, bytes | None] = dict.fromkeys(
            ("tx", "rx"), bytes.fromhex(title) if title else None
        )
        self.challenges: dict[str, bytes | None] = {"tx": None, "rx": None}
        self.tokens: list[tuple[str, bytes]] = []
        self.notes: tuple[str, ...] = ()
        """What a person must know who reads the answer."""
        self.plain: list[Any] = []
        """The messages so far, without protection."""

    # -- one message

    def show(self, apdu: bytes, direction: str) -> dict[str, Any]:
        """Return one message in the translator's notation."""
        item: dict[str, Any] = {"dir": direction, "apdu_hex": apdu.hex()}
        if apdu[:2] == PARAMETERS:
            return item | {"apdu": {"type": "hdlc-parameters"}}
        decoded = decode_apdu(apdu)
        plain = decoded
        if isinstance(decoded, Ciphered):
            item["apdu"], plain = self._ciphered(decoded, direction)
        elif isinstance(decoded, acse.Aarq | acse.Aare):
            item["apdu"] = self._association(decoded, direction)
        else:
            item["apdu"] = show_apdu(decoded)
        self.plain.append(plain)
        self._note(plain, direction)
        return item | _values(plain, self._options)

    def _ciphered(self, ciphered: Ciphered, direction: str) -> tuple[dict[str, Any], Any]:
        title = ciphered.system_title or self.titles[direction]
        shown: dict[str, Any] = {
            "type": "ciphered",
            "security": _security(ciphered, title),
            "plain_hex": None,
            "plain": None,
        }
        opened = self._opened(ciphered, title)
        if opened is None:
            return shown, None
        shown |= {"plain_hex": opened.plain_bytes.hex(), "plain": show_apdu(opened.plain)}
        return shown, opened.plain

    def _association(self, apdu: acse.Aarq | acse.Aare, direction: str) -> dict[str, Any]:
        if apdu.system_title is not None:
            self.titles[direction] = apdu.system_title
        self.challenges[direction] = apdu.authentication_value
        shown = show_apdu(apdu)
        information = apdu.user_information
        if information is None:
            return shown
        if information[:1] and information[0] in CIPHERED_TAGS:
            return shown | {"user_information": self._sealed(information, direction)}
        return shown | {"user_information": show_apdu(decode_apdu(information))}

    def _sealed(self, information: bytes, direction: str) -> dict[str, Any]:
        ciphered = decode_apdu(information)
        title = self.titles[direction]
        seal = {"ciphered": _security(ciphered, title)}
        opened = self._opened(ciphered, title)
        return seal if opened is None else show_apdu(opened.plain) | seal

    def _opened(self, ciphered: Ciphered, title: bytes | None) -> Opened | None:
        """Return what a protected message holds; None when a key or the sender is not known.

        Whoever has no authentication key can read all the same, and cannot tell whether it is true.
        """
        key = self.keys.dedicated if ciphered.dedicated else self.keys.encryption
        if not key or not title or ciphered.own_key:
            return None
        try:
            return open_ciphered(ciphered, self.keys, title)
        except RemoteProtocolError as problem:
            if problem.category != "auth-tag" or self.keys.authentication:
                raise
            opened = open_unverified(ciphered, self.keys, title)
            if opened is None:
                raise
            self.notes = (NOT_VERIFIED,)
            return opened

    # -- the whole capture

    def _note(self, apdu: Any, direction: str) -> None:
        """Keep the answers to HLS challenges: reply_to_HLS_authentication and its result."""
        if isinstance(apdu, apdu_action.ActionRequest):
            method = apdu.method
            if method.obis == ASSOCIATION_OBIS and method.index == 1:
                self._token(apdu.parameter, direction)
        elif isinstance(apdu, apdu_action.ActionResponse) and apdu.returned:
            self._token(apdu.value, direction)

    def _token(self, token: Any, direction: str) -> None:
        if isinstance(token, bytes) and len(token) == 17:
            self.tokens.append((direction, token))

    def hls(self) -> list[dict[str, Any]]:
        """Return the answers to HLS-GMAC challenges and whether they are right."""
        shown: list[dict[str, Any]] = []
        for direction, token in self.tokens:
            challenge = self.challenges["rx" if direction == "tx" else "tx"]
            title = self.titles[direction]
            if challenge is None or title is None or not self.keys.encryption:
                continue
            who = "client f(StoC)" if direction == "tx" else "server f(CtoS)"
            valid = _is_valid(token, challenge, title, self.keys)
            shown.append({"who": who, "challenge": challenge.hex(), "token": token.hex(),
                          "valid": valid})  # fmt: skip
        return shown


def _is_valid(token: bytes, challenge: bytes, title: bytes, keys: Keys) -> bool:
    try:
        check_gmac_token(token, challenge, title=title, keys=keys)
    except RemoteProtocolError:
        return False
    return True


def _keys(keys: Mapping[str, Any]) -> Keys:
    ek, ak, ded = (bytes.fromhex(keys.get(name) or "") for name in ("ek", "ak", "ded"))
    return Keys(ek, ak, ded)


def _security(ciphered: Ciphered, title: bytes | None) -> dict[str, Any]:
    return {
        "tag": ciphered.tag,
        "system_title": None if title is None else title.hex(),
        "security_control": ciphered.header.control,
        "invocation_counter": ciphered.header.counter,
    }


def _values(apdu: Any, options: DlmsOptions) -> dict[str, Any]:
    """Return the values by OBIS of a push, when it carries any or the meter type knows them."""
    if not isinstance(apdu, DataNotification):
        return {}
    values: dict[str, Any] = {}
    for item in items_of(apdu.body) or positional_items(apdu.body, options.pushes):
        shown: dict[str, Any] = {"value": show_value(item.value)}
        known = options.scales.get(item.obis)
        if item.scaler is not None:
            shown |= {"scaler": item.scaler, "unit": item.unit}
        elif known is not None:
            shown |= {"scaler": known.scaler, "unit": known.code}
        values[item.key] = shown
    return {"values": values} if values else {}


def _frame(frame: HdlcFrame) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "dst": frame.destination.hex(),
        "src": frame.source.hex(),
        "control": frame.control,
        "segmented": frame.segmented,
        "fcs_ok": True,
    }
    if frame.information:
        shown["hcs_ok"] = True
    return shown | {"info": frame.information.hex()}


def _show_all(apdus: list[bytes], session: _Session) -> list[dict[str, Any]]:
    return [session.show(apdu, "rx") for apdu in apdus]


def _hdlc(capture: bytes, session: _Session) -> dict[str, Any]:
    frames = hdlc_capture.read_capture(capture)
    apdus = hdlc_capture.join_information(frames)
    return {"frames": list(map(_frame, frames)), "apdus": _show_all(apdus, session)}


def _hdlc_frame(capture: bytes, _session: _Session) -> dict[str, Any]:
    return {"frames": list(map(_frame, hdlc_capture.read_capture(capture)))}


def _hdlc_gbt(capture: bytes, session: _Session) -> dict[str, Any]:
    frames = hdlc_capture.read_capture(capture)
    joiner = BlockJoiner()
    apdus: list[bytes] = []
    for message in hdlc_capture.join_information(frames):
        if message[:1] != bytes((GBT_TAG,)):
            apdus.append(message)
        elif (apdu := joiner.take(decode_block(message))) is not None:
            apdus.append(apdu)
    if joiner.open:
        raise RemoteProtocolError("truncated", "the last block of a block transfer is missing")
    return {"frames": list(map(_frame, frames)), "apdus": _show_all(apdus, session)}


def _wrapper(capture: bytes, session: _Session) -> dict[str, Any]:
    wpdus = wrapper.read_capture(capture)
    heads = [{"src": w.source, "dst": w.destination, "length": len(w.apdu)} for w in wpdus]
    return {"wrapper": heads, "apdus": _show_all([w.apdu for w in wpdus], session)}


def _mbus(capture: bytes, session: _Session) -> dict[str, Any]:
    return {"apdus": _show_all(mbus.read_capture(capture), session)}


def _llc(capture: bytes, session: _Session) -> dict[str, Any]:
    return {"apdus": [session.show(strip_llc(capture), "rx")]}


def _apdu(capture: bytes, session: _Session) -> dict[str, Any]:
    return {"apdus": [session.show(capture, "rx")]}


def _axdr(capture: bytes, _session: _Session) -> dict[str, Any]:
    return {"value": show_value(decode_all(capture))}


FRAMINGS: Final[dict[str, Callable[[bytes, _Session], dict[str, Any]]]] = {
    "hdlc": _hdlc,
    "hdlc-frame": _hdlc_frame,
    "hdlc-gbt": _hdlc_gbt,
    "wrapper": _wrapper,
    "mbus": _mbus,
    "llc": _llc,
    "apdu": _apdu,
    "axdr": _axdr,
}


def _hdlc_session(frames: list[tuple[str, bytes]], session: _Session) -> dict[str, Any]:
    apdus: list[dict[str, Any]] = []
    waiting: dict[str, list[HdlcFrame]] = {"tx": [], "rx": []}
    for direction, raw in frames:
        parts = waiting[direction]
        parts += hdlc_capture.read_capture(raw)
        if parts[-1].segmented:
            continue
        apdus += [session.show(a, direction) for a in hdlc_capture.join_information(parts)]
        waiting[direction] = []
    if any(waiting.values()):
        raise RemoteProtocolError("truncated", "segmented frame without end")
    return {"apdus": apdus, "hls_gmac": session.hls()}


def _apdu_session(frames: list[tuple[str, bytes]], session: _Session) -> dict[str, Any]:
    shown = {"apdus": [session.show(raw, direction) for direction, raw in frames]}
    blocks = CapturedBlocks()
    for apdu in session.plain:
        blocks.take(apdu)
    blocks.end()
    if len(blocks.values) > 1:
        return shown | {"joined_values": blocks.values}
    return shown | ({"joined_value": blocks.values[0]} if blocks.values else {})


SESSIONS: Final = {"hdlc-session": _hdlc_session, "apdu-session": _apdu_session}


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be said about the frames in ``request``; never raises.

    ``options`` in the request: those of the meter type that sent them. An ``Answer`` has notes:
    that nobody could verify what it shows.
    """
    try:
        return _translate(request)
    except ProtocolError as problem:
        return {"ok": False, "error": problem.category, "detail": str(problem)}


def _translate(request: Mapping[str, Any]) -> Answer:
    framing = request.get("framing") or "apdu"
    options = request.get("options")
    own = options if isinstance(options, DlmsOptions) else None
    session = _Session(_checked_keys(request.get("keys")), own)
    if not isinstance(framing, str):
        raise RemoteProtocolError("framing", "the framing must be a name")
    if framing in SESSIONS:
        shown = SESSIONS[framing](_frames(request), session)
    elif framing in FRAMINGS:
        shown = FRAMINGS[framing](b"".join(captured_chunks(request)), session)
    else:
        raise RemoteProtocolError("framing", f"unknown framing {framing!r}")
    answer = Answer({"ok": True} | shown)
    answer.notes = session.notes
    return answer


def _frames(request: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    frames = request.get("frames_in_order")
    if not isinstance(frames, list) or not all(map(_is_frame, frames)):
        raise RemoteProtocolError("framing", "a session needs frames_in_order: [[tx|rx, hex], ...]")
    raw = captured_chunks({"chunks_hex": [text for _, text in frames]})
    return [(direction, part) for (direction, _), part in zip(frames, raw, strict=True)]


def _is_frame(frame: Any) -> bool:
    return isinstance(frame, list) and len(frame) == 2 and frame[0] in ("tx", "rx")


def _checked_keys(keys: Any) -> Mapping[str, Any]:
    if keys is None:
        return {}
    if not isinstance(keys, Mapping):
        raise RemoteProtocolError("keys", "keys must be an object with ek, ak, ded, system_title")
    sizes = {"ek": (16, 32), "ak": (16, 32), "ded": (16, 32), "system_title": (8,)}
    for name, allowed in sizes.items():
        if keys.get(name) and len(captured_chunks({"hex": keys[name]})[0]) not in allowed:
            raise RemoteProtocolError("keys", f"{name} has the wrong length")
    return keys
