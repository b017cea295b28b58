"""Parameters in a query string: each one is declared once, for parsing and for the description."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.datastructures import QueryParams

from hes import obis
from web.errors import ApiError

TEXT_SIZE_MAX: Final = 200
OBIS_CODES_MAX: Final = 256
_LOST_PLUS: Final = re.compile(r" (?=\d\d:?\d\d$)")
"""An offset ``+07:00`` whose plus was not escaped comes as a blank."""


class Param(msgspec.Struct, frozen=True):
    """A query parameter: its name, JSON type and what it is for."""

    name: str
    kind: str
    """``text``, ``integer``, ``flag``, ``time`` or ``obis``."""
    about: str
    default: Any = None
    low: int = 0
    high: int = 0


def text(name: str, about: str) -> Param:
    """Declare a text of at most ``TEXT_SIZE_MAX`` characters."""
    return Param(name, "text", about, "")


def integer(name: str, about: str, default: int | None, low: int, high: int) -> Param:
    """Declare a whole number from ``low`` to ``high``."""
    return Param(name, "integer", about, default, low, high)


def flag(name: str, about: str) -> Param:
    """Declare ``true`` or ``false``."""
    return Param(name, "flag", about, False)


def instant(name: str, about: str) -> Param:
    """Declare a time with offset."""
    return Param(name, "time", about)


def obis_codes(name: str, about: str) -> Param:
    """Declare OBIS codes, repeated or with commas."""
    return Param(name, "obis", about, [])


def parse(given: QueryParams, declared: Iterable[Param]) -> dict[str, Any]:
    """Return a value for every declared parameter.

    Raises:
        ApiError: 400, one is unknown or cannot be read; the message names it.

    """
    known = {param.name: param for param in declared}
    for name in given:
        if name not in known:
            names = ", ".join(known) or "none"
            raise ApiError(400, f"unknown parameter {name!r}; known here: {names}")
    return {name: _value(param, given) for name, param in known.items()}


def _value(param: Param, given: QueryParams) -> Any:
    if param.name not in given:
        return param.default
    if param.kind == "obis":
        return _obis(given.getlist(param.name))
    if len(given.getlist(param.name)) > 1:
        raise ApiError(400, f"{param.name} is given more than once")
    written = given[param.name]
    if written == "":
        return param.default
    return _PARSERS[param.kind](param, written)


def _text(param: Param, written: str) -> str:
    if len(written) > TEXT_SIZE_MAX or not written.isprintable():
        raise ApiError(400, f"{param.name} may have {TEXT_SIZE_MAX} printable characters at most")
    return written


def _integer(param: Param, written: str) -> int:
    # The length is checked first: turning a very long text into a number is slow.
    if len(written) < 20 and written.isascii() and written.isdecimal():
        number = int(written)
        if param.low <= number <= param.high:
            return number
    shown = written[:24]
    raise ApiError(
        400, f"{param.name}={shown!r} is no whole number from {param.low} to {param.high}"
    )


def _flag(param: Param, written: str) -> bool:
    if written not in {"true", "false"}:
        raise ApiError(400, f"{param.name} is either true or false")
    return written == "true"


def time_of(name: str, written: str) -> datetime:
    """Return the time in a text.

    Raises:
        ApiError: 400, it is no time, or has no offset.

    """
    try:
        instant = datetime.fromisoformat(_LOST_PLUS.sub("+", written[:64]))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ApiError(
            400,
            f"{name}={written[:40]!r} is no time with offset; write 2026-01-31T00:00:00+07:00 or"
            " 2026-01-30T17:00:00Z",
        )
    return instant


def span(values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return ``from`` and ``to`` of parsed parameters.

    Raises:
        ApiError: 400, ``from`` is later than ``to``.

    """
    start, end = values["from"], values["to"]
    if start is not None and end is not None and start > end:
        raise ApiError(400, f"from {start.isoformat()} is later than to {end.isoformat()}")
    return start, end


def _obis(written: list[str]) -> list[str]:
    codes = [code.strip() for part in written for code in part.split(",") if code.strip()]
    return full_codes(codes)


def full_codes(codes: list[str], status: int = 400) -> list[str]:
    """Return OBIS codes in full form, each once.

    Raises:
        ApiError: with ``status``, one is no OBIS code, or there are too many.

    """
    if len(codes) > OBIS_CODES_MAX:
        raise ApiError(status, f"{len(codes)} OBIS codes; at most {OBIS_CODES_MAX} at once")
    try:
        return list(dict.fromkeys(obis.parse(code[:40]) for code in codes))
    except ValueError as problem:
        raise ApiError(status, str(problem)) from None


_PARSERS: Final[dict[str, Callable[[Param, str], Any]]] = {
    "text": _text,
    "integer": _integer,
    "flag": _flag,
    "time": lambda param, written: time_of(param.name, written),
}
