"""The device list: one row of the CSV is one meter (see CONTRACT: Devices)."""

import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from hes import link_names
from hes.ids import MeterId, ModemId
from hes.link_names import AUTO

COLUMNS: Final = (
    "meter_id", "modem_id", "link", "protocol", "framing", "meter_type", "address", "client_sap",
    "server_sap", "auth", "password", "encryption_key", "authentication_key", "system_title",
    "area", "ct_ratio", "vt_ratio", "master_key",
)  # fmt: skip
SECRET_COLUMNS: Final = ("password", "encryption_key", "authentication_key", "master_key")
DEFAULT_PROTOCOL: Final = "dlms"
MODE_E: Final = "mode-e"
"""A sign-on of IEC 62056-21 first, then HDLC; the address is ``sign-on address[/HDLC address]``."""
FRAMINGS: Final = ("hdlc", "wrapper", MODE_E)
PHYSICAL_MAX: Final = 16383
FAMILIES: Final = {
    "iec62056-21": "iec62056-21", "dlt645-2007": "dlt645", "dlt645-1997": "dlt645",
}  # fmt: skip
"""Protocols in which a call without an address wakes all meters of one family on the line."""
AUTHS: Final = ("none", "low", "gmac", "md5", "sha1", "sha256")
WITH_PASSWORD: Final = frozenset({"low", "md5", "sha1", "sha256"})
"""Kinds of proof for which meter and head-end share a password or secret."""
LINKS: Final = ("", AUTO, *link_names.LINKS)
NAME_SIZE_MAX: Final = 64
DIGITS_MAX: Final = 9
_RATIO: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?(?:/[0-9]{1,9}(?:\.[0-9]{1,6})?)?")
ROWS_MAX: Final = 2_000_000
Types = Mapping[str, str]
"""Meter types by name, each with its protocol; a protocol is spoken that has a type."""
ERRORS_MAX: Final = 100


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One meter: where it is, how to talk to it, and its keys.

    The keys and ``password`` are secrets: ``repr`` hides them, and they never go into events, logs,
    exports or the API.
    """

    meter_id: MeterId
    modem_id: ModemId
    link: str = ""
    protocol: str = DEFAULT_PROTOCOL
    framing: str = "hdlc"
    meter_type: str = ""
    address: str = ""
    client_sap: int = 1
    server_sap: int = 1
    auth: str = "none"
    password: str = ""
    encryption_key: bytes = b""
    authentication_key: bytes = b""
    system_title: bytes = b""
    area: str = ""
    ct_ratio: str = "1"
    vt_ratio: str = "1"
    master_key: bytes = b""
    """What new keys are wrapped by on their way to the meter; empty: they cannot be changed."""
    next_encryption_key: bytes = b""
    """That the meter may have taken: nobody knows yet. See ``hes.key_change``."""
    next_authentication_key: bytes = b""
    former_keys: tuple[bytes, ...] = ()
    """Digests of keys that were changed by us: an older list must not bring them back."""

    def __repr__(self) -> str:
        return f"Device({self.meter_id} behind {self.modem_id}, {self.protocol}/{self.framing})"

    @property
    def sign_on(self) -> str:
        """What a meter with mode E is called by; empty: it is alone on its line."""
        return self.address.partition("/")[0]

    @property
    def physical(self) -> int | None:
        """The HDLC physical address of a DLMS meter; None: it has none, or none is needed."""
        text = self.address.partition("/")[2] if self.framing == MODE_E else self.address
        return int(text) if text else None

    @property
    def has_keys(self) -> bool:
        """Whether ciphered messages of this meter can be read."""
        return bool(self.encryption_key)


class RowError(NamedTuple):
    """What is wrong with one cell; ``row`` counts from 1 with the header as row 1."""

    row: int
    column: str
    problem: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.problem}"


class DeviceListError(Exception):
    """The CSV has errors; nothing of it was taken."""

    def __init__(self, errors: list[RowError]) -> None:
        first = "; ".join(map(str, errors[:5]))
        more = f"; and {len(errors) - 5} more" if len(errors) > 5 else ""
        super().__init__(f"the device list has {len(errors)} error(s): {first}{more}")
        self.errors = errors


def parse_csv(text: str, types: Types | None = None) -> list[Device]:
    """Return the devices of a CSV with a header.

    ``types`` are the meter types that the node knows; None: whoever takes the devices knows them,
    and protocols and types are not looked at.

    Raises:
        DeviceListError: some cell is wrong; every error is in it, by row and column.

    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        rows = list(reader)
    except csv.Error as problem:
        raise DeviceListError(
            [RowError(reader.reader.line_num, "-", f"no CSV: {problem}")]
        ) from None
    errors = list(_header_errors(reader.fieldnames))
    devices: dict[str, Device] = {}
    if not errors:
        for number, row in enumerate(rows, start=2):
            _take_row(number, row, devices, errors)
            errors.extend(_type_errors(number, row, types))
            if len(errors) >= ERRORS_MAX:
                break
        errors += _line_errors(rows)
    if errors:
        raise DeviceListError(sorted(errors, key=lambda error: error.row))
    return list(devices.values())


