"""Tagged values of HML/1: ``tag(1) | length(2) | value``, one behind the other."""

from collections.abc import Mapping

from protocols.errors import RemoteProtocolError


def encode_tlv(values: Mapping[int, bytes]) -> bytes:
    """Return the values in the order of the mapping."""
    return b"".join(bytes((tag,)) + len(value).to_bytes(2) + value for tag, value in values.items())


def decode_tlv(payload: bytes) -> dict[int, bytes]:
    """Return tag to value; tags that nobody knows stay in, of double ones the first counts.

    Raises:
        RemoteProtocolError: a value is not whole.

    """
    values: dict[int, bytes] = {}
    at = 0
    while at < len(payload):
        start = at + 3
        end = start + int.from_bytes(payload[at + 1 : start])
        if end > len(payload):
            raise RemoteProtocolError("truncated", f"tag {payload[at]} is not whole")
        values.setdefault(payload[at], payload[start:end])
        at = end
    return values


def number(values: Mapping[int, bytes], tag: int) -> int | None:
    """Return the unsigned number of a tag; None when it is not there."""
    raw = values.get(tag)
    return None if raw is None else int.from_bytes(raw)


def signed(values: Mapping[int, bytes], tag: int) -> int | None:
    """Return the signed number of a tag; None when it is not there."""
    raw = values.get(tag)
    return None if raw is None else int.from_bytes(raw, signed=True)


def text(values: Mapping[int, bytes], tag: int) -> str | None:
    """Return the text of a tag; None when it is not there or is no readable ASCII."""
    raw = values.get(tag)
    if raw is None or not raw.isascii():
        return None
    readable = raw.decode("ascii")
    return readable if readable.isprintable() else None
