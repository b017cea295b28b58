"""Talks to a running node over its HTTP API, and says in a sentence what went wrong."""

import os
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from hes.cli.failures import FAILED, USAGE, CommandError, NodeAway

CONNECT_S: Final = 5.0
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
USAGE_STATUSES: Final = frozenset({400, 413, 415, 422})
DETAILS_MAX: Final = 100
ACCEPTED: Final = 202


class NodeClient:
    """The API of one node. The token goes to this address only: redirects are not followed."""

    def __init__(self, url: str, token: str = "", *, timeout_s: float = 30.0) -> None:
        self.url = _checked_url(url)
        self._timeout_s = timeout_s
        self._http = httpx.Client(
            base_url=self.url,
            headers=_headers(token),
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
            follow_redirects=False,
            # A proxy of the environment is not asked for what runs on this very machine.
            trust_env=urlsplit(self.url).hostname not in LOOPBACK,
            verify=_trusted(self.url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object at ``path``; query values that are None are left out.

        Raises:
            NodeAway: nothing listens there.
            CommandError: the node refused, or did not answer.

        """
        return self._object(self._send("GET", path, query=query))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a JSON object; return the one that comes back.

        Raises:
            NodeAway: nothing listens there.
            CommandError: the node refused, or did not answer.

        """
        return self._object(self._send("POST", path, json=body))

    def post_csv(
        self, path: str, text: str, query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send a CSV; return the JSON object that comes back.

        Raises:
            NodeAway: nothing listens there.
            CommandError: the node refused, or did not answer.

        """
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        data = text.encode()
        return self._object(self._send("POST", path, query=query, content=data, headers=headers))

    def post_bytes(self, path: str, data: bytes, query: Mapping[str, Any]) -> dict[str, Any]:
        """Send bytes; return the JSON object that comes back.

        Raises:
            NodeAway: nothing listens there.
            CommandError: the node refused, or did not answer.

        """
        headers = {"Content-Type": "application/octet-stream"}
        return self._object(self._send("POST", path, query=query, content=data, headers=headers))

    def get_csv(self, path: str) -> str:
        """Return the CSV at ``path``.

        Raises:
            NodeAway: nothing listens there.
            CommandError: the node refused, or did not answer.

        """
        return self._send("GET", path, headers={"Accept": "text/csv"}).text

    def _send(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, **content: Any
    ) -> httpx.Response:
        params = {key: value for key, value in (query or {}).items() if value is not None}
        try:
            response = self._http.request(method, path, params=params, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise NodeAway(
                f"no node answers at {self.url}; start one with `hes serve`,"
                " or say with --url where it is"
            ) from None
        except httpx.TimeoutException:
            raise CommandError(
                f"the node at {self.url} did not answer within {self._timeout_s:g} s"
            ) from None
        except httpx.HTTPError as problem:
            raise CommandError(f"talking to the node at {self.url} failed: {problem}") from None
        if not response.is_success:
            raise self._refusal(response)
        if response.status_code == ACCEPTED:
            raise self._postponed(response)
        return response

    def _object(self, response: httpx.Response) -> dict[str, Any]:
        try:
            data = response.json()
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise self._stranger()
        return data

    def _stranger(self) -> CommandError:
        return CommandError(f"what answers at {self.url} is no HES node; see --url")

    def _postponed(self, response: httpx.Response) -> CommandError:
        """Return the error for what is not done yet: a script must not take it for done."""
        try:
            return CommandError(str(response.json()["accepted"]["message"]))
        except (ValueError, LookupError, TypeError):
            return self._stranger()

    def _refusal(self, response: httpx.Response) -> CommandError:
        """Return the error that the node told."""
        try:
            error = response.json()["error"]
            message = str(error["message"])
        except (ValueError, LookupError, TypeError):
            return self._stranger()
        if response.status_code == 401:
            # What follows in the node's sentence is for programs that send headers themselves.
            return CommandError(f"{message.partition(';')[0]}; put the token into HES_TOKEN")
        details = error.get("detail")
        rows = details[:DETAILS_MAX] if isinstance(details, list) else []
        code = USAGE if response.status_code in USAGE_STATUSES else FAILED
        return CommandError(message, code, details=[_detail(row) for row in rows])


def node_at(url: str, *, timeout_s: float = 30.0) -> NodeClient:
    """Return a client of the node at ``url``, with the token that HES_TOKEN holds.

    Raises:
        CommandError: the address or the token cannot be one.

    """
    return NodeClient(url, os.environ.get("HES_TOKEN", ""), timeout_s=timeout_s)


def _detail(row: Any) -> str:
    if isinstance(row, dict) and {"row", "column", "problem"} <= row.keys():
        return f"row {row['row']}, column {row['column']}: {row['problem']}"
    return str(row)


def _trusted(url: str) -> ssl.SSLContext | bool:
    """Return whose certificates count: for plain HTTP on this machine nobody's.

    To read those of the world takes longer than the node takes to answer.
    """
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise CommandError(f"--url: {url!r} is no address; write http://127.0.0.1:8080", USAGE)
    return url.rstrip("/")


def _headers(token: str) -> dict[str, str]:
    token = token.strip()
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()):
        raise CommandError("HES_TOKEN holds characters that no token has", USAGE)
    return {"Authorization": f"Bearer {token}"}
