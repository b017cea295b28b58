"""The TCP wrapper: cuts, limits, and streams that cannot be mended."""

import pytest
from dlms_messages import check_category
from hypothesis import given, strategies as st

from protocols.dlms.wrapper import (
    APDU_SIZE_MAX,
    Wpdu,
    WrapperReader,
    encode_wpdu,
    read_capture,
    whole_wpdu,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError

wports = st.integers(0, 0xFFFF)
wpdus = st.builds(Wpdu, wports, wports, st.binary(max_size=300))


def encode(wpdu: Wpdu) -> bytes:
    return encode_wpdu(wpdu.source, wpdu.destination, wpdu.apdu)


def read_all(chunks: list[bytes]) -> list[Wpdu]:
    reader = WrapperReader()
    found = []
    for chunk in chunks:
        reader.receive_data(chunk)
        while (wpdu := reader.next_wpdu()) is not None:
            found.append(wpdu)
        assert reader.pending <= APDU_SIZE_MAX + 8
    return found


def test_known_bytes() -> None:
    assert encode_wpdu(1, 0x67, b"\xc2") == bytes.fromhex("0001000100670001c2")
    assert encode_wpdu(16, 1, b"") == bytes.fromhex("0001001000010000")


@given(st.lists(wpdus, max_size=5), st.data())
def test_same_wpdus_however_the_stream_is_cut(sent: list[Wpdu], data: st.DataObject) -> None:
    stream = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read_all(chunks) == sent
    assert read_all([bytes((byte,)) for byte in stream]) == sent


@given(wpdus, st.data())
def test_a_capture_must_be_whole(wpdu: Wpdu, data: st.DataObject) -> None:
    raw = encode(wpdu)
    assert read_capture(raw * 3) == [wpdu] * 3
    at = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(RemoteProtocolError) as refused:
        read_capture((raw + raw[:at]) if at else b"")
    assert refused.value.category == "truncated"


@given(wpdus, st.data())
def test_whole_only_when_it_is_just_one(wpdu: Wpdu, data: st.DataObject) -> None:
    raw = encode(wpdu)
    assert whole_wpdu(raw) == wpdu
    assert whole_wpdu(raw[: data.draw(st.integers(0, len(raw) - 1))]) is None
    assert whole_wpdu(raw + b"\0") is None
    assert whole_wpdu(b"\x00\x02" + raw[2:]) is None


def test_an_answer_goes_the_other_way() -> None:
    assert Wpdu(1, 103, b"\x0f").answer(b"\x10") == encode_wpdu(103, 1, b"\x10")


@given(st.binary(max_size=300))
def test_garbage_is_a_remote_error_or_nothing(noise: bytes) -> None:
    for stream in (noise, b"\x00\x01" + noise):
        try:
            read_all([stream])
        except RemoteProtocolError as refused:
            check_category(refused, "version", "size")


def test_the_longest() -> None:
    raw = encode_wpdu(1, 1, bytes(APDU_SIZE_MAX))
    assert len(read_all([raw])[0].apdu) == APDU_SIZE_MAX
    assert whole_wpdu(raw)
    over = bytes.fromhex("000100010001") + (APDU_SIZE_MAX + 1).to_bytes(2)
    with pytest.raises(RemoteProtocolError, match="limit 8192"):
        read_all([over])
    assert whole_wpdu(over + bytes(APDU_SIZE_MAX + 1)) is None
    with pytest.raises(LocalProtocolError):
        encode_wpdu(1, 1, bytes(APDU_SIZE_MAX + 1))


def test_a_larger_limit_for_who_wants_it() -> None:
    reader = WrapperReader(0xFFFF)
    reader.receive_data(bytes.fromhex("000100010001ffff") + bytes(0xFFFF))
    wpdu = reader.next_wpdu()
    assert wpdu is not None
    assert len(wpdu.apdu) == 0xFFFF


def test_a_wrong_version_ends_the_stream() -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read_all([bytes.fromhex("0002000100010000")])
    assert refused.value.category == "version"
