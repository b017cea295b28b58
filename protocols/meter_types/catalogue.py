"""All the meter types that a node knows, by name."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from protocols.meter_types.meter_type import GENERIC, MeterType


class MeterTypes:
    """See the module. It never changes: another one takes its place."""

    def __init__(self, types: Iterable[MeterType]) -> None:
        """Take types; of two with one name the later one counts."""
        self._types = {one.name: one for one in types}

    def __iter__(self) -> Iterator[MeterType]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)

    def of(self, name: str, protocol: str) -> MeterType | None:
        """Return the type that a device list names; the generic one of ``protocol`` for ``""``.

        None: there is no such type, or it is one of another protocol.
        """
        found = self._types.get(name or GENERIC + protocol)
        return found if found is not None and found.protocol == protocol else None

    def named(self, name: str) -> MeterType | None:
        """Return the type of a name."""
        return self._types.get(name)

    @property
    def protocols(self) -> Mapping[str, str]:
        """Return the protocol of each type, by its name."""
        return MappingProxyType({name: one.protocol for name, one in self._types.items()})

    def with_own(self, types: Iterable[MeterType]) -> "MeterTypes":
        """Return these and ``types``, which take the place of those with the same names."""
        return MeterTypes([*self, *types])
