"""The device list: in as CSV, out as CSV or JSON without secrets."""

import csv
import io
from typing import Any, Final

from starlette.responses import Response

from hes.devices import SECRET_COLUMNS
from web.endpoint import Call, get, post
from web.json_answer import encode_json
from web.query import text
from web.shapes import ImportAnswer

LIST_SIZE_MAX: Final = 32 * 1024 * 1024
"""Some 200,000 meters with keys."""
LIST_S: Final = 300.0


async def import_devices(call: Call) -> Any:
    """Take a list, all of it or nothing."""
    written = await call.text(LIST_SIZE_MAX, LIST_S)
    result = await call.web.node.import_devices(written, call.actor, call.query["reason"])
    return {"imported": result.imported, "unchanged": result.unchanged}


async def export_devices(call: Call) -> Response:
    """Answer the list."""
    as_json = call.accepts("application/json")
    data = await call.read(_as_json if as_json else _as_csv, call.web.node.devices_csv)
    kind = "application/json" if as_json else "text/csv; charset=utf-8"
    return Response(data, headers={"Content-Type": kind, "Cache-Control": "no-store"})


def _as_csv(devices_csv: Any) -> bytes:
    return str(devices_csv()).encode()


def _as_json(devices_csv: Any) -> bytes:
    rows = list(csv.DictReader(io.StringIO(devices_csv())))
    shown = [
        {name: cell for name, cell in row.items() if name not in SECRET_COLUMNS} for row in rows
    ]
    return encode_json({"devices": shown})


routes = (
    post(
        "/api/v1/devices",
        import_devices,
        "Import a device list (text/csv with a header)",
        ImportAnswer,
        body="text/csv",
        query=(text("reason", "why, for the record"),),
        errors=(413, 422),
    ),
    get("/api/v1/devices", export_devices, "The device list without secrets", "text/csv"),
)
