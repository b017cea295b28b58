"""DL/T 645 beside dlt645 3.2.0: an answer with one value, from the bytes to the number."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from dlt645 import DLT645Protocol
from dlt645.model.data.define import DIMap
from dlt645.service.clientsvc import client_service
from dlt645.service.clientsvc.client_service import MeterClientService

from protocols.dlt645.codes import CodeTable
from protocols.dlt645.frame import FrameReader, encode_frame
from protocols.dlt645.options import Dlt645Options
from protocols.dlt645.values import Value, decode_values

DI = 0x00010000
ADDRESS = "000012345678"
READ_ANSWER = 0x91
Made = tuple[str, str, Callable[[], Any], Callable[[], Any], float]


def answer() -> bytes:
    """Return the answer of a meter: 123456.78 kWh."""
    value = bytes.fromhex("12345678")[::-1]
    return encode_frame(ADDRESS, READ_ANSWER, DI.to_bytes(4, "little") + value)


def their_client() -> MeterClientService:
    """Return a client with one item, since copying its whole table takes seconds."""
    client_service.data.clone_data_map = lambda: {DI: DIMap[DI]}
    client = MeterClientService(None)
    client.address = bytearray(bytes.fromhex(ADDRESS)[::-1])
    return client


def value_pair() -> Made:
    """A frame with a value: cut out, checked, decoded."""
    data = answer()
    codes = CodeTable(Dlt645Options(), old=False)
    client = their_client()

    def ours() -> Value:
        (frame,) = FrameReader().feed(data)
        di = int.from_bytes(frame.data[:4], "little")
        return decode_values(di, frame.data[4:], item=codes.item(di))[0]

    def theirs() -> Any:
        return client.handle_response(DLT645Protocol.deserialize(data))

    told = ours()
    assert told.number is not None
    shown = Decimal(told.number).scaleb(-told.item.decimals)
    assert (shown, told.item.symbol) == (Decimal(str(theirs().value)), theirs().unit)
    return ("DL/T 645 frame with a value", "dlt645", ours, theirs, 2.0)


def pairs() -> list[Made]:
    return [value_pair()]
