"""The image transfer: its table told again, and a line that dies at every step."""

from typing import Any

import pytest
from dlms_bench import Bench
from hypothesis import given, settings, strategies as st

from hes.fleet.dlms_classes.image import SOUND, SimulatedImage
from protocols.dlms.acse import Mechanism
from protocols.dlms.axdr import BitString
from protocols.dlms.classes.image_transfer import ImageInfo, ImageStatus
from protocols.dlms.cosem import DataAccessError, Refused
from protocols.dlms.operations.firmware import read_version, transfer
from protocols.dlms.operations.image_session import (
    BUSY_MAX,
    IMAGE_SIZE_MAX,
    ROUNDS_MAX,
    ImageSession,
)
from protocols.dlms.operations.image_steps import OPEN, Signal as Say, Step, step
from protocols.errors import LocalProtocolError, MeterSilent, RemoteProtocolError

NAME = b"FW-2"
IMAGE = SOUND + bytes(range(256)) * 4
BLOCKS = -(-len(IMAGE) // 128)


# -- the table, in other words


def walked(*signals: Say, begin: Step = Step.ASKING_ENABLED) -> list[Step]:
    now = begin
    return [now := step(now, signal) for signal in signals]


def test_all_going_well_is_seven_steps() -> None:
    assert walked(
        Say.YES, Say.FRESH, Say.DONE, Say.MORE, Say.ALL_SENT, Say.COMPLETE, Say.DONE, Say.SAME,
        Say.DONE, Say.ACTIVATED,
    ) == [
        Step.ASKING_BLOCK_SIZE, Step.INITIATING, Step.SENDING, Step.SENDING, Step.ASKING_BLOCKS,
        Step.VERIFYING, Step.COMPARING, Step.ACTIVATING, Step.POLLING_ACTIVATION, Step.ACTIVATED,
    ]  # fmt: skip


def test_a_meter_that_does_not_want_is_told_to_want() -> None:
    assert walked(Say.NO, Say.DONE) == [Step.ENABLING, Step.ASKING_BLOCK_SIZE]


def test_a_meter_that_takes_its_time_is_asked_again() -> None:
    slow = walked(Say.BUSY, Say.IN_VERIFICATION, Say.INITIATED, Say.VERIFIED, begin=Step.VERIFYING)
    assert slow == [Step.POLLING_VERIFICATION] * 3 + [Step.COMPARING]
    slow = walked(Say.BUSY, Say.VERIFIED, Say.IN_ACTIVATION, Say.ACTIVATED, begin=Step.ACTIVATING)
    assert slow == [Step.POLLING_ACTIVATION] * 3 + [Step.ACTIVATED]
    assert walked(Say.BUSY, Say.BUSY, Say.MORE, begin=Step.SENDING) == [Step.SENDING] * 3
    assert walked(Say.BUSY, Say.DONE, begin=Step.INITIATING) == [Step.INITIATING, Step.SENDING]
    assert step(Step.POLLING_ACTIVATION, Say.RESTARTED) is Step.ACTIVATED


def test_after_a_break_the_meter_says_where_it_is() -> None:
    again = (Say.LOST, Say.YES, Say.RESUMED)
    for at in OPEN:
        assert walked(*again, begin=at)[-1] is Step.ASKING_STATUS
    goes_on = {
        Say.NOT_INITIATED: Step.INITIATING, Say.INITIATED: Step.ASKING_BLOCKS,
        Say.IN_VERIFICATION: Step.POLLING_VERIFICATION, Say.VERIFIED: Step.COMPARING,
        Say.VERIFICATION_FAILED: Step.FAILED, Say.IN_ACTIVATION: Step.POLLING_ACTIVATION,
        Say.ACTIVATED: Step.ACTIVATED, Say.ACTIVATION_FAILED: Step.FAILED,
        Say.RESTARTED: Step.ACTIVATED,
    }  # fmt: skip
    assert {said: step(Step.ASKING_STATUS, said) for said in goes_on} == goes_on


def test_what_ends_it() -> None:
    assert {step(at, Say.REFUSED) for at in OPEN} == {Step.FAILED}
    assert step(Step.POLLING_VERIFICATION, Say.VERIFICATION_FAILED) is Step.FAILED
    assert step(Step.POLLING_ACTIVATION, Say.ACTIVATION_FAILED) is Step.FAILED
    assert step(Step.COMPARING, Say.OTHER) is Step.FAILED
    assert step(Step.ASKING_BLOCKS, Say.MORE) is Step.SENDING
    assert set(Step) - set(OPEN) == {Step.ACTIVATED, Step.FAILED}
    for ended in (Step.ACTIVATED, Step.FAILED):
        for said in Say:
            with pytest.raises(RemoteProtocolError):
                step(ended, said)


def test_a_meter_does_not_say_everything_everywhere() -> None:
    with pytest.raises(RemoteProtocolError, match="the meter says verified while we are sending"):
        step(Step.SENDING, Say.VERIFIED)


# -- over a line


class Loading:
    """A client that loads an image; its line dies at the exchanges that it is told."""

    def __init__(self, *, auth: Mechanism = Mechanism.LOW, framing: str = "wrapper") -> None:
        self.bench = Bench(framing, auth)
        self.session = ImageSession(NAME, IMAGE, poll_s=1.0)
        self.dies_at: set[int] = set()
        self.conversations = 0
        self.bench.line.back = self._back

    @property
    def meter(self) -> SimulatedImage:
        return self.bench.meter.managed.image

    def _back(self, number: int, data: bytes) -> list[bytes | None]:
        return [None] * 50 if number in self.dies_at else [data] if data else []

    def once(self, *, steps_max: int = 10_000) -> None:
        """Have one conversation in an association of its own."""
        left = iter(range(steps_max))
        self.conversations += 1
        self.bench.meter.reset()
        self.bench.client = self._client()
        self.bench.associate()
        talk = transfer(
            self.bench.client, self.session, self.meter.obis,
            enough=lambda: next(left, None) is None,
        )  # fmt: skip
        self.bench.run(talk)

    def _client(self) -> Any:
        fresh = Bench(self.bench.meter.framing, self.bench.client._settings.auth).client
        fresh._counter = fresh.requester._counter = lambda: next(self.bench.counters)
        return fresh

    def to_its_end(self, conversations_max: int = 60) -> None:
        for _ in range(conversations_max):
            try:
                self.once()
            except (MeterSilent, RemoteProtocolError):
                continue
            if self.session.ended:
                return
        raise AssertionError("no end of it")


def test_an_image_gets_into_the_meter() -> None:
    loading = Loading()
    loading.once()
    assert loading.session.step is Step.ACTIVATED
    assert loading.meter.image == IMAGE
    assert (loading.meter.initiated, loading.meter.taken) == (1, BLOCKS)
    assert loading.session.done_bytes == loading.session.size_bytes == len(IMAGE)
    assert loading.bench.run(read_version(loading.bench.client)) == NAME.decode()


@pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_it_does_so_over_each_link_and_with_each_protection(framing: str, auth: Mechanism) -> None:
    loading = Loading(framing=framing, auth=auth)
    loading.once()
    assert loading.session.step is Step.ACTIVATED


def exchanges() -> int:
    """Return how many exchanges the whole takes when all goes well, its polls among them."""
    loading = slow()
    loading.once()
    return len(loading.bench.line.sent)


def slow() -> Loading:
    loading = Loading()
    loading.meter.faults.verify_polls = loading.meter.faults.activate_polls = 2
    return loading


def test_a_line_that_dies_at_any_exchange_costs_no_block_twice() -> None:
    for number in range(1, exchanges() + 1):
        loading = slow()
        loading.dies_at = {number}
        loading.to_its_end()
        assert loading.session.step is Step.ACTIVATED, number
        assert loading.meter.image == IMAGE
        assert loading.conversations <= 2
        # The request that was heard but not answered may have been a block, or the initiation.
        assert loading.meter.taken <= BLOCKS + 1
        assert loading.meter.initiated <= 2


@settings(max_examples=25)
@given(st.sets(st.integers(1, 80), max_size=25))
def test_a_line_that_dies_again_and_again_only_takes_longer(dies_at: set[int]) -> None:
    loading = slow()
    loading.dies_at = dies_at
    loading.to_its_end()
    assert loading.session.step is Step.ACTIVATED
    assert loading.meter.image == IMAGE


def test_a_conversation_ends_when_it_is_enough_and_the_next_goes_on() -> None:
    loading = Loading()
    for _ in range(30):
        if not loading.session.ended:
            loading.once(steps_max=6)
    assert loading.session.step is Step.ACTIVATED
    assert (loading.meter.initiated, loading.meter.taken) == (1, BLOCKS)


def test_another_run_goes_on_with_what_the_meter_has() -> None:
    loading = Loading()
    loading.once(steps_max=7)
    taken = loading.meter.taken
    assert 0 < taken < BLOCKS
    loading.session = ImageSession(NAME, IMAGE, resume=True)
    loading.once()
    assert loading.session.step is Step.ACTIVATED
    assert (loading.meter.initiated, loading.meter.taken) == (1, BLOCKS)


def test_another_run_that_does_not_resume_begins_anew() -> None:
    loading = Loading()
    loading.once(steps_max=7)
    loading.session = ImageSession(NAME, IMAGE)
    loading.once()
    assert loading.meter.initiated == 2
    assert loading.meter.image == IMAGE


def test_lost_blocks_are_sent_again() -> None:
    loading = Loading()
    loading.meter.faults.lost_blocks = {0, 3, BLOCKS - 1}
    loading.once()
    assert loading.session.step is Step.ACTIVATED
    assert loading.meter.taken == BLOCKS + 3


def test_blocks_that_are_put_off_are_sent_again_after_a_while() -> None:
    loading = Loading()
    loading.meter.faults.busy_blocks = 3
    loading.once()
    assert loading.session.step is Step.ACTIVATED
    assert loading.bench.line.silences_s == [1.0] * 4  # and once before it asks for the activation


def test_a_meter_that_loses_its_supply_and_all_it_had_is_given_all_again() -> None:
    loading = Loading()
    loading.once(steps_max=7)
    loading.meter.lose_all()
    loading.once()
    assert loading.session.step is Step.ACTIVATED
    assert loading.meter.initiated == 2


def test_a_supply_that_fails_in_the_middle_costs_nothing_that_was_kept() -> None:
    loading = Loading()
    loading.once(steps_max=7)
    loading.bench.meter.server.reset()
    loading.once()
    assert (loading.meter.initiated, loading.meter.taken) == (1, BLOCKS)


def test_an_image_that_is_not_sound_fails_and_changes_nothing() -> None:
    loading = Loading()
    loading.meter.faults.verify_fails = True
    loading.once()
    assert loading.session.step is Step.FAILED
    assert "verifying" in loading.session.failure
    assert loading.bench.run(read_version(loading.bench.client)) == "SIM 1.0"


def test_verification_that_fails_after_a_while_is_the_meters_word() -> None:
    loading = Loading()
    loading.meter.faults.verify_fails = True
    loading.meter.faults.verify_polls = 2
    loading.once()
    assert loading.session.failure.endswith("the meter says verification failed")


def test_activation_that_fails_is_told() -> None:
    loading = Loading()
    loading.meter.faults.activate_fails = True
    loading.once()
    assert loading.session.step is Step.FAILED
    assert loading.session.failure.endswith("the meter says activation failed")


def test_a_meter_that_forgets_after_its_activation_is_told_by_its_version_only() -> None:
    loading = Loading()
    loading.meter.faults.forgets = True
    loading.once()
    assert loading.session.step is Step.ACTIVATED
    assert loading.session.restarted


def test_a_meter_that_does_not_want_is_enabled() -> None:
    loading = Loading()
    loading.meter.change(enabled=False)
    loading.once()
    assert loading.session.step is Step.ACTIVATED


def test_a_meter_without_such_an_object_refuses() -> None:
    loading = Loading()
    del loading.bench.meter.managed._all[18, loading.meter.obis]
    loading.once()
    assert loading.session.step is Step.FAILED
    assert "object-undefined" in loading.session.failure


# -- without a line


def told(session: ImageSession, *answers: Any) -> None:
    for answer in answers:
        session.ask()
        session.told(answer)


def at_blocks(*, blocks: int = 3) -> ImageSession:
    """Return a session of which all blocks have been sent."""
    session = ImageSession(NAME, bytes(10 * blocks - 5))
    told(session, True, 10, 0, *[0] * blocks)
    assert session.step is Step.ASKING_BLOCKS
    return session


def test_a_block_that_never_comes_through_is_given_up() -> None:
    session = at_blocks()
    for _ in range(ROUNDS_MAX + 2):
        told(session, BitString("110"))
        if session.ended:
            break
        told(session, 0)
    assert session.step is Step.FAILED
    assert session.failure.endswith("block 2 does not come through")


def test_bits_that_are_left_out_are_missing_blocks() -> None:
    session = at_blocks()
    told(session, BitString("1"))
    assert session.step is Step.SENDING
    told(session, 0, 0)
    assert session.step is Step.ASKING_BLOCKS
    told(session, BitString("11111111"))
    assert session.step is Step.VERIFYING


def test_the_last_block_is_shorter_and_each_has_its_place() -> None:
    session = ImageSession(NAME, b"0123456789abcde")
    told(session, True, 10, 0)
    assert session.ask().parameter == bytes.fromhex("0202 0600000000 090a") + b"0123456789"
    session.told(0)
    assert session.ask().parameter == bytes.fromhex("0202 0600000001 0905") + b"abcde"


def test_a_meter_with_another_image_activates_nothing() -> None:
    for info in (ImageInfo(25, b"OTHER", b""), ImageInfo(24, NAME, b"")):
        session = at_blocks()
        told(session, BitString("111"), 0, [list(info)])
        assert session.step is Step.FAILED
        assert "another image" in session.failure
    session = at_blocks()
    told(session, BitString("111"), 0, [list(ImageInfo(25, NAME, b""))])
    assert session.step is Step.ACTIVATING


def test_polling_has_an_end() -> None:
    session = at_blocks()
    told(session, BitString("111"), DataAccessError.TEMPORARY_FAILURE)
    assert session.step is Step.POLLING_VERIFICATION
    assert session.ask().after_s == 5.0
    for _ in range(BUSY_MAX + 1):
        if not session.ended:
            told(session, ImageStatus.VERIFICATION_INITIATED)
    assert session.step is Step.FAILED
    assert "still at it after 20 minutes" in session.failure


def test_blocks_of_another_size_would_be_other_blocks() -> None:
    session = at_blocks()
    session.look_again()
    told(session, True, 12)
    assert session.failure.endswith("its blocks have 12 bytes now, not 10")


def test_a_refusal_says_where_and_why() -> None:
    session = ImageSession(NAME, IMAGE)
    told(session, Refused(DataAccessError.OBJECT_UNDEFINED))
    assert session.failure == "asking enabled: the meter refused (object-undefined)"
    with pytest.raises(LocalProtocolError):
        session.ask()
    session.look_again()  # what has ended stays so
    assert session.step is Step.FAILED


DENIED = Refused(DataAccessError.READ_WRITE_DENIED)


def test_what_is_only_good_to_know_may_be_refused() -> None:
    session = ImageSession(NAME, bytes(25))
    told(session, DENIED, 10, 0, 0, 0, 0)
    assert (session.step, session.ask().index) == (Step.ASKING_BLOCKS, 3)
    session.told(DENIED)
    assert session.ask().index == 4, "the first block that is missing tells enough"
    session.told(1)
    assert (session.step, session.done_bytes) == (Step.SENDING, 10)
    told(session, 0, 0)
    assert session.ask().index == 4, "it is not asked again for what it does not show"
    session.told(3)
    told(session, 0, DENIED)
    assert session.step is Step.ACTIVATING


@pytest.mark.parametrize("first", [3, 4, 0xFFFFFFFF])
def test_a_first_missing_block_behind_the_last_is_none(first: int) -> None:
    session = at_blocks()
    told(session, DENIED, first)
    assert session.step is Step.VERIFYING


def test_a_meter_that_tells_nothing_of_its_blocks_refuses() -> None:
    session = at_blocks()
    told(session, DENIED, DENIED)
    assert session.failure == "asking blocks: the meter refused (read-write-denied)"


def test_a_first_missing_block_that_stays_so_is_given_up() -> None:
    session = at_blocks()
    told(session, DENIED)
    for _ in range(ROUNDS_MAX + 2):
        told(session, 1)
        if session.ended:
            break
        told(session, 0, 0)
    assert session.failure.endswith("block 1 does not come through")


@pytest.mark.parametrize("size", [0, 0x10000])
def test_blocks_of_no_size_or_of_any_are_nonsense(size: int) -> None:
    session = ImageSession(NAME, IMAGE)
    told(session, True)
    with pytest.raises(RemoteProtocolError):
        session.told(size)


@pytest.mark.parametrize(
    ("name", "image"), [(b"", b"x"), (b"n" * 65, b"x"), (b"n", b""), (b"n", None)]
)
def test_what_no_meter_would_take_is_not_begun(name: bytes, image: bytes | None) -> None:
    with pytest.raises(LocalProtocolError):
        ImageSession(name, bytes(IMAGE_SIZE_MAX + 1) if image is None else image)


answers = st.one_of(
    st.none(), st.booleans(), st.integers(0, 300), st.text("01", max_size=9).map(BitString),
    st.sampled_from([Refused(2), Refused(3), [[25, NAME, b""]], [], b"x"]),
)  # fmt: skip


@given(st.lists(answers, max_size=40), st.booleans())
def test_nonsense_is_the_protocol_error_and_the_session_goes_on(
    said: list[Any], resume: bool
) -> None:
    session = ImageSession(NAME, bytes(25), resume=resume)
    for answer in said:
        if session.ended:
            return
        ask = session.ask()
        # A method or a write is answered by a number: the client sees to that.
        number = answer if isinstance(answer, int) and not isinstance(answer, bool) else 0
        try:
            session.told(number if ask.method or ask.parameter else answer)
        except RemoteProtocolError:
            session.look_again()
