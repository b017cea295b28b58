"""Reading registers of DL/T 645 meters by OBIS code."""

from collections.abc import Sequence
from datetime import datetime

from protocols.dialogue import Dialogue
from protocols.dlt645 import clock
from protocols.dlt645.client import Dlt645Client
from protocols.dlt645.codes import CLOCK, EXPORTS
from protocols.dlt645.errors import NO_DATA
from protocols.dlt645.exchange import Refusal
from protocols.dlt645.items import Kind
from protocols.dlt645.values import Value
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError
from protocols.values import ReadValue, RegistersRead

TIME_OF_DEMAND_1997 = 0x1000
"""What the identifier of a demand is to be raised by, for its time."""
ABSENT = "the meter has no such value"
NO_ANSWER = "no answer to this, though to others"
NOT_ASKED = "not asked: the meter had stopped answering"
SILENCES_MAX = 2
"""Values in one read that a meter may say nothing to; each costs all its repeats."""
EXTENDED_REGISTER = 4
REGISTER = 3
DATA = 1


def read_registers(client: Dlt645Client, asked: Sequence[str]) -> Dialogue[RegistersRead]:
    """Read OBIS codes: blocks where several are in one. A refusal is part of the result.

    So is silence, while the meter answers others: some do not refuse what they do not have.

    Raises:
        MeterSilent: it answers nothing at all.

    """
    wanted = {obis: client.codes.identifier(obis) for obis in asked}
    known = {obis: di for obis, di in wanted.items() if di is not None}
    found: dict[str, Value] = {}
    result = RegistersRead([], {})
    yield from _read_blocks(client, known, found)
    for obis, di in known.items():
        if obis not in found:
            yield from _read_single(client, obis, di, found, result)
    for obis in wanted:
        if obis == CLOCK:
            yield from _read_clock(client, result)
        elif obis in found:
            time = yield from _time_of(client, known[obis], found[obis])
            take_value(result, obis, found[obis], time)
        elif obis not in known:
            result.refused[obis] = "this protocol has no such value"
    return result


def _read_clock(client: Dlt645Client, result: RegistersRead) -> Dialogue[None]:
    try:
        instant = yield from clock.read_clock(client)
    except (MeterRefused, RemoteProtocolError) as problem:
        result.refused[CLOCK] = str(problem)
    else:
        told = instant.astimezone(client.settings.zone).isoformat()
        result.values.append(ReadValue(CLOCK, told, class_id=8, attribute=2))


def _read_blocks(
    client: Dlt645Client, known: dict[str, int], found: dict[str, Value]
) -> Dialogue[None]:
    """Read the blocks that hold two or more of what is wanted; what fails is read singly."""
    blocks: dict[int, dict[str, int]] = {}
    for obis, di in known.items():
        place = client.codes.block(di)
        if place is not None:
            blocks.setdefault(place[0], {})[obis] = place[1]
    for block, places in blocks.items():
        if len(set(places.values())) < 2 or not _may_ask_block(client, block):
            continue
        answer = yield from _read_block(client, block)
        found |= {obis: answer[at] for obis, at in places.items() if at < len(answer)}


def _may_ask_block(client: Dlt645Client, block: int) -> bool:
    memory = client.memory
    silent = memory.block_unheard and not memory.block_heard
    return client.settings.options.blocks and not silent and block not in memory.missing_blocks


def _read_block(client: Dlt645Client, block: int) -> Dialogue[list[Value]]:
    """Return the values of a block; none where it has to be read value by value."""
    memory = client.memory
    try:
        answer = yield from client.read(block)
    except RemoteProtocolError as problem:
        if problem.category not in {"bcd", "size"}:
            raise
        return []
    except MeterSilent:
        if memory.block_heard and not client.line.heard:
            raise  # it knows blocks: it is not there
        memory.block_unheard = True
        memory.missing_blocks.add(block)
        return []
    memory.block_heard = True
    if isinstance(answer, Refusal):
        if answer.code & NO_DATA:
            memory.missing_blocks.add(block)
        return []
    return answer


def _read_single(
    client: Dlt645Client, obis: str, di: int, found: dict[str, Value], result: RegistersRead
) -> Dialogue[None]:
    same = next((o for o in found if client.codes.identifier(o) == di), None)
    if same is not None:  # another code of the same value
        found[obis] = found[same]
        return
    if list(result.refused.values()).count(NO_ANSWER) >= SILENCES_MAX:
        result.refused[obis] = NOT_ASKED
        return
    try:
        answer = yield from client.read(di)
    except MeterSilent:
        if not client.line.heard:
            raise
        result.refused[obis] = NO_ANSWER
        return
    except RemoteProtocolError as problem:
        if problem.category not in {"bcd", "size"}:
            raise
        result.refused[obis] = f"the meter sent no such value: {problem}"
        return
    if isinstance(answer, Refusal):
        result.refused[obis] = answer.reason
    else:
        found[obis] = answer[0]


def take_value(result: RegistersRead, obis: str, value: Value, time: datetime | None) -> None:
    """Add a value to ``result``; one that the meter does not have to what it refused."""
    item = value.item
    if value.number is None and (value.text is None or item.kind is Kind.COUNT):
        result.refused[obis] = ABSENT
    elif value.number is None:
        result.values.append(ReadValue(obis, value.text, class_id=DATA, attribute=2))
    else:
        number = max(-value.number, 0) if obis in EXPORTS else value.number
        demand = item.kind is Kind.DEMAND or time is not None
        class_id = EXTENDED_REGISTER if demand else REGISTER
        result.values.append(ReadValue(obis, number, *item.told, class_id, 2, time=time))


def _time_of(client: Dlt645Client, di: int, value: Value) -> Dialogue[datetime | None]:
    """Return when a demand occurred; a time that is none, or not told, does not cost the value."""
    try:
        if value.at and value.item.kind is Kind.DEMAND:
            return client.instant(value.at)
        if client.old and di >> 12 == 0xA and value.number is not None:
            return (yield from _time_of_1997(client, di))
    except MeterSilent:
        return None
    except RemoteProtocolError as problem:
        if problem.category not in {"time", "bcd", "size"}:
            raise
    return None


def _time_of_1997(client: Dlt645Client, di: int) -> Dialogue[datetime | None]:
    """Read the time of a demand; it has no year, and is the last such one by the meter's clock."""
    answer = yield from client.line.read(di + TIME_OF_DEMAND_1997)
    if isinstance(answer, Refusal) or len(answer) != 4 or not any(answer):
        return None
    now = yield from clock.read_clock(client)
    year = now.astimezone(client.settings.zone).year
    this, last = (bytes.fromhex(f"{number % 100:02d}") for number in (year, year - 1))
    time = client.instant(answer + this)
    return time if time is None or time <= now else client.instant(answer + last)
