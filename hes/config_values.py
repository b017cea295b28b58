"""Values that the configuration may hold: each says itself what is wrong with a text.

They are strings and numbers with a check, so that the rest of the program takes them as such.
"""

import difflib
import ipaddress
import re
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import regex

from hes import obis
from hes.durations import parse_duration
from hes.link_names import AUTO, LINKS

SCHEMES: Final = ("sqlite", "postgresql", "oracle")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOGIN: Final = re.compile(r"(://[^:@/?]*:).*@")
_QUERY: Final = re.compile(r"(?i)(password=)[^&]*")


class Seconds(float):
    """A duration, seconds; written ``30m``."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Seconds":
        """Return the seconds of a text like ``1h30m``.

        Raises:
            ValueError: it is no duration.
            TypeError: it is a bare number.

        """
        if not isinstance(value, str):
            raise TypeError(f'a duration needs a unit; write "{value}s" or "{value}m"')
        return cls(parse_duration(value))


class Bind(str):
    """An address to listen on, ``host:port``; IPv6 as ``[::1]:8080``. Port 0 takes any free one."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Bind":
        """Return the checked address.

        Raises:
            ValueError: host or port is missing or wrong.

        """
        text = value if isinstance(value, str) else str(value)
        host, colon, port = text.strip().rpartition(":")
        if not colon or not host or (":" in host and not host.startswith("[")):
            raise ValueError(f'{text!r} needs a host and a port; write "0.0.0.0:4059"')
        if host.startswith("[") != host.endswith("]") or any(c.isspace() for c in host):
            raise ValueError(f'{text!r} has a broken host; write "[::1]:8080"')
        if not (port.isascii() and port.isdecimal() and int(port) <= 65_535):
            raise ValueError(f"the port in {text!r} must be a number from 0 to 65535")
        return cls(text.strip())

    @property
    def host(self) -> str:
        """The host without brackets."""
        return self.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def url(self) -> str:
        """The base address of what listens here, as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}"


class DatabaseUrl(str):
    """Where a database is: ``sqlite:///file``, ``postgresql://..`` or ``oracle://..``."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "DatabaseUrl":
        """Return the checked URL.

        Raises:
            ValueError: it names no kind of database that we know.

        """
        text = str(value).strip()
        scheme, mark, rest = text.partition("://")
        if not mark or scheme not in SCHEMES:
            known = ", ".join(f"{name}://" for name in SCHEMES)
            raise ValueError(f"{text.partition('@')[2] or text!r} begins with none of {known}")
        if scheme == "sqlite" and rest and not rest.startswith("/"):
            raise ValueError(f'"sqlite://{rest}" needs a third slash: "sqlite:///{rest}"')
        return cls(text)

    @property
    def file(self) -> Path | None:
        """The database file; None when it is no file."""
        path = self.removeprefix("sqlite:///")
        return Path(path) if path != self and path else None

    @property
    def shown(self) -> str:
        """The URL without its password, which may hold any character or stand in the query."""
        return _QUERY.sub(r"\1***", _LOGIN.sub(r"\1***@", self))

    def under(self, folder: Path) -> "DatabaseUrl":
        """Return the URL with a relative file taken from ``folder``."""
        file = self.file
        if file is None or file.is_absolute():
            return self
        return DatabaseUrl(f"sqlite:///{folder.absolute() / file}")


class Expression(str):
    """A regular expression over the bytes that a modem sends."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Expression":
        """Return the checked expression.

        Raises:
            ValueError: it does not compile, or it matches nothing at all.

        """
        if not isinstance(value, str) or not value:
            raise ValueError("a regular expression is needed; leave the key out to have none")
        try:
            pattern = regex.compile(value.encode("latin-1"))
        except UnicodeEncodeError:
            raise ValueError(f"{value!r} has characters above U+00FF; write \\x.. bytes") from None
        except regex.error as problem:
            raise ValueError(f"{value!r} is no regular expression: {problem}") from None
        if pattern.fullmatch(b""):
            raise ValueError(f"{value!r} matches the empty text, hence anything that comes")
        return cls(value)


class ObisCode(str):
    """An OBIS code in full form."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "ObisCode":
        """Return the full form of what a person wrote.

        Raises:
            ValueError: it is no OBIS code.

        """
        return cls(obis.parse(str(value).strip()))


class ProfileName(str):
    """``load``, ``billing``, ``events`` or an OBIS code in full form."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "ProfileName":
        """Return the checked name.

        Raises:
            ValueError: it names no profile.

        """
        text = str(value).strip()
        if text in obis.PROFILES:
            return cls(text)
        try:
            return cls(obis.parse(text))
        except ValueError:
            known = ", ".join(obis.PROFILES)
            raise ValueError(f"{text!r} is no profile; write {known} or an OBIS code") from None


class LinkName(str):
    """The name of a kind of link, or ``auto``."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "LinkName":
        """Return the checked name.

        Raises:
            ValueError: there is no such link.

        """
        text = str(value)
        if text not in {AUTO, *LINKS}:
            raise ValueError(f"{text!r} is none of {', '.join([AUTO, *LINKS])}")
        return cls(text)


class Name(str):
    """A short name that may stand in a path, a stream or a log line."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Name":
        """Return the checked name.

        Raises:
            ValueError: it is empty, long, or has other characters.

        """
        text = str(value)
        if _NAME.fullmatch(text) is None:
            raise ValueError(f"{text!r} is no name; take 1 to 64 of A-Z a-z 0-9 . _ -")
        return cls(text)


def parse_zone(value: object) -> ZoneInfo:
    """Return the time zone of a name like ``Asia/Ho_Chi_Minh``.

    Raises:
        ValueError: no such zone is known here.

    """
    text = str(value)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        near = difflib.get_close_matches(text, available_timezones(), 1)
        hint = f"did you mean {near[0]!r}?" if near else "write one like 'Asia/Ho_Chi_Minh'"
        raise ValueError(f"{text!r} is no time zone; {hint}") from None


CHECKED: Final = (
    Seconds, Bind, DatabaseUrl, Expression, ObisCode, ProfileName, LinkName, Name
)  # fmt: skip


def decode_value(kind: type, value: Any) -> Any:
    """Return ``value`` as one of the types above; a hook of msgspec.

    Raises:
        ValueError: the value is wrong; the message says how to write it.
        TypeError: ``kind`` is none of them, a mistake of ours.

    """
    if kind is ZoneInfo:
        return parse_zone(value)
    for checked in CHECKED:
        if kind is checked:
            return checked.parse(value)
    raise TypeError(f"no check for {kind.__name__}")
