"""Writing, calling and long lists, as dlms-cosem 21.3.2 does them with our simulated meters.

What it cannot do, so that nothing here tests it: HLS with MD5, SHA-1 or SHA-256 (its client stops
with "No implementation for HSL"), dedicated keys, general block transfer, ACCESS, SET and ACTION in
blocks or with lists. Its decoders do not know these either; ours are tested against bytes that were
written down from the layout of each service.
"""

from datetime import timedelta
from typing import Any

import pytest
from dlms_bench import NOW, Bench
from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.clients.dlms_client import ActionError, DlmsClient
from dlms_cosem.parsers import AssociationObjectListParser
from dlms_cosem.protocol import xdlms
from dlms_cosem_peer import attribute, over_tcp, settings
from hypothesis import given, strategies as st

from protocols.dlms import acse, apdu_action, apdu_errors, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.object_list import read_objects

CLOCK = attribute(8, "0.0.1.0.0.255", 2)
OBJECTS = attribute(15, "0.0.40.0.0.255", 2)
SAPS = attribute(17, "0.0.41.0.0.255", 2)


def shift(index: int = 6) -> cosem.CosemMethod:
    return cosem.CosemMethod(CLOCK.interface, CLOCK.instance, index)


async def ask(bench: Bench, talk: Any) -> Any:
    def associated(client: DlmsClient) -> Any:
        client.associate()
        found = talk(client)
        client.release_association()
        return found

    return await over_tcp(bench.meter, associated, **settings(Mechanism.LOW))


async def test_sets_and_shifts_the_clock() -> None:
    bench = Bench("wrapper")
    told = encode_time(NOW + timedelta(seconds=90), utc_offset_min=420)
    response = await ask(bench, lambda client: client.set(CLOCK, ax.octets(told)))
    assert response.result.value == 0
    assert bench.meter.clock.drift_s == 90
    await ask(bench, lambda client: client.action(shift(), ax.i16(-30)))
    assert bench.meter.clock.drift_s == 60


async def test_hears_what_is_refused() -> None:
    bench = Bench("wrapper")
    energy = attribute(3, "1.0.1.8.0.255", 2)
    response = await ask(bench, lambda client: client.set(energy, ax.u32(0)))
    assert response.result.value == 3
    with pytest.raises(ActionError):
        await ask(bench, lambda client: client.action(shift(99), ax.u8(0)))


async def test_reads_the_objects_in_blocks() -> None:
    bench = Bench("wrapper", max_pdu=128)
    raw = await ask(bench, lambda client: client.get(OBJECTS))
    theirs = AssociationObjectListParser.parse_bytes(raw)
    found = {(o.interface, o.logical_name.to_string(separator=".")) for o in theirs}
    assert (3, "1.0.1.8.0.255") in found
    assert (8, "0.0.1.0.0.255") in found
    again = Bench("wrapper").associate()
    ours = again.run(read_objects(again.client))
    assert found == {(o.class_id, o.obis) for o in ours}


async def test_reads_the_logical_devices() -> None:
    raw = await ask(Bench("wrapper"), lambda client: client.get(SAPS))
    assert utils.parse_as_dlms_data(raw) == [[1, b"SIM20001234"]]


def test_conformance_agrees() -> None:
    ours = acse.CONFORMANCE_CLIENT
    theirs = xdlms.Conformance.from_bytes(b"\x00" + ours)
    assert theirs.general_protection
    assert theirs.general_block_transfer
    assert theirs.access
    assert theirs.block_transfer_with_set_or_write
    assert theirs.block_transfer_with_action
    assert theirs.multiple_references
    assert not theirs.data_notification
    assert not theirs.delta_value_encoding
    assert theirs.to_bytes()[-3:] == ours


def test_the_dedicated_key_of_an_association_agrees() -> None:
    key = bytes(range(16))
    theirs = xdlms.InitiateRequest(
        proposed_conformance=xdlms.Conformance.from_bytes(b"\x00" + acse.CONFORMANCE_CLIENT),
        client_max_receive_pdu_size=1200, dedicated_key=key,
    )  # fmt: skip
    ours = acse.InitiateRequest(dedicated_key=key, max_pdu=1200)
    assert decode_apdu(theirs.to_bytes()) == ours
    read = xdlms.InitiateRequest.from_bytes(acse.encode_initiate_request(ours))
    # Of the conformance it leaves out the first of three bytes when it reads.
    assert (read.dedicated_key, read.client_max_receive_pdu_size) == (key, 1200)


@given(st.integers(-(2**15), 2**15 - 1))
def test_calls_agree(seconds: int) -> None:
    theirs = xdlms.ActionRequestNormal(cosem_method=shift(), data=ax.i16(seconds)).to_bytes()
    ours = decode_apdu(theirs)
    assert (str(ours.method), ours.parameter) == ("8/0.0.1.0.0.255/6", seconds)
    assert apdu_action.encode_request(ours) == theirs


@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize("service", [1, 2, 3, 4, 5])
def test_exceptions_agree(state: int, service: int) -> None:
    ours = apdu_errors.ExceptionResponse(state, service)
    theirs = xdlms.ExceptionResponse.from_bytes(apdu_errors.encode_exception(ours))
    assert (theirs.state_error.value, theirs.service_error.value) == (state, service)
    assert decode_apdu(theirs.to_bytes()) == ours


def test_the_counter_that_is_wanted_agrees() -> None:
    ours = apdu_errors.ExceptionResponse(1, 6, 77)
    theirs = xdlms.ExceptionResponse.from_bytes(apdu_errors.encode_exception(ours))
    assert theirs.invocation_counter_data == 77


def test_service_errors_agree() -> None:
    ours = apdu_errors.ConfirmedServiceError(1, 6, 1)
    theirs = xdlms.ConfirmedServiceError.from_bytes(apdu_errors.encode_service_error(ours))
    assert isinstance(theirs.error, enumerations.InitiateError)
    assert theirs.error.value == 1
