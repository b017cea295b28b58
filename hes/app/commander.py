"""Carries commands of people and programs to the actors of this node."""

import contextlib
from collections.abc import Iterator

from actors.context import Context
from actors.errors import ActorError, AskTimeout
from actors.meter_messages import Perform
from actors.modem import ModemActor
from actors.modem_messages import Order
from actors.modem_view import view_of
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

GRACE_S = 1.0
"""The actor's own deadline comes first: it knows why there is no answer."""


class NodeCommander:
    """See ``hes.commands.Commander``."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def execute(self, command: Command, *, timeout_s: float) -> Answer:
        """See ``hes.commands.Commander.execute``."""
        if self._context.device(command.meter) is None:
            raise UnknownMeter(command.meter)
        with _told(f"meter {command.meter}", timeout_s):
            actor = self._context.meter(command.meter)
            answer: Answer = await actor.ask(Perform(command, timeout_s), timeout_s + GRACE_S)
        return answer

    async def order(self, command: ModemCommand, *, timeout_s: float) -> ModemAnswer:
        """See ``hes.commands.Commander.order``."""
        modem = command.modem
        if self._context.modems.entry(modem) is None:
            raise UnknownModem(modem)
        with _told(f"modem {modem}", timeout_s):
            answer: ModemAnswer = await self._context.modem(modem).ask(Order(command), timeout_s)
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
    except ActorError as problem:
        raise CommandFailed(FailureReason.INTERNAL, str(problem)) from problem
