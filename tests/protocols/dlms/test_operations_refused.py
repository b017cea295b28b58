"""What a meter refuses, or says otherwise, while an operator does something to it."""

from decimal import Decimal
from typing import Any

import pytest
from dlms_bench import Bench

from protocols.dlms import axdr_encode as ax
from protocols.dlms.classes import limiter
from protocols.dlms.classes.common import Watched
from protocols.dlms.classes.gprs_modem_setup import GPRS_MODEM_SETUP
from protocols.dlms.cosem import Attribute, DataAccessError, Refused, obis_bytes
from protocols.dlms.operations.access import read_field
from protocols.dlms.operations.diagnosis import diagnose
from protocols.dlms.operations.firmware import read_version
from protocols.dlms.operations.limiter import LimiterChange, read_limiter, set_limiter
from protocols.dlms.operations.modem_setup import ModemChange, read_modem_setup, set_modem_setup
from protocols.dlms.operations.push import PushChange, read_push, set_push
from protocols.errors import MeterRefused, RemoteProtocolError, SessionRefused

LIMITER = limiter.USUAL_OBIS
TCP = bytes((0, 0, 25, 0, 0, 255))
PUSH, SCHEDULE = bytes((0, 1, 25, 9, 0, 255)), bytes((0, 0, 15, 0, 4, 255))


@pytest.fixture(params=["hdlc", "wrapper"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param).associate()


def refusing(bench: Bench, name: Attribute, code: int) -> None:
    """Let the meter refuse to have an object written."""
    found = bench.meter.managed.find(name)
    assert found is not None
    found.write = lambda _index, _value, _now: code  # type: ignore[method-assign]


def test_a_threshold_of_no_type_at_all_is_a_refusal(bench: Bench) -> None:
    refusing(bench, Attribute(71, LIMITER, 2), DataAccessError.TYPE_UNMATCHED)
    for watts in (5000, 5_000_000_000):  # of all types, and of the wide ones only
        change = LimiterChange(threshold_normal=Decimal(watts))
        with pytest.raises(MeterRefused, match=r"threshold_normal of 0\.0\.17.*type-unmatched"):
            bench.run(set_limiter(bench.client, LIMITER, change))


def test_a_threshold_that_is_refused_is_not_tried_in_other_types(bench: Bench) -> None:
    refusing(bench, Attribute(71, LIMITER, 2), DataAccessError.READ_WRITE_DENIED)
    with pytest.raises(MeterRefused, match="read-write-denied"):
        bench.run(set_limiter(bench.client, LIMITER, LimiterChange(threshold_normal=Decimal(1))))


def test_a_limiter_of_what_has_no_unit_has_none(bench: Bench) -> None:
    found = bench.meter.managed.find(Attribute(71, LIMITER, 2))
    assert found is not None
    found.change(watched=Watched(1, obis_bytes("0.0.96.1.0.255"), 2))
    read = bench.run(read_limiter(bench.client, LIMITER))
    assert (read.scale.scaler, read.scale.unit) == (None, None)
    after = bench.run(set_limiter(bench.client, LIMITER, LimiterChange(min_under_s=5)))
    assert after.limiter.min_under_s == 5


def test_what_a_limiter_leaves_empty_is_not_told(bench: Bench) -> None:
    found = bench.meter.managed.find(Attribute(71, LIMITER, 2))
    assert found is not None
    whole = found.read

    def partly(index: int, now: Any) -> bytes:
        return ax.NULL if index >= 5 else whole(index, now)

    found.read = partly  # type: ignore[method-assign]
    read = bench.run(read_limiter(bench.client, LIMITER)).limiter
    assert (read.threshold_normal, read.threshold_emergency) == (11_000, None)
    assert (read.min_over_s, read.emergency, read.actions) == (None, None, None)
    assert read.emergency_groups == ()


def test_a_write_and_a_read_that_are_refused_say_of_what(bench: Bench) -> None:
    refusing(bench, Attribute(41, TCP, 2), DataAccessError.READ_WRITE_DENIED)
    with pytest.raises(MeterRefused, match=r"port of 0\.0\.25\.0\.0\.255 be set \(read-write"):
        bench.run(set_modem_setup(bench.client, ModemChange(port=1)))
    gprs = bytes((0, 0, 25, 4, 0, 255))
    with pytest.raises(MeterRefused, match="the meter does not tell pin"):
        bench.run(read_field(bench.client, GPRS_MODEM_SETUP, gprs, "pin"))


def test_what_is_so_already_is_not_written(bench: Bench) -> None:
    refusing(bench, Attribute(41, TCP, 2), DataAccessError.READ_WRITE_DENIED)
    after = bench.run(set_modem_setup(bench.client, ModemChange(port=4059)))
    assert after.tcp is not None
    assert after.tcp.port == 4059


def test_a_push_setup_that_keeps_its_address_keeps_it(bench: Bench) -> None:
    read = bench.run(set_push(bench.client, PUSH, SCHEDULE, PushChange(randomisation_s=9)))
    assert read.setup.destination.address == b"198.51.100.1:4059"
    assert read.setup.randomisation_s == 9


class Client:
    """A client whose meter ends the talk, or talks nonsense, from the n-th question on."""

    def __init__(self, bench: Bench, failure: Exception, *, after: int = 0) -> None:
        self._bench, self._failure, self._left = bench, failure, after

    def get_list(self, attributes: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._failure
        return (yield from self._bench.client.get_list(attributes))

    def get(self, attribute: Any) -> Any:
        return (yield from self._bench.client.get(attribute))


@pytest.mark.parametrize(
    ("failure", "after"),
    [
        (SessionRefused("no more"), 0), (SessionRefused("no more"), 1),
        (RemoteProtocolError("truncated", "cut short"), 1),
    ],
)  # fmt: skip
def test_a_meter_that_ends_the_talk_ends_it(bench: Bench, failure: Exception, after: int) -> None:
    for ask in (
        diagnose, read_modem_setup, lambda client: read_push(client, PUSH, SCHEDULE),
    ):  # fmt: skip
        client: Any = Client(bench, failure, after=after)
        with pytest.raises(type(failure)):
            bench.run(ask(client))


@pytest.mark.parametrize(
    ("told", "version"), [(b"1.0", "1.0"), ("2.0", "2.0"), (7, ""), (Refused(4), "")]
)
def test_a_version_is_a_text_or_nothing(told: Any, version: str) -> None:
    class Teller:
        def get(self, _attribute: Any) -> Any:
            return told
            yield

    teller: Any = Teller()
    assert Bench().run(read_version(teller)) == version
