"""The memory of a modem's actor and its stream: what is stored is remembered, nothing else."""

import contextlib
from collections.abc import Sequence

from actors.context import Context
from actors.errors import JournalFailed
from hes.events.base import DomainEvent
from hes.ids import ModemId, modem_stream
from hes.modem_state import ModemState
from hes.rules.event_size import bounded
from hes.store.errors import StoreError
from hes.store.loading import load_memory

SNAPSHOT_EVERY = 100


class ModemMemory:
    """Of one modem; loaded when it is needed first."""

    def __init__(self, modem: ModemId, context: Context) -> None:
        self._modem = modem
        self._stream = modem_stream(modem)
        self._context = context
        self._state: ModemState | None = None

    async def state(self) -> ModemState:
        """Return the memory.

        Raises:
            JournalFailed: the store cannot be read now.

        """
        if self._state is None:
            context = self._context
            try:
                self._state, _ = await context.in_reader(
                    load_memory, ModemState, context.log, context.codec, self._stream
                )
            except StoreError as problem:
                raise JournalFailed(f"the modem's memory cannot be loaded: {problem}") from problem
            self._note_stored()
        state = self._state
        assert state is not None  # noqa: S101 -- loaded above
        return state

    async def record(self, events: Sequence[DomainEvent]) -> None:
        """Store events; the memory follows once they are durable.

        Raises:
            JournalFailed: they may not be; the memory was dropped and will be loaded anew.

        """
        if not events:
            return
        events = bounded(events)
        state = await self.state()
        try:
            version = await self._context.journal.append(self._stream, events)
        except BaseException:  # cancelled, nobody knows either
            self._state = None
            self._context.modems.forget_records(self._modem)
            raise
        for event in events:
            state.apply(event)
        self._note_stored()
        if version // SNAPSHOT_EVERY > (version - len(events)) // SNAPSHOT_EVERY:
            await self._save(state, version)

    async def _save(self, state: ModemState, version: int) -> None:
        context = self._context
        with contextlib.suppress(StoreError):  # it only makes the next start quicker
            await context.in_reader(
                context.log.save_snapshot, self._stream, version, state.snapshot()
            )

    def _note_stored(self) -> None:
        if self._state is not None:
            self._context.modems.note_stored(self._modem, self._state.record_stored)
