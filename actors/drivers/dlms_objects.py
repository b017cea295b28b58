"""The list of objects of one DLMS meter: read once, then known, whoever has kept it meanwhile."""

from typing import Final

from protocols.dialogue import Dialogue
from protocols.dlms import cosem
from protocols.dlms.client import DlmsClient
from protocols.dlms.object_list import ObjectList, read_objects
from protocols.errors import MeterNonsense, MeterRefused, RemoteProtocolError, SessionRefused

WITH_VALUE: Final = frozenset({
    cosem.CLASS_DATA, cosem.CLASS_REGISTER, cosem.CLASS_EXTENDED_REGISTER,
    cosem.CLASS_DEMAND_REGISTER,
})  # fmt: skip


class KnownObjects:
    """What one meter has, as far as it has told."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        """Whether meters of this type are asked at all."""
        self._refused = False
        self._hash: bytes | None = None
        self.classes: dict[str, int] = {}
        """OBIS code to class, of objects that have a value; empty: not known."""

    def recall(self, objects: ObjectList | None) -> None:
        """Take a list that was read; None, or one that is damaged: none was."""
        if objects is None:
            self._hash, self.classes = None, {}
        elif objects.hash != self._hash:
            try:
                listed = objects.objects()
            except RemoteProtocolError:
                return
            self._hash = objects.hash
            self.classes = {o.obis: o.class_id for o in listed if o.class_id in WITH_VALUE}

    def learn(self, client: DlmsClient) -> Dialogue[ObjectList | None]:
        """Read the list if it is wanted and not known; return it when it was read now."""
        if not self._wanted or self._refused or self._hash is not None:
            return None
        try:
            listed = yield from read_objects(client)
        except SessionRefused:
            raise
        except (MeterRefused, MeterNonsense):
            self._refused = True
            return None
        objects = ObjectList.of(listed)
        self.recall(objects)
        return objects

    def lacks(self, code: str | None) -> bool:
        """Whether the meter has surely no object with this code and a value."""
        return bool(self.classes) and code is not None and code not in self.classes
