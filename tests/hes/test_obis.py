import pytest
from hypothesis import given, strategies as st

from hes import obis


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("1.8.0", "1.0.1.8.0.255"),
        ("1.0.1.8.0", "1.0.1.8.0.255"),
        ("1.0.1.8.0.255", "1.0.1.8.0.255"),
        ("1-0:1.8.0", "1.0.1.8.0.255"),
        ("1-0:1.8.0*255", "1.0.1.8.0.255"),
        ("1-1:99.1.0*101", "1.1.99.1.0.101"),
        ("1.8.0*01", "1.0.1.8.0.1"),
        ("1.8.0&02", "1.0.1.8.0.2"),
        ("0.0.96.11.0.255", "0.0.96.11.0.255"),
    ],
)
def test_people_may_leave_parts_out(written: str, full: str) -> None:
    assert obis.parse(written) == full


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.8", "1.8.0.1", "1.2.3.4.5.6.7", "1.8.256", "a.b.c", "1.8.0 ", "1..0", "1.8.1000",
     "-1.8.0", "1.8.0*", "1.8.0.255*255x"],
)  # fmt: skip
def test_what_is_no_code_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no OBIS code; write A\.B\.C\.D\.E\.F") as caught:
        obis.parse(text)
    assert repr(text) in str(caught.value)


@given(st.binary(min_size=6, max_size=6))
def test_bytes_and_text_are_the_same_code(code: bytes) -> None:
    assert obis.to_bytes(obis.from_bytes(code)) == code
    assert obis.parse(obis.from_bytes(code)) == obis.from_bytes(code)


@given(st.text(max_size=40))
def test_any_text_is_a_code_in_full_or_refused(text: str) -> None:
    try:
        full = obis.parse(text)
    except ValueError:
        return
    assert len(obis.to_bytes(full)) == 6
