"""The modem list: modems of which more must be known than that meters are behind them.

A modem needs no entry to call with a registration text. It needs one to prove itself (a secret), to
be called by the head-end (an address), or to have its serial line set (HML/1).
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from hes.devices import LINKS, NAME_SIZE_MAX, DeviceListError, RowError
from hes.ids import ModemId

COLUMNS: Final = ("modem_id", "secret", "dial", "link", "hold", "serial")
KEEP: Final = "keep"
DEMAND: Final = "demand"
HOLDS: Final = ("", KEEP, DEMAND)
SECRET_SIZE_MIN: Final = 16
SECRET_SIZE_MAX: Final = 64
ERRORS_MAX: Final = 100
BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
DEAF: Final = frozenset({"auto", "dsmr4", "dlms-push", "mode-d"})
"""Links that no modem can be called on: they are found out, or only ever send."""
_DIAL: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}")
_SERIAL: Final = re.compile(r"([0-9]+) ([78][NEO][12])")


class Modem(msgspec.Struct, frozen=True, kw_only=True):
    """One modem. Its secret never goes into events, logs, exports or the API; ``repr`` hides it."""

    modem_id: ModemId
    secret: bytes = b""
    """Shared with the modem, which proves itself by it (HML/1)."""
    dial: str = ""
    """``host:port`` where it listens; empty: it calls us."""
    link: str = ""
    """How it speaks when we call it; empty: a transparent pipe."""
    hold: str = KEEP
    """``keep``: always connected; ``demand``: only while a meter behind it is asked."""
    serial: str = ""
    """Of its serial line, ``9600 8N1``; for links that can set it."""

    def __repr__(self) -> str:
        return f"Modem({self.modem_id}{f', at {self.dial}' if self.dial else ''})"

    @property
    def host(self) -> str:
        """The host to call, without brackets."""
        return self.dial.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to call."""
        return int(self.dial.rpartition(":")[2])

    @property
    def line(self) -> tuple[int, str] | None:
        """Baud and framing of its serial line; None: not told."""
        found = _SERIAL.fullmatch(self.serial)
        return None if found is None else (int(found[1]), found[2])


class ModemListError(DeviceListError):
    """The CSV has errors; nothing of it was taken."""

    def __init__(self, errors: list[RowError]) -> None:
        super().__init__(errors)
        self.args = (str(self).replace("the device list", "the modem list", 1),)


def parse_modems(text: str) -> list[Modem]:
    """Return the modems of a CSV with a header.

    Raises:
        ModemListError: some cell is wrong; every error is in it, by row and column.

    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        rows = list(reader)
    except csv.Error as problem:
        error = RowError(reader.reader.line_num, "-", f"no CSV: {problem}")
        raise ModemListError([error]) from None
    errors = list(_header_errors(list(reader.fieldnames or ())))
    modems: dict[str, Modem] = {}
    for number, row in enumerate(rows if not errors else (), start=2):
        cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
        found = [RowError(number, column, told) for column, told in _cell_errors(cells)]
        if None in row:
            found.append(RowError(number, "-", "more cells than the header has columns"))
        if cells["modem_id"] in modems:
            twice = f"{cells['modem_id']} stands in an earlier row too"
            found.append(RowError(number, "modem_id", twice))
        errors += found
        if len(errors) >= ERRORS_MAX:
            break
        if not found:
            modems[cells["modem_id"]] = _modem(cells)
    if errors:
        raise ModemListError(errors)
    return list(modems.values())


def write_modems(modems: Iterable[Modem]) -> str:
    """Return the CSV of ``modems`` with the secrets left out."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for modem in modems:
        writer.writerow(msgspec.structs.asdict(modem) | {"secret": ""})
    return out.getvalue()


def _header_errors(names: list[str]) -> Iterator[RowError]:
    if "modem_id" not in names:
        yield RowError(1, "modem_id", "this column is missing from the header")
    for name in names:
        if name not in COLUMNS:
            yield RowError(1, str(name), f"unknown column; known are {', '.join(COLUMNS)}")


def _cell_errors(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    name, link, dial = cells["modem_id"], cells["link"], cells["dial"]
    if not name or len(name) > NAME_SIZE_MAX or not name.isprintable():
        yield "modem_id", f"1 to {NAME_SIZE_MAX} printable characters are needed"
    if not _is_secret(cells["secret"]):
        # The text itself is a secret, so it is not repeated.
        sizes = f"{2 * SECRET_SIZE_MIN} to {2 * SECRET_SIZE_MAX}"
        yield "secret", f"must be {sizes} hex digits"
    if dial and not _is_dial(dial):
        yield "dial", f'{dial!r} is no address to call; write "10.1.2.3:4059"'
    if link not in LINKS or (dial and link in DEAF):
        known = [known for known in LINKS if known not in DEAF and known]
        yield "link", f"{link!r} is none of {', '.join(known)}"
    if cells["hold"] not in HOLDS:
        yield "hold", f"{cells['hold']!r} is none of {', '.join(HOLDS[1:])}"
    if cells["serial"] and not _is_serial(cells["serial"]):
        yield "serial", f'{cells["serial"]!r} is no serial line; write "9600 8N1"'


def _is_secret(text: str) -> bool:
    try:
        return not text or SECRET_SIZE_MIN <= len(bytes.fromhex(text)) <= SECRET_SIZE_MAX
    except ValueError:
        return False


def _is_dial(text: str) -> bool:
    return _DIAL.fullmatch(text) is not None and 0 < int(text.rpartition(":")[2]) <= 65_535


def _is_serial(text: str) -> bool:
    found = _SERIAL.fullmatch(text)
    return found is not None and len(found[1]) <= 6 and int(found[1]) in BAUDS


def _modem(cells: dict[str, str]) -> Modem:
    return Modem(
        modem_id=ModemId(cells["modem_id"]),
        secret=bytes.fromhex(cells["secret"]),
        dial=cells["dial"],
        link=cells["link"],
        hold=cells["hold"] or KEEP,
        serial=cells["serial"],
    )
