"""New keys on their way to a meter: wrapped, by suite, and told before they are sent."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from dlms_bench import KEYS, Bench

from hes.fleet.dlms_meter import master_key
from hes.fleet.dlms_objects import DENIED
from protocols.dlms.acse import Mechanism
from protocols.dlms.classes.security_setup import USUAL_OBIS, KeyId
from protocols.dlms.cosem import Attribute
from protocols.dlms.operations.keys import transfer_keys
from protocols.dlms.refusals import CounterTooLow
from protocols.dlms.security import Keys
from protocols.errors import LocalProtocolError, MeterRefused

MASTER = master_key("20001234")
NEW = {KeyId.GLOBAL_UNICAST: b"E" * 16, KeyId.AUTHENTICATION: b"A" * 16}


@pytest.fixture
def bench() -> Bench:
    return Bench("wrapper", Mechanism.GMAC).associate()


def give(bench: Bench, keys: dict[KeyId, bytes], master: bytes = MASTER) -> list[int]:
    """Give keys to the meter; return how many requests it had when they were about to be sent."""
    told: list[int] = []
    bench.run(transfer_keys(
        bench.client, keys, master, sending=lambda: told.append(len(bench.line.sent))
    ))  # fmt: skip
    return told


@pytest.mark.parametrize("names", [[KeyId.GLOBAL_UNICAST], [KeyId.AUTHENTICATION], list(NEW)])
def test_the_meter_has_them_and_the_wire_has_not(bench: Bench, names: list[KeyId]) -> None:
    keys = {name: NEW[name] for name in names}
    (told,) = give(bench, keys)
    assert told == len(bench.line.sent) - 1, "it was told just before"
    assert bench.meter.server.rekeyed == Keys(
        keys.get(KeyId.GLOBAL_UNICAST, KEYS.encryption),
        keys.get(KeyId.AUTHENTICATION, KEYS.authentication),
    )
    assert not any(key in data for key in NEW.values() for data in bench.line.sent)


def test_each_is_wrapped_by_the_master_key(bench: Bench) -> None:
    seen: list[Any] = []
    call = bench.meter.server._call
    bench.meter.server._call = lambda name, value: seen.append(value) or call(name, value)  # type: ignore[method-assign,func-returns-value]
    give(bench, NEW)
    unwrapped = {number: aes_key_unwrap(MASTER, wrapped) for number, wrapped in seen[0]}
    assert unwrapped == {int(name): key for name, key in NEW.items()}


def test_what_the_meter_refuses_is_a_refusal(bench: Bench) -> None:
    with pytest.raises(MeterRefused, match="method 2"):
        give(bench, NEW, b"W" * 16)
    assert bench.meter.server.rekeyed is None


def test_a_suite_decides_the_size_and_none_is_the_first(bench: Bench) -> None:
    security: Any = bench.meter.managed.find(Attribute(64, USUAL_OBIS, 2))
    security.change(suite=2)
    with pytest.raises(LocalProtocolError, match="the suite wants 32"):
        give(bench, NEW)
    security.change(suite=9)
    with pytest.raises(LocalProtocolError, match="security suite 9"):
        give(bench, NEW)
    read = bench.meter.server._read
    bench.meter.server._read = (  # type: ignore[method-assign]
        lambda name, how: DENIED if name.class_id == 64 else read(name, how)
    )
    give(bench, NEW)
    assert bench.meter.server.rekeyed is not None


def test_nothing_is_sent_in_a_session_that_is_refused(bench: Bench) -> None:
    bench.meter.server.client_counter = 1_000_000
    told: list[int] = []
    with pytest.raises(CounterTooLow):
        bench.run(transfer_keys(bench.client, NEW, MASTER, sending=lambda: told.append(1)))
    assert told == []