def write_csv(devices: Iterable[Device]) -> str:
    """Return the CSV of ``devices`` with the secret columns empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for device in devices:
        row = {name: getattr(device, name) for name in COLUMNS}
        row |= dict.fromkeys(SECRET_COLUMNS, "")
        row["system_title"] = device.system_title.hex()
        writer.writerow(row)
    return out.getvalue()


def _header_errors(header: Iterable[str] | None) -> Iterator[RowError]:
    names = list(header or ())
    for required in ("meter_id", "modem_id"):
        if required not in names:
            yield RowError(1, required, "this column is missing from the header")
    for name in names:
        if name not in COLUMNS:
            yield RowError(1, str(name), f"unknown column; known are {', '.join(COLUMNS)}")


def _take_row(
    number: int, row: dict[str, str], devices: dict[str, Device], errors: list[RowError]
) -> None:
    cells = {name: _cell(row, name) for name in COLUMNS}
    before = len(errors)
    if any(name not in COLUMNS for name in row):
        errors.append(RowError(number, "-", "more cells than the header has columns"))
    errors.extend(RowError(number, c, p) for c, p in _cell_errors(cells))
    meter_id = cells["meter_id"]
    if meter_id in devices:
        errors.append(RowError(number, "meter_id", f"{meter_id} stands in an earlier row too"))
    if len(errors) == before:
        devices[meter_id] = _device(cells)


def _type_errors(number: int, row: dict[str, str], types: Types | None) -> Iterator[RowError]:
    if types is None:
        return
    protocol, name = _cell(row, "protocol") or DEFAULT_PROTOCOL, _cell(row, "meter_type")
    known = dict.fromkeys(types.values())
    if protocol not in known:
        problem = f"{protocol!r} is none of {', '.join(known)}"
        yield RowError(number, "protocol", problem)
    elif name and types.get(name, protocol) != protocol:
        yield RowError(number, "meter_type", f"{name!r} is a type of {types[name]}, not {protocol}")
    elif name and name not in types:
        yield RowError(number, "meter_type", f"{name!r} is no meter type; {_near(name, types)}")


def _near(name: str, types: Types) -> str:
    near = difflib.get_close_matches(name, types, 1, 0.6)
    return f"did you mean {near[0]}?" if near else "`hes meter-types list` tells all"


def _line_errors(rows: list[dict[str, str]]) -> Iterator[RowError]:
    """Yield meters that cannot be called alone: no address, and others on the line hear it."""
    lines = Counter(map(_line, rows))
    for number, row in enumerate(rows, start=2):
        modem_id, family = _line(row)
        others = lines[modem_id, family] - 1
        if family and others and not _cell(row, "address").partition("/")[0]:
            problem = f"{others} more {family} meter(s) behind modem {modem_id} would answer too"
            yield RowError(number, "address", f"is missing, and {problem}")


def _line(row: dict[str, str]) -> tuple[str, str]:
    protocol = "iec62056-21" if _cell(row, "framing") == MODE_E else _cell(row, "protocol")
    return _cell(row, "modem_id"), FAMILIES.get(protocol, "")


def _cell(row: dict[str, str], name: str) -> str:
    return (row.get(name) or "").strip()


def _cell_errors(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name in ("meter_id", "modem_id"):
        if name == "meter_id" and not cells[name]:
            yield name, "must not be empty"
        if len(cells[name]) > NAME_SIZE_MAX or not cells[name].isprintable():
            yield name, f"at most {NAME_SIZE_MAX} printable characters"
    for name, allowed in (("framing", FRAMINGS), ("auth", AUTHS)):
        if cells.get(name) and cells[name] not in allowed:
            yield name, f"{cells[name]!r} is none of {', '.join(allowed)}"
    if cells.get("link", "") not in LINKS:
        yield "link", f"{cells['link']!r} is none of {', '.join(LINKS[1:])}"
    yield from _number_errors(cells)
    yield from _key_errors(cells)


def _number_errors(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, most in (("client_sap", 0xFFFF), ("server_sap", 0xFFFF)):
        text = cells.get(name, "")
        if text and not _is_number(text, most):
            yield name, f"{text!r} is no whole number from 0 to {most}"
    for name in ("ct_ratio", "vt_ratio"):
        if cells.get(name) and not _is_ratio(cells[name]):
            yield name, f"{cells[name]!r} is no ratio; write 200 or 200/5"
    yield from _address_errors(cells)


def _address_errors(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    address, protocol = cells.get("address", ""), cells.get("protocol") or DEFAULT_PROTOCOL
    if protocol != DEFAULT_PROTOCOL:
        return
    if cells.get("framing") == MODE_E:
        sign_on, slash, address = address.partition("/")
        if sign_on and not (sign_on.isascii() and sign_on.isalnum() and len(sign_on) <= 32):
            yield "address", f"{sign_on!r} is no sign-on address of up to 32 letters and digits"
        if slash and not address:
            yield "address", "an HDLC physical address is missing behind the slash"
    if address and not _is_number(address, PHYSICAL_MAX):
        yield "address", f"{address!r} is no HDLC physical address (0 to {PHYSICAL_MAX})"


def _is_number(text: str, most: int) -> bool:
    return len(text) <= DIGITS_MAX and text.isdecimal() and int(text) <= most


def _is_ratio(text: str) -> bool:
    return _RATIO.fullmatch(text) is not None and all(map(Decimal, text.split("/")))


def _key_errors(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, sizes in (
        ("encryption_key", (16, 32)),
        ("authentication_key", (16, 32)),
        ("master_key", (16, 32)),
        ("system_title", (8,)),
    ):
        text = cells.get(name, "")
        if text and not _is_hex(text, sizes):
            # The text itself is a secret, so it is not repeated.
            yield name, f"must be {' or '.join(str(2 * size) for size in sizes)} hex digits"
    if cells.get("auth") == "gmac" and not cells.get("encryption_key"):
        yield "encryption_key", "auth is gmac, so a key is needed"
    if cells.get("auth") in WITH_PASSWORD and not cells.get("password"):
        yield "password", f"auth is {cells['auth']}, so a password is needed"


def _is_hex(text: str, sizes: tuple[int, ...]) -> bool:
    try:
        return len(bytes.fromhex(text)) in sizes
    except ValueError:
        return False


def _device(cells: dict[str, str]) -> Device:
    def number(name: str, otherwise: int) -> int:
        return int(cells.get(name) or otherwise)

    protocol = cells.get("protocol") or DEFAULT_PROTOCOL
    return Device(
        meter_id=MeterId(cells["meter_id"]),
        modem_id=ModemId(cells["modem_id"]),
        link=cells.get("link", ""),
        protocol=protocol,
        framing=cells.get("framing") or ("hdlc" if protocol == "dlms" else ""),
        meter_type=cells.get("meter_type", ""),
        address=cells.get("address", ""),
        client_sap=number("client_sap", 1),
        server_sap=number("server_sap", 1),
        auth=cells.get("auth") or "none",
        password=cells.get("password", ""),
        encryption_key=bytes.fromhex(cells.get("encryption_key", "")),
        authentication_key=bytes.fromhex(cells.get("authentication_key", "")),
        system_title=bytes.fromhex(cells.get("system_title", "")),
        area=cells.get("area", ""),
        ct_ratio=cells.get("ct_ratio") or "1",
        vt_ratio=cells.get("vt_ratio") or "1",
        master_key=bytes.fromhex(cells.get("master_key", "")),
    )
