"""A meter that says what it is told to say, whatever it is asked, over the wrapper."""

from collections.abc import Callable
from typing import Any, Final

from dlms_bench import Bench

from protocols.dlms import apdu_errors
from protocols.dlms.acse import Mechanism
from protocols.dlms.client import DlmsClient
from protocols.dlms.wrapper import WrapperReader, encode_wpdu

Reply = Callable[[bytes], bytes | None]
NOT_POSSIBLE: Final = apdu_errors.encode_exception(apdu_errors.ExceptionResponse(1, 1))
SERVICE_ERROR: Final = b"\x0e\x01\x06\x01"


class Scripted:
    """A bench whose meter says what it is told to say, over the wrapper."""

    def __init__(
        self, reply: Reply, auth: Mechanism = Mechanism.LOW, *, associate: bool = True
    ) -> None:
        self.bench = Bench("wrapper", auth)
        self.client: DlmsClient = self.bench.client
        if associate:
            self.bench.associate()
        self._reply = reply
        self.bench.line.answer = self._answer

    def _answer(self, data: bytes) -> bytes:
        reader = WrapperReader()
        reader.receive_data(data)
        wpdu = reader.next_wpdu()
        assert wpdu is not None
        reply = self._reply(wpdu.apdu)
        return b"" if reply is None else encode_wpdu(wpdu.destination, wpdu.source, reply)

    def run(self, dialogue: Any) -> Any:
        """Return the dialogue's result."""
        return self.bench.run(dialogue)


def invoke_of(request: bytes) -> int:
    """Return the invoke id and priority of a request."""
    return request[2]
