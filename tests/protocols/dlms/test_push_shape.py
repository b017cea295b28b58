"""Known shapes of pushes: read exactly as the usual way reads them, or not at all."""

from typing import Any

import pytest
from dlms_messages import TIME, VALUES, Sample
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import (
    DataNotificationConfirm,
    confirmation_of,
    encode_confirm,
    encode_data_notification,
)
from protocols.dlms.push import clock_of, items_of
from protocols.dlms.push_shape import SAME_SIZE_MAX, SHAPES_MAX, SIZE_MAX, PushShapes, shape_of
from protocols.errors import RemoteProtocolError

IMPORT = ax.octets(bytes((1, 0, 1, 8, 0, 255)))
CLOCK = ax.octets(bytes((0, 0, 1, 0, 0, 255)))
SCALE = ax.structure(ax.i8(-1), ax.enum(30))


def body(n: int = 0, *, scaler: int = -1, clock: bytes = TIME) -> bytes:
    return ax.array(
        ax.structure(CLOCK, ax.octets(clock)),
        ax.structure(IMPORT, ax.u32(n), ax.structure(ax.i8(scaler), ax.enum(30))),
        ax.structure(IMPORT, ax.i16(-n), SCALE),
    )


BODIES = st.one_of(
    st.builds(
        body,
        st.integers(0, 2**15),
        scaler=st.sampled_from([-1, 0]),
        clock=st.binary(min_size=12, max_size=12),
    ),
    st.lists(VALUES.map(lambda s: ax.structure(IMPORT, s[0])), max_size=3).map(
        lambda p: ax.array(*p)
    ),
    st.lists(VALUES.map(lambda s: s[0]), max_size=2).map(
        lambda p: ax.structure(IMPORT, ax.u32(1), *p)
    ),
    st.lists(VALUES.map(lambda s: s[0]), max_size=2).map(
        lambda p: ax.structure(ax.octets(TIME), IMPORT, *p)
    ),
    st.builds(lambda s: s[0], VALUES),
)


def usual(apdu: bytes) -> dict[str, Any] | None:
    push = decode_apdu(apdu)
    items = items_of(push.body)
    return {
        "invoke": push.long_invoke_id,
        "confirmation": encode_confirm(DataNotificationConfirm(push.long_invoke_id, push.time)),
        "time": clock_of(items, push.body) or push.time,
        "items": [(i.key, i.value, i.scaler, i.unit) for i in items],
    }  # fmt: skip


def check(shapes: PushShapes, apdu: bytes) -> bool:
    """Compare both ways; return whether the shape was known."""
    fast = shapes.read(apdu)
    if fast is None:
        return False
    items = [
        (i.key, value, i.scaler, i.unit)
        for i, value in zip(fast.shape.items, fast.values, strict=True)
    ]
    assert {
        "invoke": fast.long_invoke_id, "confirmation": confirmation_of(apdu), "time": fast.time,
        "items": items,
    } == usual(apdu)  # fmt: skip
    return True


@settings(max_examples=many(0.5))
@given(
    st.lists(
        st.tuples(BODIES, st.integers(0, 2**32 - 1), st.sampled_from([None, TIME])), max_size=8
    )
)
def test_what_fits_is_read_as_usual(pushes: list[tuple[bytes, int, bytes | None]]) -> None:
    shapes = PushShapes()
    for raw, invoke, time in pushes:
        apdu = encode_data_notification(invoke, time, raw)
        shapes.learn(apdu, decode_apdu(apdu))
        check(shapes, apdu)


@settings(max_examples=many(3))
@given(st.integers(0, 2**15), st.data())
def test_changed_bytes_are_read_as_usual_or_not_at_all(n: int, data: st.DataObject) -> None:
    shapes = PushShapes()
    apdu = encode_data_notification(7, TIME, body(n))
    shapes.learn(apdu, decode_apdu(apdu))
    raw = bytearray(apdu)
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[at] = data.draw(st.integers(0, 255))
    check(shapes, bytes(raw))


def test_a_scaler_in_a_flat_list_belongs_to_the_shape() -> None:
    def flat(n: int, scaler: int) -> bytes:
        scale = ax.structure(ax.i8(scaler), ax.enum(30))
        return encode_data_notification(7, TIME, ax.structure(IMPORT, ax.u32(n), scale))

    shapes = PushShapes()
    shapes.learn(flat(1, -1), decode_apdu(flat(1, -1)))
    read = shapes.read(flat(2, -1))
    assert read is not None
    assert [(i.scaler, i.unit) for i in read.shape.items] == [(-1, 30)]
    assert read.values == (2,)
    assert shapes.read(flat(2, 0)) is None


def test_only_values_may_change() -> None:
    shapes = PushShapes()
    apdu = encode_data_notification(7, TIME, body(1))
    assert not check(shapes, apdu)
    shapes.learn(apdu, decode_apdu(apdu))
    for n in range(20):
        other = encode_data_notification(
            n, TIME[:-1] + bytes((n,)), body(n, clock=bytes((n,)) * 12)
        )
        assert check(shapes, other)
    assert not check(shapes, encode_data_notification(7, TIME, body(1, scaler=0)))
    assert not check(shapes, encode_data_notification(7, None, body(1)))
    assert not check(shapes, apdu + b"\0")


@pytest.mark.parametrize("raw", [
    ax.u32(5), ax.structure(ax.u32(5)), ax.structure(IMPORT, ax.array(IMPORT)),
    ax.structure(IMPORT, ax.boolean(True)), ax.structure(IMPORT, ax.f32(1.5)),
    ax.structure(IMPORT, ax.octets(bytes(SIZE_MAX))), ax.structure(IMPORT, ax.octets(bytes(200))),
])  # fmt: skip
def test_what_has_no_shape(raw: bytes) -> None:
    apdu = encode_data_notification(7, None, raw)
    assert shape_of(apdu, decode_apdu(apdu)) is None
    shapes = PushShapes()
    shapes.learn(apdu, decode_apdu(apdu))
    assert len(shapes) == 0


def test_shapes_are_bounded() -> None:
    shapes = PushShapes()
    for size in range(300):
        for unit in range(SAME_SIZE_MAX + 2):
            scale = ax.structure(ax.i8(0), ax.enum(unit))
            filler = ax.structure(IMPORT, ax.octets(bytes(size % 100)), scale)
            apdu = encode_data_notification(7, None, ax.array(*[filler] * (1 + size // 100)))
            shapes.learn(apdu, decode_apdu(apdu))
            assert check(shapes, apdu)
    assert len(shapes) <= SHAPES_MAX


@given(VALUES, st.binary(max_size=40))
def test_nothing_breaks_it(sample: Sample, noise: bytes) -> None:
    shapes = PushShapes()
    apdu = encode_data_notification(7, TIME, ax.structure(IMPORT, sample[0]))
    shapes.learn(apdu, decode_apdu(apdu))
    for other in (noise, apdu[:-1], b"\x0f" + noise):
        try:
            shapes.learn(other, decode_apdu(other))
        except (RemoteProtocolError, AttributeError):
            pass
        shapes.read(other)
