"""The security setup of a simulated meter: tells its policy, and takes new keys."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from hes.fleet.dlms_classes.stored import DONE, StoredObject
from protocols.dlms.classes.security_setup import (
    KEY_TRANSFER,
    SECURITY_SETUP,
    USUAL_OBIS,
    KeyId,
    SecuritySetup,
    unwrap,
)
from protocols.dlms.cosem import DataAccessError
from protocols.errors import RemoteProtocolError

Rekey = Callable[[dict[KeyId, bytes]], None]


class SimulatedSecurity(StoredObject[SecuritySetup]):
    """Class 64."""

    def __init__(self, title: bytes, *, secured: bool, master: bytes, rekey: Rekey) -> None:
        values = SecuritySetup(
            policy=3 if secured else 0, suite=0, client_title=b"", server_title=title
        )
        super().__init__(SECURITY_SETUP, USUAL_OBIS, values)
        self._master = master
        self._rekey = rekey
        self.methods = {KEY_TRANSFER: self._transfer}

    def _transfer(self, parameter: Any, _now: datetime) -> int:
        try:
            keys = unwrap(parameter, self._master)
        except RemoteProtocolError:
            return DataAccessError.READ_WRITE_DENIED
        self._master = keys.get(KeyId.MASTER, self._master)
        self._rekey(keys)
        return DONE
