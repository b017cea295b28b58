"""Who may come in: the host that was asked for, the page that asks, and the token.

A page from elsewhere must not reach a node through somebody's browser: by a name that suddenly
points here (DNS rebinding) it fails on ``Host``, by a form or a websocket on ``Origin``.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

from web.auth import Tokens, bearer_token
from web.errors import ApiError
from web.options import WebOptions
from web.refusals import NOBODY, Refusal, Refusals

LOCAL_ACTOR: Final = "local"
UNKNOWN: Final = 401
FORBIDDEN: Final = 403
OPEN_PATHS: Final = frozenset({"/healthz"})
GUARDED: Final = ("/api/", "/metrics")
"""Everything else is the pages themselves, which tell nothing about meters."""
LOCAL_NAMES: Final = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


class Gate:
    """Checks requests and websocket handshakes."""

    def __init__(self, options: WebOptions, tokens: Tokens | None) -> None:
        """Take the tokens that are admitted; None is for loopback addresses only.

        Raises:
            ValueError: others can reach the node, and there are no tokens.

        """
        if tokens is None and not options.is_local:
            raise ValueError(
                f"the web is bound to {options.host}, where others can reach it: name a token_file"
                " under [web], or bind it to 127.0.0.1"
            )
        self._tokens = None if options.is_local else tokens
        self.refusals = Refusals()
        """Those who were not let in."""
        self._names = LOCAL_NAMES | {name.lower() for name in options.hosts}
        # With tokens a borrowed browser has none to show; a name is then only a name.
        self._any_name = self._tokens is not None and not options.hosts

    @property
    def asks_for_tokens(self) -> bool:
        """Whether a token is needed."""
        return self._tokens is not None

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Let only those pass who asked for a name of ours, or for an address.

        Raises:
            ApiError: 421.

        """
        host = _host_name(headers.get("host", ""))
        if host in self._names or self._any_name or _is_address(host):
            return
        raise ApiError(
            421,
            f"this node is not called {host[:80]!r}; use its address, or add the name to"
            " public_url under [web]",
        )

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Let only pages of this node pass, and programs that are no browsers.

        Raises:
            ApiError: 403.

        """
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site") == "cross-site":
                raise ApiError(403, "a page of another site may not do this")
            return
        # A proxy may have taken off TLS, so schemes are not compared.
        asked = origin.partition("://")[2].lower()
        name = _host_name(asked)
        if asked == headers.get("host", "").lower() or (name in self._names - LOCAL_NAMES):
            return
        raise ApiError(403, f"a page of {origin[:80]!r} may not do this")

    def refused(self, problem: ApiError, token: str | None, peer: str, what: str) -> None:
        """Take note that somebody was not let in: a wrong token, or another site's page.

        No token at all is no attempt: every browser asks like that before it has one.
        """
        if problem.status == FORBIDDEN or (problem.status == UNKNOWN and token is not None):
            known = None if self._tokens is None else self._tokens.known_name(token or "")
            self.refusals.note(
                Refusal(known or NOBODY, peer, what, problem.status, problem.message)
            )

    async def actor(self, headers: Mapping[str, str]) -> str:
        """Return who asks.

        Raises:
            ApiError: 401, a token is needed; 429, too many are being checked.

        """
        if self._tokens is None:
            return LOCAL_ACTOR
        token = bearer_token(headers.get("authorization", ""))
        return await self.actor_of(token)

    async def actor_of(self, token: str | None) -> str:
        """Return whose token it is; raises as ``actor`` does."""
        if self._tokens is None:
            return LOCAL_ACTOR
        name = None if token is None else await self._tokens.name_of(token)
        if name is None:
            what = "a token is needed" if token is None else "this token is not known here"
            raise ApiError(401, f"{what}; send Authorization: Bearer NAME.SECRET")
        return name


def is_guarded(path: str) -> bool:
    """Whether a token is asked for at ``path``."""
    return path not in OPEN_PATHS and path.startswith(GUARDED)


def _host_name(host: str) -> str:
    """Return a Host header without its port, in small letters."""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[").lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
