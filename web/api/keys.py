"""Give a meter new keys. They come in the body, and are never told back or written down."""

from typing import Annotated, Any

import msgspec

from hes.ids import MeterId
from hes.key_change import ChangeKeys, KeysAnswer
from web.api.commands import Wait, execute, reason_of
from web.endpoint import Call, post
from web.errors import ApiError

KeyText = Annotated[str, msgspec.Meta(max_length=64)]
SIZES = (16, 32)


class KeysBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """New keys; who leaves one out does not change it."""

    encryption_key: KeyText = ""
    """32 hex digits, or 64 of a suite with longer keys."""
    authentication_key: KeyText = ""
    reason: str = ""
    """Why; asked for."""
    timeout_s: Wait | None = None

    def __repr__(self) -> str:
        return "KeysBody(...)"


async def change(call: Call) -> Any:
    """Give the meter new keys, wrapped by its master key."""
    body = await call.body(KeysBody)
    command = ChangeKeys(
        meter=MeterId(call.path("meter_id")), actor=call.actor, reason=reason_of(body.reason),
        encryption_key=_key("encryption_key", body.encryption_key),
        authentication_key=_key("authentication_key", body.authentication_key),
    )  # fmt: skip
    if not command.names:
        raise ApiError(422, "give encryption_key, authentication_key, or both")
    return await execute(call, command, body.timeout_s)


def _key(name: str, text: str) -> bytes:
    """Return a key; the message of an error does not repeat it."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ApiError(422, f"{name} is not hex") from None
    if key and len(key) not in SIZES:
        raise ApiError(422, f"{name} must have 32 or 64 hex digits")
    return key


routes = (
    post(
        "/api/v1/meters/{meter_id}/keys",
        change,
        "Give the meter new keys, wrapped by its master key",
        KeysAnswer,
        body=KeysBody,
        errors=(404, 409, 422, 502, 504),
    ),
)
