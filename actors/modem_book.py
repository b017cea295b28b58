"""The modem list of a node, and how far the records of each modem are durable, in memory.

Links ask it in the task that reads all sockets; so it answers at once.
"""

from collections.abc import Iterable

from hes.ids import ModemId
from hes.modems import Modem


class ModemBook:
    """One for the node."""

    def __init__(self, modems: Iterable[Modem] = ()) -> None:
        self._modems: dict[ModemId, Modem] = {}
        self._stored: dict[ModemId, int | None] = {}
        for modem in modems:
            self.put(modem)

    def put(self, modem: Modem) -> None:
        """Add ``modem``, or replace what was known under its id."""
        self._modems[modem.modem_id] = modem

    def entry(self, modem: ModemId) -> Modem | None:
        """Return the entry of ``modem``."""
        return self._modems.get(modem)

    def modems(self) -> Iterable[Modem]:
        """Return all entries, in the order of the list."""
        return self._modems.values()

    def secret_of(self, name: str) -> bytes | None:
        """Return the secret that is shared with the modem; None: there is none."""
        entry = self._modems.get(ModemId(name))
        return entry.secret or None if entry is not None else None

    # -- records

    def stored_up_to(self, name: str) -> int | None:
        """Return the number of the last durable record; None: none, or not known now."""
        return self._stored.get(ModemId(name))

    def knows_records(self, modem: ModemId) -> bool:
        """Whether ``stored_up_to`` is what the log says."""
        return modem in self._stored

    def note_stored(self, modem: ModemId, number: int | None) -> None:
        """Take note of the number of the last durable record."""
        self._stored[modem] = number

    def forget_records(self, modem: ModemId) -> None:
        """Take note that it is not known what is durable."""
        self._stored.pop(modem, None)
