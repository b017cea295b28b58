"""Errors as the API tells them: a code for programs, a sentence for people.

Handlers raise; this table turns what they raise into a status and ``{"error": ...}``.
"""

from collections.abc import Callable
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hes.commands import (
    CommandFailed,
    CommandInvalid,
    DoneLater,
    StoreAway,
    UnknownMeter,
    UnknownModem,
)
from hes.devices import DeviceListError
from hes.events.reading import FailureReason
from hes.ids import MeterId
from hes.store.errors import StoreError, StoreUnavailable
from web.json_answer import json_answer

RETRY_AFTER_S: Final = 5
COMMAND_STATUS: Final = {
    FailureReason.NO_MODEM: 409, FailureReason.NO_ANSWER: 504, FailureReason.EXPIRED: 504,
}  # fmt: skip
"""Other reasons are 502: the meter's side did not do what we asked of it."""
STATUS_CODES: Final = {
    400: "bad-request", 401: "no-token", 403: "forbidden", 404: "not-found",
    405: "method-not-allowed", 408: "too-slow", 413: "too-large",
    421: "wrong-host", 422: "bad-body", 429: "too-many", 503: "unavailable", 504: "no-answer",
}  # fmt: skip


class ApiError(Exception):
    """The request cannot be served as asked; the message is shown to the caller."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, detail: Any = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or STATUS_CODES.get(status, "error")
        self.message = message
        self.detail = detail


def error_body(code: str, message: str, detail: Any = None) -> dict[str, Any]:
    """Return the body of every error."""
    return {"error": {"code": code, "message": message, "detail": detail}}


def error_answer(problem: ApiError) -> Response:
    """Return the response that tells ``problem``."""
    headers = {}
    if problem.status in {429, 503}:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="hes"'
    body = error_body(problem.code, problem.message, problem.detail)
    return json_answer(body, problem.status, headers)


def unknown_meter(meter_id: str) -> ApiError:
    """Return the error for a meter that nobody knows."""
    return ApiError(404, str(UnknownMeter(MeterId(meter_id))), code="unknown-meter")


EXPECTED: Final = (
    ApiError, UnknownMeter, UnknownModem, CommandFailed, CommandInvalid, DeviceListError,
    StoreAway, StoreError,
)  # fmt: skip
"""What handlers may raise; anything else is a mistake of ours and goes to the log."""


def as_api_error(problem: Exception) -> ApiError:
    """Return what the caller is told about ``problem``."""
    if isinstance(problem, ApiError):
        return problem
    for kind, told in _TOLD:
        if isinstance(problem, kind):
            return told(problem)
    # What it was is in the log: it may hold what is not for the caller's eyes.
    return ApiError(500, "the head-end made a mistake; see its log", code="internal")


def _command_failed(problem: CommandFailed) -> ApiError:
    status = COMMAND_STATUS.get(problem.reason, 502)
    return ApiError(status, str(problem), code=problem.reason.value)


def _device_list(problem: DeviceListError) -> ApiError:
    rows = [error._asdict() for error in problem.errors]
    return ApiError(422, str(problem), code="device-list", detail=rows)


def unavailable(problem: Exception) -> ApiError:
    """Return the error for a database that is away for now."""
    return ApiError(503, f"the data cannot be had for now: {problem}; try again")


def later_answer(later: DoneLater) -> Response:
    """Return the response for what was accepted and is done later: no error, and no result yet."""
    return json_answer({"accepted": {"message": str(later)}}, 202)


async def tell(_: Request, problem: Exception) -> Response:
    """Answer what no endpoint of ours has answered, in Starlette's way."""
    return error_answer(as_api_error(problem))


_TOLD: Final[tuple[tuple[type[Exception], Callable[[Any], ApiError]], ...]] = (
    (UnknownMeter, lambda problem: unknown_meter(problem.meter)),
    (UnknownModem, lambda problem: ApiError(404, str(problem), code="unknown-modem")),
    (CommandFailed, _command_failed),
    (CommandInvalid, lambda problem: ApiError(422, str(problem))),
    (DeviceListError, _device_list),
    (HTTPException, lambda problem: ApiError(problem.status_code, f"{problem.detail}")),
    (StoreAway, lambda problem: ApiError(503, str(problem), code="store-away")),
    (StoreUnavailable, unavailable),
    (StoreError, lambda problem: ApiError(500, str(problem), code="store")),
)
