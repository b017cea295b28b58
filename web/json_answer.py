"""JSON as this program writes it: by msgspec, UTF-8, never cached."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

_encoder: Final = msgspec.json.Encoder(decimal_format="string")


def encode_json(body: Any) -> bytes:
    """Return ``body`` as JSON."""
    return _encoder.encode(body)


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with ``body`` as JSON."""
    return Response(
        encode_json(body),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )
