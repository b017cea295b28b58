"""The pages: the built bundle in ``web/static``, from a list, so that no path leads outside."""

import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Final

import msgspec
import trio
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from web.errors import ApiError, error_answer

FOLDER: Final = Path(__file__).parent / "static"
ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""In the order of preference: with their ending beside the file."""
FOREVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
_HASHED: Final = re.compile(r"assets/.+[-.][A-Za-z0-9_-]{8,}\.\w+")
NOT_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>HES</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto;
padding: 0 1rem } code { background: #8883; padding: .1rem .3rem }</style></head>
<body><h1>The dashboard is not built</h1>
<p>The node runs; only its pages are missing. Build them in the folder of the sources:</p>
<p><code>pip install -e . --no-build-isolation</code></p>
<p>(without <code>HES_SKIP_UI</code> in the environment), then load this page again.</p>
<p>The <a href="/api/v1/openapi.json">API</a> works without them.</p></body></html>
"""


class Asset(msgspec.Struct, frozen=True):
    """One file of the bundle, with the encodings that are there."""

    path: Path
    media_type: str
    cache: str
    encodings: tuple[tuple[str, Path], ...]


class Pages:
    """Serves the bundle."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._built_at = 0
        self._assets: dict[str, Asset] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request for a page or an asset."""
        response = await self._answer(Request(scope))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return error_answer(ApiError(405, "pages can only be read"))
        name = request.url.path.strip("/")
        if name == "api" or name.startswith("api/"):
            return error_answer(ApiError(404, f"no such resource /{name[:200]}"))
        await trio.to_thread.run_sync(self._look)
        if not self._assets:
            return HTMLResponse(NOT_BUILT, 503, {"Cache-Control": "no-store"})
        asset = self._assets.get(name) or self._page(name)
        if asset is None:
            return error_answer(ApiError(404, f"no such file /{name[:200]}"))
        return await _respond(asset, request.headers)

    def _page(self, name: str) -> Asset | None:
        """Return the one page, which shows every path that is no file."""
        return None if "." in name.rpartition("/")[2] else self._assets.get("index.html")

    def _look(self) -> None:
        """List the files again if the bundle was built anew."""
        try:
            built_at = (self._folder / "index.html").stat().st_mtime_ns
        except OSError:
            self._built_at, self._assets = 0, {}
            return
        if built_at != self._built_at:
            self._assets = dict(_list(self._folder))
            self._built_at = built_at


def _list(folder: Path) -> list[tuple[str, Asset]]:
    files = {path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    assets = []
    for path in files:
        if path.suffix in {".br", ".gz"} and path.with_suffix("") in files:
            continue
        name = path.relative_to(folder).as_posix()
        beside = [(encoding, path.with_name(path.name + end)) for encoding, end in ENCODINGS]
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        cache = FOREVER if _HASHED.fullmatch(name) else ASK_AGAIN
        found = tuple((encoding, file) for encoding, file in beside if file in files)
        assets.append((name, Asset(path, media_type, cache, found)))
    return assets


async def _respond(asset: Asset, headers: Headers) -> Response:
    offered = (part.replace(" ", "") for part in headers.get("accept-encoding", "").split(","))
    accepted = {part.partition(";")[0] for part in offered if not part.endswith(";q=0")}
    chosen = next((pair for pair in asset.encodings if pair[0] in accepted), None)
    path = asset.path if chosen is None else chosen[1]
    try:
        data = await trio.to_thread.run_sync(path.read_bytes)
    except OSError:
        return error_answer(ApiError(503, "the dashboard is being built; load this page again"))
    etag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    answer = {"Cache-Control": asset.cache, "ETag": etag, "Vary": "Accept-Encoding"}
    if headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=answer)
    if chosen is not None:
        answer["Content-Encoding"] = chosen[0]
    return Response(data, headers=answer, media_type=asset.media_type)
