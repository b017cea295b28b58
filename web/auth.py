"""Tokens: who may use a node that others can reach.

A token is ``NAME.SECRET``. The file holds a line ``NAME SALT HASH`` for each, the hash by scrypt
over the secret; blank lines and those that begin with ``#`` are ignored.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

from web.errors import ApiError

SCRYPT_N: Final = 2**14
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
"""16 MiB and some 50 ms a check: a stolen file does not give away short secrets at once."""
SECRET_SIZE: Final = 24
SALT_SIZE: Final = 16
TOKEN_SIZE_MAX: Final = 200
TOKENS_MAX: Final = 1_000
CHECKS_WAITING_MAX: Final = 16
"""Wrong tokens cost 50 ms each in one thread; beyond these, callers are sent away."""
KNOWN_MAX: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LINE: Final = re.compile(rf"({_NAME.pattern}) ([0-9a-f]{{32}}) ([0-9a-f]{{64}})")


class TokenFileError(Exception):
    """The token file cannot be used; the message says why and what to do."""


def hash_secret(secret: bytes, salt: bytes) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.scrypt(secret, salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=32)


def new_token(name: str, secret: bytes, salt: bytes) -> tuple[str, str]:
    """Return a token and the line of the file that admits it.

    ``secret`` and ``salt``: ``SECRET_SIZE`` and ``SALT_SIZE`` bytes from the system's source of
    randomness.

    Raises:
        ValueError: the name has other characters than letters, digits, ``_`` and ``-``.

    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a token: 1 to 40 letters, digits, _ or -")
    text = secret.hex()
    return f"{name}.{text}", f"{name} {salt.hex()} {hash_secret(text.encode(), salt).hex()}"


def load_tokens(path: Path) -> "Tokens":
    """Return the tokens that a file admits.

    Raises:
        TokenFileError: it cannot be read, or a line has another shape.

    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as problem:
        raise TokenFileError(
            f"the token file {path} cannot be read: {problem.strerror}; make it with `hes token`"
        ) from None
    except UnicodeDecodeError as problem:
        raise TokenFileError(f"the token file {path} is no UTF-8 at byte {problem.start}") from None
    entries: dict[str, tuple[bytes, bytes]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise TokenFileError(f"{path}, line {number}: not of the shape NAME SALT HASH")
        name, salt, digest = match.groups()
        if name in entries or len(entries) >= TOKENS_MAX:
            raise TokenFileError(f"{path}, line {number}: {name} again, or over {TOKENS_MAX}")
        entries[name] = bytes.fromhex(salt), bytes.fromhex(digest)
    if not entries:
        raise TokenFileError(f"the token file {path} admits nobody; add a token to it")
    return Tokens(entries)


class Tokens:
    """Knows names and the hashes of their secrets."""

    def __init__(self, entries: dict[str, tuple[bytes, bytes]]) -> None:
        self._entries = entries
        self._known: dict[bytes, str] = {}
        """Digest of a token that was right before, to its name: scrypt is for the first time."""
        self._limiter = trio.CapacityLimiter(1)
        self.on_first_use: Callable[[str], None] = lambda _name: None
        """Told the name of each token that was right for the first time."""

    def known_name(self, token: str) -> str | None:
        """Return the name that a token, right or wrong, takes, if it is one of ours."""
        name = token.partition(".")[0]
        return name if name in self._entries else None

    async def name_of(self, token: str) -> str | None:
        """Return whose token it is, or None.

        Raises:
            ApiError: 429, too many tokens wait to be checked.

        """
        if len(token) > TOKEN_SIZE_MAX or not token.isascii():
            return None
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None:
            return known
        if self._limiter.statistics().tasks_waiting >= CHECKS_WAITING_MAX:
            raise ApiError(429, "too many tokens to check; try again")
        name, _, secret = token.partition(".")
        # Unknown names take as long as known ones, so that names cannot be found out.
        salt, expected = self._entries.get(name, (bytes(SALT_SIZE), b""))
        found = await trio.to_thread.run_sync(
            hash_secret, secret.encode(), salt, limiter=self._limiter
        )
        if not hmac.compare_digest(found, expected):
            return None
        if len(self._known) < KNOWN_MAX:
            self._known[digest] = name
            self.on_first_use(name)
        return name


def bearer_token(authorization: str) -> str | None:
    """Return the token in an ``Authorization`` header."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
