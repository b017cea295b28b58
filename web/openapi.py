"""OpenAPI 3.1 from the declared operations and the shapes of their answers."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from web.endpoint import Endpoint
from web.query import Param

REF: Final = "#/components/schemas/{name}"
ABOUT: Final = (
    "Times are ISO 8601 with offset. OBIS codes are written A.B.C.D.E.F in answers; requests may"
    " leave out F, or A and B. Values are decimal strings in their unit. The live feed is the"
    ' websocket /live: send {"subscribe": ["overview", "meters", "meter:ID", "alarms", "modems",'
    ' "events", "tree"]}; it answers with a snapshot and its number, then with deltas.'
)
SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "flag": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "obis": {"type": "array", "items": {"type": "string"}},
}
REASONS: Final = {
    400: "A parameter cannot be used", 401: "A token is needed", 404: "There is no such thing",
    409: "The modem is not connected", 413: "The body is too large",
    422: "The body cannot be used", 502: "The meter's side failed",
    503: "Data cannot be had for now; see Retry-After", 504: "The meter did not answer",
}  # fmt: skip
LATER: Final = "The store is away; it is accepted all the same, and done when it is back"
_IN_PATH: Final = re.compile(r"\{(\w+)\}")


class ErrorBody(msgspec.Struct):
    """What went wrong: ``code`` for programs, ``message`` for people."""

    code: str
    message: str
    detail: Any = None


class AcceptedBody(msgspec.Struct):
    """What will be done, and when."""

    message: str


class Accepted(msgspec.Struct):
    """The body of an answer to what is done later: 202."""

    accepted: AcceptedBody


class Error(msgspec.Struct):
    """The body of every error."""

    error: ErrorBody


def describe(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """Return the OpenAPI document of ``endpoints``."""
    endpoints = list(endpoints)
    bodies = [part for endpoint in endpoints for part in (endpoint.answer, endpoint.body)]
    types = [Error, Accepted, *(kind for part in bodies for kind in _types(part))]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    by_type = {repr(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, by_type)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "HES", "version": version, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _types(part: Any) -> tuple[Any, ...]:
    """Return the types in what an endpoint declares: a type, one of several, a media type."""
    if part is None or isinstance(part, str):
        return ()
    return part if isinstance(part, tuple) else (part,)


def _operation(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint.path), *map(_query_parameter, endpoint.query)],
        "responses": _responses(endpoint, by_type),
    }
    if endpoint.body is not None:
        told["requestBody"] = {"content": _content(endpoint.body, by_type)}
    return told


def _responses(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    codes = sorted({400, 401, 503, *endpoint.errors})
    error = _content(Error, by_type)
    good = {"200": {"description": endpoint.summary, "content": _content(endpoint.answer, by_type)}}
    if endpoint.method == "POST":
        good["202"] = {"description": LATER, "content": _content(Accepted, by_type)}
    return good | {str(code): {"description": REASONS[code], "content": error} for code in codes}


def _content(part: Any, by_type: dict[str, Any]) -> dict[str, Any]:
    if isinstance(part, str):
        return {part: {"schema": {"type": "string"}}}
    schemas = [by_type[repr(kind)] for kind in _types(part)]
    schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    return {"application/json": {"schema": schema}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _IN_PATH.findall(path)
    ]


def _query_parameter(param: Param) -> dict[str, Any]:
    schema = dict(SCHEMAS[param.kind])
    if param.kind == "integer":
        schema |= {"minimum": param.low, "maximum": param.high}
        if param.default is not None:
            schema["default"] = param.default
    return {"name": param.name, "in": "query", "description": param.about, "schema": schema}
