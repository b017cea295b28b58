"""Reads registers: from the readout, and what is not in it by commands."""

from collections.abc import Iterable, Sequence
from typing import Final

from protocols.dialogue import Dialogue
from protocols.errors import ProtocolError
from protocols.iec62056_21 import answers
from protocols.iec62056_21.codes import obis_of, short_code
from protocols.iec62056_21.conversation import Conversation
from protocols.iec62056_21.datasets import DataSet, parse_block
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.reading import clock_in, is_measured, obis_in, read_value
from protocols.iec62056_21.session import NO_SUCH, Refusal
from protocols.tariffs import as_rate
from protocols.values import ReadValue, RegistersRead

ABSENT: Final = "the meter has no such value"


def read_registers(talk: Conversation, asked: Sequence[str]) -> Dialogue[RegistersRead]:
    """Read registers by their OBIS codes; none: all that the meter shows.

    Raises:
        MeterSilent: there was no answer at all.
        RemoteProtocolError: nothing but damaged answers.

    """
    reader = _Reader(talk)
    if not asked or talk.options.registers_by == "readout":
        reader.take((yield from talk.readout()))
    missing = [obis for obis in asked if obis not in reader.told]
    if missing:
        yield from reader.ask_each(missing)
    time = clock_in(reader.sets, talk.options, talk.rules)
    wanted = asked or [obis for obis in reader.told if time is None or obis not in reader.clock]
    values = [reader.told[obis] for obis in wanted if obis in reader.told]
    absent = {v.obis for v in values if v.value is None} & set(asked)
    refused = reader.refused | dict.fromkeys(absent, ABSENT)
    return RegistersRead([v for v in values if v.obis not in absent], refused, time)


def _called(obis: str, options: Iec62056Options) -> str | None:
    """Return what the meter calls ``obis`` in a command; None: it has no such rate."""
    own = as_rate(options.rates, obis)
    return options.codes.get(obis) or (None if own is None else short_code(own))


class _Reader:
    """What was found so far: it is not lost when a later part fails."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk
        self.sets: list[DataSet] = []
        self.told: dict[str, ReadValue] = {}
        self.refused: dict[str, str] = {}
        self.clock = {obis_of(talk.options.date_code), obis_of(talk.options.time_code)}
        """Told as the time of the whole, not as values."""

    def take(self, sets: Iterable[DataSet]) -> None:
        """Take a readout; of a code that stands in it twice, the first.

        An error in the place of a quantity is none: if it is asked for, a command may tell more.
        """
        self.sets = list(sets)
        for data_set in self.sets:
            obis = obis_in(data_set, self._talk.options)
            if obis is None or obis in self.told:
                continue
            if not (is_measured(obis) and answers.is_error_value(data_set.values)):
                self.told[obis] = self._value(obis, data_set)

    def _value(self, obis: str, data_set: DataSet) -> ReadValue:
        return read_value(obis, data_set.values, self._talk.options, self._talk.rules)

    def ask_each(self, missing: Sequence[str]) -> Dialogue[None]:
        """Ask for registers one by one."""

        def work() -> Dialogue[None]:
            for obis in missing:
                if obis in self.told or obis in self.refused:
                    continue
                answer = yield from self._ask(obis)
                if isinstance(answer, Refusal):
                    self.refused[obis] = answer.reason
                else:
                    self.told[obis] = answer

        try:
            yield from self._talk.repeated(work)
        except ProtocolError as problem:
            if not self.told:
                raise
            for obis in missing:
                if obis not in self.told:
                    self.refused.setdefault(obis, str(problem))

    def _ask(self, obis: str) -> Dialogue[ReadValue | Refusal]:
        talk = self._talk
        code = _called(obis, talk.options)
        if code is None:
            return Refusal(NO_SUCH)
        refusal = Refusal(NO_SUCH)
        commands = list(talk.register_commands)
        for command in commands:
            answer = yield from talk.ask(command, code, sure=len(commands) == 1)
            if isinstance(answer, Refusal):
                refusal = answer
                continue
            talk.register_commands = [command]
            sets = parse_block(answer)
            if sets and answers.is_error_value(sets[0].values):
                return Refusal(f"{code}({sets[0].values[0]})")
            if sets:
                return self._value(obis, sets[0])
        return refusal
