"""Carries commands of people and programs to the actors of this node."""

import contextlib
from collections.abc import Iterator

from actors.context import Context
from actors.errors import ActorError, AskTimeout, JournalFailed
from actors.meter_messages import Perform
from actors.modem import ModemActor
from actors.modem_messages import Order
from actors.modem_view import view_of
from actors.patience import Patience
from hes.app.key_changes import KeyChanges
from hes.commands import (
    Answer,
    Command,
    CommandFailed,
    ModemAnswer,
    ModemCommand,
    ModemView,
    UnknownMeter,
    UnknownModem,
)
from hes.events.reading import FailureReason
from hes.ids import ModemId
from hes.key_change import ChangeKeys
from hes.store.errors import StoreUnavailable

GRACE_S = 1.0
"""The actor's own deadline comes first: it knows why there is no answer."""


class NodeCommander:
    """See ``hes.commands.Commander``."""

    def __init__(self, context: Context, keys: KeyChanges | None = None) -> None:
        self._context = context
        self._keys = keys

    async def execute(self, command: Command, *, timeout_s: float) -> Answer:
        """See ``hes.commands.Commander.execute``."""
        if self._context.device(command.meter) is None:
            raise UnknownMeter(command.meter)
        if not isinstance(command, ChangeKeys) or self._keys is None:
            return await self._ask(command, timeout_s)
        with _told(f"meter {command.meter}", timeout_s):
            return await self._keys.change(command, lambda: self._ask(command, timeout_s))

    async def _ask(self, command: Command, timeout_s: float) -> Answer:
        whom, patience = f"meter {command.meter}", Patience()
        with _told(whom, timeout_s):
            actor = self._context.meter(command.meter)
            perform = Perform(command, timeout_s, patience)
            answer: Answer = await patience.wait(
                lambda: actor.ask(perform, timeout_s + GRACE_S), f"the command to {whom}"
            )
        return answer

    async def order(self, command: ModemCommand, *, timeout_s: float) -> ModemAnswer:
        """See ``hes.commands.Commander.order``."""
        modem = command.modem
        if self._context.modems.entry(modem) is None:
            raise UnknownModem(modem)
        whom, patience = f"modem {modem}", Patience()
        with _told(whom, timeout_s):
            actor, order = self._context.modem(modem), Order(command, patience)
            answer: ModemAnswer = await patience.wait(
                lambda: actor.ask(order, timeout_s), f"the order to {whom}"
            )
        return answer

    def modems(self) -> list[ModemView]:
        """See ``hes.commands.Commander.modems``."""
        context = self._context
        names = dict.fromkeys(context.directory.modems())
        names.update(dict.fromkeys(entry.modem_id for entry in context.modems.modems()))
        names.update(dict.fromkeys(context.running_modems()))
        return [self._view(modem) for modem in names]

    def _view(self, modem: ModemId) -> ModemView:
        ref = self._context.known_modem(modem)
        if ref is not None and isinstance(ref.actor, ModemActor):
            return ref.actor.view()
        return view_of(modem, self._context)


@contextlib.contextmanager
def _told(whom: str, timeout_s: float) -> Iterator[None]:
    """Turn what went wrong with an actor into what people are told."""
    try:
        yield
    except AskTimeout:
        why = f"no answer from {whom} within {timeout_s:g} s"
        raise CommandFailed(FailureReason.NO_ANSWER, why) from None
    except JournalFailed as problem:
        raise StoreUnavailable(f"nothing was asked of {whom}, it is not written down") from problem
    except ActorError as problem:
        raise CommandFailed(FailureReason.INTERNAL, str(problem)) from problem
