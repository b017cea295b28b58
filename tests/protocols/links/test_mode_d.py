"""The beginning of a telegram of mode D, at every cut and behind noise, and what is none."""

import pytest
from hypothesis import given, strategies as st

from protocols.iec62056_21.block_check import EVEN_PARITY
from protocols.links.base import LinkKind, LinkSettings, MeterBytes, Verdict
from protocols.links.mode_d import NOISE_SIZE_MAX, ModeDLink, sniff
from protocols.links.registry import DETECTION_SIZE_MAX, detect

AUTO = LinkSettings()
HEAD = b"/ISk5MT174-0001\r\n"


def judged(first: bytes) -> list[str]:
    return [sniff(first[:size], AUTO).value for size in range(len(first) + 1)]


@pytest.mark.parametrize("behind", [b"\r\n", b"1.8.0(1)", b"\x02", b"F.F(0)", b"0-0:1.0.0(", b"!"])
def test_it_takes_the_first_byte_behind_the_identification(behind: bytes) -> None:
    verdicts = judged(HEAD + behind)
    assert verdicts[: len(HEAD) + 1] == ["more"] * (len(HEAD) + 1)
    assert set(verdicts[len(HEAD) + 1 :]) == {"yes"}


@pytest.mark.parametrize(
    "first",
    [
        b"/IS5MT174\r\n\r\n", b"/123MT174\r\n\r\n", b"/ISk\r\n\r\n", b"/ISk5MT/74\r\n\r\n",
        b"/ISk5MT\x0174\r\n\r\n", b"/ISk5MT174\r\n\x00", b"/?00004711!\r\n", b"/ISk5?MT!\r\n\r\n",
        b"/ISk5" + b"X" * 60 + b"\r\n\r\n",
    ],
    ids=["two letters", "digits", "nothing behind the maker", "a slash", "no text",
         "no data", "a request", "marks", "too long"],
)  # fmt: skip
def test_what_is_none(first: bytes) -> None:
    assert "yes" not in judged(first)
    assert detect(first + bytes(DETECTION_SIZE_MAX), AUTO) is Verdict.NO


@given(st.binary(max_size=NOISE_SIZE_MAX), st.integers(0, 20))
def test_noise_in_front_hides_none(noise: bytes, nuls: int) -> None:
    first = bytes(nuls) + noise + HEAD + b"\r\n"
    # What is noise here may be the beginning of another link, whose check is stronger.
    assert sniff(first, AUTO) is Verdict.YES
    assert sniff(first.translate(EVEN_PARITY), AUTO) is Verdict.YES


def test_more_than_noise_does() -> None:
    assert sniff(b"x" * NOISE_SIZE_MAX + HEAD + b"\r\n", AUTO) is Verdict.YES
    assert sniff(b"x" * (NOISE_SIZE_MAX + 1) + HEAD + b"\r\n", AUTO) is Verdict.NO


def test_two_telegrams_in_one_piece_are_the_first_one() -> None:
    assert sniff((HEAD + b"\r\n1.8.0(1*kWh)\r\n!\r\n") * 2, AUTO) is Verdict.YES


def test_a_registration_that_fits_is_surer() -> None:
    wanted = LinkSettings(registration=r"/SIM(?P<modem_id>\d{4})\r\n")
    found = detect(b"/SIM4711\r\n\r\n", wanted)
    assert isinstance(found, LinkKind)
    assert found.name == "raw"
    other = detect(HEAD + b"\r\n", wanted)
    assert isinstance(other, LinkKind)
    assert other.name == "mode-d"


@given(st.binary(max_size=80))
def test_it_carries_bytes_as_they_are_and_nothing_back(data: bytes) -> None:
    link = ModeDLink(AUTO)
    assert link.receive(data) == [MeterBytes(data)]
    assert link.is_plain(data)
    assert link.idle() == []
    assert link.wrap(data) == data
    assert not link.pipe
