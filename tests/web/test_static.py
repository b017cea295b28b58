"""The built pages: cached as they should be, compressed, never outside the folder."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from web.static import Pages

PAGE = b"<!doctype html><title>HES</title>"
SCRIPT = b"console.log(1)" * 50


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "favicon.svg").write_bytes(b"<svg/>")
    script = folder / "assets" / "index-DkX2a9_b.js"
    script.write_bytes(SCRIPT)
    script.with_name(script.name + ".gz").write_bytes(gzip.compress(SCRIPT))
    script.with_name(script.name + ".br").write_bytes(b"as if by brotli")
    (tmp_path / "secret.txt").write_text("keys")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
async def pages(serve: Any, bundle: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(pages=Pages(bundle)) as site, site.http() as http:
        yield http


@pytest.mark.parametrize("path", ["/", "/index.html", "/meters", "/meters/18097634", "/events?x=1"])
async def test_every_page_path_is_the_one_page_which_is_asked_for_again(
    pages: httpx.AsyncClient, path: str
) -> None:
    answer = await pages.get(path)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    again = await pages.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, br", "br"), ("gzip;q=1.0", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", None)],
)
async def test_a_hashed_asset_is_kept_for_ever_and_comes_compressed(
    pages: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    url = "/assets/index-DkX2a9_b.js"
    request = pages.build_request("GET", url, headers={"accept-encoding": accepted})
    answer = await pages.send(request, stream=True)
    raw = b"".join([part async for part in answer.aiter_raw()])
    await answer.aclose()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers.get("content-encoding") == encoding
    plain = {"br": b"as if by brotli", "gzip": gzip.compress(SCRIPT), None: SCRIPT}[encoding]
    assert len(raw) == len(plain)


async def test_a_file_without_hash_is_asked_for_again(pages: httpx.AsyncClient) -> None:
    assert (await pages.get("/favicon.svg")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/assets/gone.js", "/../secret.txt", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt",
     "/link.txt", "/%2e%2e/secret.txt", "//etc/passwd.x", "/index.html%00.js"],
)  # fmt: skip
async def test_no_path_leads_outside(serve: Any, bundle: Path, path: str) -> None:
    async with serve(pages=Pages(bundle)) as site:
        stream = await site.raw()
        async with stream:
            await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
            answer = bytes(await stream.receive_some(65_536))
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert b"keys" not in answer


async def test_head_has_the_headers_alone(pages: httpx.AsyncClient) -> None:
    answer = await pages.head("/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(PAGE)


async def test_without_a_bundle_a_plain_page_says_how_to_build_it(http: httpx.AsyncClient) -> None:
    answer = await http.get("/meters")
    assert answer.status_code == 503
    assert "pip install -e ." in answer.text


async def test_a_bundle_built_meanwhile_is_served(serve: Any, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    async with serve(pages=Pages(folder)) as site, site.http() as http:
        assert (await http.get("/")).status_code == 503
        folder.mkdir()
        (folder / "index.html").write_bytes(PAGE)
        assert (await http.get("/")).content == PAGE
