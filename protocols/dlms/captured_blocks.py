"""The values that a captured exchange carries in blocks (GET with block transfer)."""

from typing import Any

from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_get import RESPONSE, WITH_LIST, GetBlock, GetList, GetRequest
from protocols.dlms.axdr import decode_all
from protocols.dlms.display import show_apdu, show_value
from protocols.errors import RemoteProtocolError


class CapturedBlocks:
    """Joins blocks, message by message; ``values`` holds what is whole, as it is shown."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._parts: list[bytes] = []
        self._asked_for_list = False
        self._before: GetBlock | None = None

    def take(self, apdu: Any) -> None:
        """Take any message of the exchange.

        Raises:
            RemoteProtocolError: ``block-gap``: a block is missing.

        """
        if isinstance(apdu, GetRequest | GetList):
            self._asked_for_list = isinstance(apdu, GetList)
            self._before = None
        elif isinstance(apdu, GetBlock) and apdu != self._before:
            self._before = apdu
            self._block(apdu)

    def end(self) -> None:
        """Check that no value lacks its end.

        Raises:
            RemoteProtocolError: ``truncated``.

        """
        if self._parts:
            raise RemoteProtocolError("truncated", "the last block of a value is missing")

    def _block(self, block: GetBlock) -> None:
        if block.error is not None:
            self._parts = []  # the meter gives it up
            return
        if block.block == 1:
            self._parts = []  # asked for anew
        if block.block != len(self._parts) + 1:
            told = f"block {block.block}, expected {len(self._parts) + 1}"
            raise RemoteProtocolError("block-gap", told)
        self._parts.append(block.raw)
        if block.last:
            joined, self._parts = b"".join(self._parts), []
            self.values.append(self._shown(joined))

    def _shown(self, joined: bytes) -> Any:
        if not self._asked_for_list:
            return show_value(decode_all(joined))
        return show_apdu(decode_apdu(bytes((RESPONSE, WITH_LIST, 0)) + joined))["list"]
