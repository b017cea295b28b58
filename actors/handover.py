"""A connection whose modem is known without a word of it: on its way to the modem's actor."""

from actors.context import Context
from actors.hub import Connection
from actors.modem_messages import Attach
from hes.ids import ModemId
from protocols.links.pipe import PipeLink

REST_SIZE_MAX = 64 * 1024


class Handover:
    """The receiver of such a connection until the modem's actor has it."""

    def __init__(self, connection: Connection, claim: str) -> None:
        self.attach = Attach(connection, PipeLink(), claim, b"", [], None)
        connection.receiver = self

    def received(self, connection: Connection, data: bytes) -> None:
        """See ``actors.hub.Receiver``."""
        self.attach.rest += data
        if len(self.attach.rest) > REST_SIZE_MAX:
            connection.close("more came than its modem's actor could take")

    def lost(self, _connection: Connection, reason: str) -> None:
        """See ``actors.hub.Receiver``."""
        self.attach.lost_reason = reason


def hand_over(context: Context, connection: Connection, modem: ModemId, claim: str) -> None:
    """Give a transparent pipe to its modem's actor."""
    connection.deliver(context.modem(modem), Handover(connection, claim).attach)
